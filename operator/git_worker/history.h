// The last commit that changed what globs match. Worker side only; reads commits and trees, no blobs.
#pragma once
#include "git/protocol.h"
#include "git_worker/mirror.h"

namespace gitsync::git {

/// What one walk may look at; its time is bounded by the operator's deadline.
struct HistoryLimits {
  size_t commits = 500'000;
  size_t entries = 50'000'000; // of trees that differ, in all
  int depth = 64;
};

/// Client::last_change() in git/client.h has the rules. Two commits are compared by the ids of their trees, so what is equal,
/// and what no glob can match below, isn't entered.
Result<LastChange> last_change(Mirrors& mirrors, const HistoryJob& job, const HistoryLimits& limits = {});

} // namespace gitsync::git
