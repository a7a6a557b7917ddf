#include "registry/challenge.h"

#include <algorithm>

namespace gitsync::registry {
namespace {

constexpr size_t max_challenges = 8, max_parameters = 16;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

/// RFC 9110, section 5.6.2.
bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Reader {
public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  void skip(std::string_view what) {
    while (!at_end() && what.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view token() {
    const size_t from = at_;
    while (!at_end() && is_token(text_[at_])) ++at_;
    return text_.substr(from, at_ - from);
  }
  /// A token or a quoted string.
  std::string value() {
    if (!take('"')) return std::string(token());
    std::string out;
    while (!at_end() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    take('"');
    return out;
  }
  void drop() { ++at_; }

private:
  std::string_view text_;
  size_t at_ = 0;
};

} // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> out;
  Reader reader(header);
  for (reader.skip(" \t,"); !reader.at_end(); reader.skip(" \t,")) {
    const auto word = reader.token();
    if (word.empty()) {
      reader.drop();
      continue;
    }
    reader.skip(" \t");
    if (!reader.take('=')) { // a word that has no value begins the next challenge
      if (out.size() == max_challenges) break;
      out.push_back({lower(word), {}});
      continue;
    }
    reader.skip(" \t");
    auto value = reader.value();
    if (!out.empty() && out.back().parameters.size() < max_parameters)
      out.back().parameters.emplace(lower(word), std::move(value));
  }
  return out;
}

} // namespace gitsync::registry
