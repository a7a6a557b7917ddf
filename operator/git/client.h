// Operator side of the git worker: fetches revisions and reads manifests, with a deadline that kills. libgit2 is never entered
// in this process.
#pragma once
#include "base/error.h"
#include "object/manifest.h"
#include "runtime/task.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gitsync::git {

/// Which commit is wanted; exactly one is set (the CRD's validation sees to it; otherwise InvalidSpec). Empty: the remote's
/// HEAD.
struct RefSpec {
  std::string branch, tag, commit, name; // name: any full ref, "refs/pull/1/head"
};

/// What a GitRepository's Secret gives; registered with register_secret() by whoever reads it. Empty members are not used.
struct Credentials {
  std::string username, password; // https basic; username also for ssh
  std::string bearer_token;
  std::string ca_crt;           // PEM, https
  std::string identity;         // PEM private key, ssh
  std::string known_hosts;      // required for ssh: no host key is ever trusted on first use
  std::string tls_crt, tls_key; // PEM, https: client certificate, with its chain, and key
  std::string proxy;            // http://host:port; only https and http go through it
  std::string proxy_username, proxy_password;
};

struct FetchRequest {
  std::string url; // http(s)://, ssh://, user@host:path, file:///…
  RefSpec ref;
  Credentials credentials;
  std::chrono::milliseconds timeout{60'000}; // then the worker is killed and Timeout is returned
};

struct Fetched {
  std::string commit;      // 40 hex digits
  std::string ref;         // short name for people: "main", "v1.2", "refs/pull/1/head"; empty for a bare commit
  std::string revision;    // "main@sha1:…" (Flux's form), "sha1:…" for a bare commit
  double milliseconds = 0; // time in the worker
};

struct ReadRequest {
  std::string url; // names the mirror
  std::string commit;
  std::string path;      // "./deployments/apps", "" or "." is the root; never leaves the repository
  std::string base_tree; // tree id of an earlier read: only what differs is sent. Empty: everything
  std::chrono::milliseconds timeout{60'000};
};

struct HistoryRequest {
  std::string url; // names the mirror
  std::string commit;
  std::vector<std::string> paths; // globs (git/path_glob.h) from the root of the repository
  std::chrono::milliseconds timeout{60'000};
};

struct LastChange {
  std::string commit; // 40 hex digits
};

/// One file of the path that is new or has changed (manifests), or is gone (removed).
struct FileChange {
  std::string file; // relative to ReadRequest::path
  bool removed = false;
  std::vector<Manifest> manifests;
};

struct ReadResult {
  std::string tree;          // tree id of the path at the commit: the next base_tree
  bool full = false;         // everything was sent: files that were not sent do not exist (no base, or its tree is unknown)
  size_t files = 0;          // manifest files sent
  std::vector<Error> errors; // all that is wrong, each "file:line: …"; where not empty, nothing of this revision may be used
};

struct TreesRequest {
  std::string url; // names the mirror
  std::string commit;
  std::vector<std::string> paths; // as ReadRequest::path
  std::chrono::milliseconds timeout{60'000};
};

/// Tree ids by path, as it was asked. Paths that are missing, unsafe or no directory are left out.
struct Trees {
  std::map<std::string, std::string> ids;
};

/// Control thread only. Jobs of one URL run one after the other, different URLs at the same time in up to `workers` processes.
/// Workers start on demand (this binary with `git-worker`), are reused, leave after `idle`, and are killed at a deadline, when
/// a caller is cancelled, and by destruction.
class Client {
public:
  struct Options {
    std::filesystem::path mirrors; // directory for bare mirrors, one per URL (named by its hash); made where missing
    std::filesystem::path executable = "/proc/self/exe";
    size_t workers = 2;
    std::chrono::milliseconds idle{30'000};
    uint64_t memory = 384u << 20;         // RLIMIT_DATA of a worker
    uint64_t max_repository = 4ull << 30; // bytes that one fetch may receive
  };
  Client(asio::any_io_executor executor, Options options);
  ~Client();

  /// Brings the mirror up to date and resolves the ref. An unchanged head costs one ref listing. A corrupt mirror is cloned
  /// anew.
  Task<Result<Fetched>> fetch(FetchRequest request);
  /// Sends the path's manifest files (*.yaml, *.yml, *.json; hidden files and directories are left out) one by one to `sink`,
  /// in byte order of their paths. Memory stays bounded by one file. Symlinks and submodules are UnsafePath errors.
  Task<Result<ReadResult>> read(ReadRequest request, std::function<void(FileChange)> sink);

  /// Which tree stands at each path of a commit: one short job for all of them.
  Task<Result<Trees>> trees(TreesRequest request);
  /// The last commit that changed a file which one of the globs matches: the first one, from the request's commit along first
  /// parents, that differs there from its own first parent (`git log -1 --first-parent COMMIT -- PATHS`). So a merge counts as
  /// one change, of what it brought to the branch. Answered from memory where the commit was asked for before; where an older
  /// one of the branch was, only what is new is walked. Errors: InvalidSpec (a glob), PathNotFound (no commit did), GitLimit,
  /// GitFetch (not in the mirror, or the history ends before its beginning: a shallow remote).
  Task<Result<LastChange>> last_change(HistoryRequest request);

  /// Resident bytes of all living workers, for `rss` figures.
  uint64_t resident() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace gitsync::git
