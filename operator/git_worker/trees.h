// Which tree stands at each of many paths, and what many globs match: how a commit is known to touch nothing of a GitSync
// without reading it. Worker side only.
#pragma once
#include "git/protocol.h"
#include "git_worker/mirror.h"

namespace gitsync::git {

/// What is left out is told in git/client.h. Errors: GitFetch, InvalidSpec (the commit, a glob).
Result<Trees> trees(Mirrors& mirrors, const TreesJob& job);

} // namespace gitsync::git
