#include "git/name.h"

#include "base/text.h"

#include <algorithm>

namespace gitsync::git {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

} // namespace

std::string_view name_fault(std::string_view name) {
  if (name.empty()) return "an empty name";
  if (name == "." || name == "..") return "a name that leaves its directory";
  if (name.find('/') != std::string_view::npos) return "a name with a slash";
  if (std::ranges::equal(name, std::string_view(".git"), [](char a, char b) { return (a | 0x20) == b || a == b; }))
    return "the name of git's own directory";
  if (std::ranges::any_of(name, is_control)) return "a name with control characters";
  if (!valid_utf8(name)) return "a name that is not UTF-8";
  if (name.size() > 255) return "a name longer than 255 bytes";
  return {};
}

std::string escaped(std::string_view bytes) {
  const bool utf8 = valid_utf8(bytes);
  std::string out;
  for (const char c : bytes.substr(0, 512)) {
    if (is_control(c) || c == '\\' || (!utf8 && static_cast<unsigned char>(c) >= 0x80))
      out += "\\x" + hex(std::string_view(&c, 1));
    else
      out += c;
  }
  return shorten(out, 512);
}

bool is_manifest_name(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

Result<std::vector<std::string>> path_components(std::string_view path) {
  if (path.starts_with('/'))
    return fail(Code::UnsafePath, cat("path ", escaped(path), ": is absolute; it begins at the repository's root"));
  std::vector<std::string> out;
  for (const auto component : split(path, '/')) {
    if (component.empty() || component == ".") continue;
    if (const auto fault = name_fault(component); !fault.empty())
      return fail(Code::UnsafePath, cat("path ", escaped(path), ": has ", fault));
    out.emplace_back(component);
  }
  return out;
}

} // namespace gitsync::git
