#include "object/label_selector.h"

#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync {
namespace {

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= 317 && std::ranges::all_of(text, [](char c) {
    return c == '-' || c == '_' || c == '.' || c == '/' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
  });
}
bool is_value(std::string_view text) {
  return text.empty() || (text.size() <= 63 && is_key(text) && text.find('/') == std::string_view::npos);
}

/// At the commas that stand in no parentheses.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> out;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      out.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    }
  }
  return out;
}

} // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  LabelSelector out;
  if (trim(text).empty()) return out;
  for (const auto part : parts_of(text)) {
    Requirement requirement;
    bool good = false;
    if (const size_t equals = part.find('='); equals != std::string_view::npos && part.find('(') == std::string_view::npos) {
      requirement.negated = equals > 0 && part[equals - 1] == '!';
      const bool twice = equals + 1 < part.size() && part[equals + 1] == '=';
      requirement.key = std::string(trim(part.substr(0, requirement.negated ? equals - 1 : equals)));
      requirement.values.emplace_back(trim(part.substr(equals + (twice ? 2 : 1))));
      good = is_value(requirement.values.front());
    } else if (const size_t open = part.find('('); open != std::string_view::npos && part.ends_with(')')) {
      const auto head = trim(part.substr(0, open));
      const size_t space = head.find_last_of(' ');
      const auto word = space == std::string_view::npos ? std::string_view() : head.substr(space + 1);
      requirement.negated = word == "notin";
      requirement.key = std::string(trim(head.substr(0, space == std::string_view::npos ? 0 : space)));
      good = word == "in" || word == "notin";
      for (const auto value : split(part.substr(open + 1, part.size() - open - 2), ',')) {
        requirement.values.emplace_back(trim(value));
        good = good && is_value(requirement.values.back());
      }
    } else {
      requirement.exists = true;
      requirement.negated = part.starts_with('!');
      requirement.key = std::string(trim(part.substr(requirement.negated ? 1 : 0)));
      good = true;
    }
    if (!good || !is_key(requirement.key))
      return fail(Code::InvalidSpec, cat('"', part.substr(0, 80),
                                         "\" is no requirement such as app=api, tier!=web, env in (a,b), legacy or !legacy"));
    out.requirements_.push_back(std::move(requirement));
  }
  return out;
}

bool LabelSelector::matches(const nlohmann::json& labels) const {
  return std::ranges::all_of(requirements_, [&](const Requirement& requirement) {
    const auto& value = read_member(labels, requirement.key);
    if (requirement.exists) return value.is_string() != requirement.negated;
    const bool among = value.is_string() &&
                       std::ranges::find(requirement.values, value.get_ref<const std::string&>()) != requirement.values.end();
    return among != requirement.negated; // a missing label is not among any values
  });
}

} // namespace gitsync
