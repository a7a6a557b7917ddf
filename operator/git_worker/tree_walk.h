// What differs below a path between two trees. Worker side only; reads tree objects, no blobs.
#pragma once
#include "git_worker/libgit.h"

#include <functional>
#include <string>
#include <vector>

namespace gitsync::git {

/// A manifest file that is new, has changed or is gone.
struct TreeChange {
  std::string file; // relative to the tree that the walk began with
  git_oid blob{};
  bool removed = false;
};

struct WalkLimits {
  size_t entries = 1'000'000; // looked at, of any kind: a tree may name the same subtree many times
  size_t files = 100'000;
  int depth = 64;
  size_t errors = 100; // further ones are only counted
};

struct WalkResult {
  std::vector<TreeChange> changes; // in byte order of their paths
  std::vector<Error> errors;       // UnsafePath and GitLimit, each begins with the file
  size_t more_errors = 0;
  bool damaged = false; // an object is missing or unreadable: the last error says which
};

/// Compares a tree with an older one (null: with nothing) and lists the manifest files (git/name.h) that differ. Equal subtrees
/// are skipped by their ids, so the cost follows the differences. Hidden entries are left out; symlinks, submodules and unsafe
/// names in what differs are errors (what did not change was looked at when the older tree was read).
WalkResult walk_difference(git_repository* repository, const git_tree* now, const git_tree* before,
                           const WalkLimits& limits = {});

} // namespace gitsync::git
