// Brings a mirror up to date. Worker side only: blocks, has no time-out of its own (the operator's deadline kills).
#pragma once
#include "git/protocol.h"
#include "git_worker/mirror.h"

namespace gitsync::git {

/// Lists the remote's refs; where the wanted commit is in the mirror already, that is all. Otherwise fetches just that ref (all
/// branches and tags for a bare commit, which no server has to give by its id). A mirror that turns out to be damaged is
/// removed and cloned anew once. `home` is where the preferred host key type may be written for libssh2 (see session.cpp).
/// Errors: InvalidSpec, GitFetch, GitAuth, GitRefNotFound, GitLimit; each message begins with the URL.
Result<Fetched> fetch(Mirrors& mirrors, const FetchJob& job, const std::filesystem::path& home);

} // namespace gitsync::git
