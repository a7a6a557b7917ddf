// Globs over the paths of a repository. Pure.
#pragma once
#include "base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace gitsync::git {

/// "internal/**", "cmd/*/main.go", "Dockerfile": `*` stands for any characters of one name, `?` for one, `**` as a whole name
/// for any directories, none included. A leading "./" counts for nothing; a "/" at the end means "/**". It is compared byte by
/// byte; names that begin with a dot are names like others. What names a directory matches nothing in it: that is
/// "directory/**".
class PathGlob {
public:
  /// Errors: InvalidSpec, beginning with the glob.
  static Result<PathGlob> parse(std::string_view text);

  /// Whether a file's path, from the root, matches.
  bool matches(std::string_view path) const;
  /// Whether every path below the directory matches.
  bool matches_all_below(std::string_view directory) const;
  /// False where no path below the directory can match: it need not be entered.
  bool may_match_below(std::string_view directory) const;

private:
  std::vector<std::string> names_;
};

} // namespace gitsync::git
