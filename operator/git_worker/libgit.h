// libgit2's handles, its last error as ours, and its global switches. Worker side only: one thread, one process.
#pragma once
#include "base/error.h"

#include <git2.h>
#include <memory>
#include <string>
#include <string_view>

namespace gitsync::git {

template <auto Free> struct FreeBy {
  void operator()(auto* handle) const { Free(handle); }
};
using Repository = std::unique_ptr<git_repository, FreeBy<git_repository_free>>;
using Odb = std::unique_ptr<git_odb, FreeBy<git_odb_free>>;
using OdbObject = std::unique_ptr<git_odb_object, FreeBy<git_odb_object_free>>;
using Remote = std::unique_ptr<git_remote, FreeBy<git_remote_free>>;
using Object = std::unique_ptr<git_object, FreeBy<git_object_free>>;
using Commit = std::unique_ptr<git_commit, FreeBy<git_commit_free>>;
using Tree = std::unique_ptr<git_tree, FreeBy<git_tree_free>>;
using Reference = std::unique_ptr<git_reference, FreeBy<git_reference_free>>;

/// Calls a libgit2 function whose first parameter receives the handle: `make<Tree>(rc, git_tree_lookup, repo, &oid)`.
template <class Handle, class Function, class... Args> Handle make(int& rc, Function function, Args... args) {
  typename Handle::pointer raw = nullptr;
  rc = function(&raw, args...);
  return Handle(rc == 0 ? raw : nullptr);
}

std::string oid_text(const git_oid& oid);
/// False where the text is not 40 hex digits.
bool oid_from(git_oid& oid, std::string_view text);

/// libgit2's last message as one printable, redacted, short line.
std::string last_message();

/// Whether the last failure says that the mirror itself is damaged (as opposed to the remote, the network or a limit).
bool mirror_damaged(int rc);

/// Once per process, before anything else of libgit2: no configuration from outside the mirror, small caches and windows, every
/// object's hash checked. What one object may take is bounded by the worker's RLIMIT_DATA.
Result<> init_libgit2();

} // namespace gitsync::git
