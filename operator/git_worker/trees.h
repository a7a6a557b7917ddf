// Which tree stands at each of many paths: how a commit is known to touch nothing of a GitSync without reading it. Worker side
// only.
#pragma once
#include "git/protocol.h"
#include "git_worker/mirror.h"

namespace gitsync::git {

/// Paths that are missing, unsafe or no directory are left out. Errors: GitFetch, InvalidSpec (the commit).
Result<Trees> trees(Mirrors& mirrors, const TreesJob& job);

} // namespace gitsync::git
