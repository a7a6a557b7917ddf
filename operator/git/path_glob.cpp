#include "git/path_glob.h"

#include "base/text.h"
#include "git/name.h"

#include <algorithm>

namespace gitsync::git {
namespace {

constexpr size_t max_bytes = 1024, max_names = 64;
constexpr std::string_view any_directories = "**";

/// At most the product of both lengths in steps.
bool name_matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

/// The positions in the glob that can be reached once all these names are matched: bit i means that its first i names are.
std::vector<bool> walk(const std::vector<std::string>& glob, std::string_view path) {
  std::vector<bool> at(glob.size() + 1);
  at[0] = true;
  const auto skip = [&] { // "**" for no directory
    for (size_t i = 0; i < glob.size(); ++i)
      if (at[i] && glob[i] == any_directories) at[i + 1] = true;
  };
  skip();
  for (const auto name : split(path, '/')) {
    std::vector<bool> next(glob.size() + 1);
    for (size_t i = 0; i < glob.size(); ++i) {
      if (!at[i]) continue;
      if (glob[i] == any_directories)
        next[i] = true;
      else if (name_matches(glob[i], name))
        next[i + 1] = true;
    }
    at = std::move(next);
    skip();
  }
  return at;
}

} // namespace

Result<PathGlob> PathGlob::parse(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(Code::InvalidSpec, cat("glob \"", escaped(shorten(text, 80)), "\": ", why));
  };
  if (text.empty() || text.size() > max_bytes) return wrong(cat("must have 1 to ", max_bytes, " bytes"));
  if (text.find_first_of("[]{}\\!") != std::string_view::npos) return wrong("knows *, ? and ** only");
  auto rest = text;
  while (rest.starts_with("./")) rest.remove_prefix(2);
  PathGlob out;
  for (const auto name : split(rest, '/')) out.names_.emplace_back(name);
  if (out.names_.back().empty()) out.names_.back() = any_directories;
  if (out.names_.size() > max_names) return wrong(cat("has more than ", max_names, " names"));
  for (const auto& name : out.names_)
    if (const auto fault = name_fault(name); !fault.empty()) return wrong(cat("has ", fault));
  if (out.names_.back() == any_directories) out.names_.emplace_back("*"); // a file, not the directory itself
  return out;
}

bool PathGlob::matches(std::string_view path) const { return walk(names_, path).back(); }

bool PathGlob::matches_all_below(std::string_view directory) const {
  const auto at = walk(names_, directory);
  const auto size = names_.size(); // "**" and what parse() puts behind it
  return size >= 2 && names_[size - 1] == "*" && names_[size - 2] == any_directories && at[size - 2];
}

bool PathGlob::may_match_below(std::string_view directory) const {
  auto at = walk(names_, directory);
  at.pop_back(); // what has matched whole has no name left
  return std::ranges::find(at, true) != at.end();
}

} // namespace gitsync::git
