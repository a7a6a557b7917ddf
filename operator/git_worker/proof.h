// The commits and tags whose signatures count for a revision, as they are stored. Worker side only; reads no trees, no blobs.
#pragma once
#include "git/protocol.h"
#include "git_worker/mirror.h"

namespace gitsync::git {

/// What one proof may hold; its time is bounded by the operator's deadline.
struct ProofLimits {
  size_t commits = 5'000;
  size_t object = 1u << 20; // bytes of one
  size_t bytes = 16u << 20; // of all
};

/// Client::proof() in git/client.h. "Since the base" is what `git rev-list COMMIT ^BASE` lists: commits that a merge brought
/// count as well. Where the mirror no longer has the base, nothing can be left out: the whole history counts, and the commit
/// doesn't descend from it.
Result<Proof> proof(Mirrors& mirrors, const ProofJob& job, const ProofLimits& limits = {});

} // namespace gitsync::git
