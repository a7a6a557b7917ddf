#include "base/secret.h"

#include "base/text.h"

#include <algorithm>
#include <cctype>
#include <deque>
#include <mutex>
#include <set>

namespace gitsync {
namespace {

constexpr size_t min_length = 6;
constexpr size_t max_values = 4096;

struct Register {
  std::mutex mutex;
  std::deque<std::string> order;
  std::set<std::string, std::less<>> values;
};

Register& the_register() {
  static Register instance;
  return instance;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

void add(Register& reg, std::string value) {
  if (value.size() < min_length || !reg.values.insert(value).second) return;
  reg.order.push_back(std::move(value));
  if (reg.order.size() > max_values) {
    reg.values.erase(reg.order.front());
    reg.order.pop_front();
  }
}

/// https://user:password@host → https://***@host
void mask_userinfo(std::string& text) {
  for (size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const size_t from = at + 3;
    const size_t end = text.find_first_of(" /?#\"'\\\n", from);
    const size_t user_end = text.substr(from, end == std::string::npos ? end : end - from).rfind('@');
    if (user_end != std::string::npos && text.substr(from, user_end) != "git") text.replace(from, user_end, "***");
  }
}

/// "Authorization: Bearer x" and "Bearer x" in any case, whatever the scheme after the header's name.
void mask_authorization(std::string& text) {
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto mask = [&](size_t from, size_t shortest) {
    size_t end = text.find_first_of(" \"'\\\r\n,", from);
    if (end == std::string::npos) end = text.size();
    if (end - from < shortest) return;
    text.replace(from, end - from, "***");
    lower.replace(from, end - from, "***");
  };
  for (const std::string_view scheme : {"bearer ", "basic "})
    for (size_t at = lower.find(scheme); at != std::string::npos; at = lower.find(scheme, at + scheme.size()))
      mask(at + scheme.size(), 8);
  constexpr std::string_view header = "authorization: ";
  for (size_t at = lower.find(header); at != std::string::npos; at = lower.find(header, at + header.size())) {
    const size_t scheme = at + header.size();
    const size_t space = lower.find(' ', scheme);
    if (space != std::string::npos) mask(space + 1, 1);
  }
}

} // namespace

void register_secret(std::string_view value) {
  auto& reg = the_register();
  const std::lock_guard lock(reg.mutex);
  add(reg, std::string(value));
  const auto trimmed = trim(value);
  if (trimmed.size() != value.size()) {
    add(reg, std::string(trimmed));
    if (trimmed.size() >= min_length) add(reg, base64_encode(trimmed));
  }
  if (value.size() >= min_length) add(reg, base64_encode(value));
}

std::string redact(std::string_view text) {
  std::string out(text);
  {
    auto& reg = the_register();
    const std::lock_guard lock(reg.mutex);
    // Longest first would matter only for values inside others; masking the inner one hides enough of the outer one.
    for (const auto& value : reg.values) replace_all(out, value, "***");
  }
  mask_userinfo(out);
  mask_authorization(out);
  return out;
}

std::string redact_quoted(std::string_view text) {
  std::string out;
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && inside) {
      ++i;
      continue;
    }
    if (text[i] == '"') {
      out += inside ? "***\"" : "\"";
      inside = !inside;
    } else if (!inside) {
      out += text[i];
    }
  }
  if (inside) out += "***";
  return redact(out);
}

} // namespace gitsync
