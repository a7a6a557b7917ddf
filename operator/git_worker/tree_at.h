// The tree at a path of a commit. Worker side only.
#pragma once
#include "git_worker/libgit.h"
#include "git_worker/mirror.h"

#include <optional>
#include <string>
#include <vector>

namespace gitsync::git {

struct TreeAt {
  Tree tree; // null where there is an error
  std::optional<Error> error;
  bool damaged = false; // the mirror is
};

/// `components` of path_components(); none: the root. Errors: InvalidSpec, GitFetch, PathNotFound, UnsafePath.
TreeAt tree_at(const Mirror& mirror, const std::string& url, const std::string& commit,
               const std::vector<std::string>& components);

} // namespace gitsync::git
