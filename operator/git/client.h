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
  bool whole_history = false;                // more than the commit itself is going to be asked about
};

struct Fetched {
  std::string commit;      // 40 hex digits
  std::string ref;         // short name for people: "main", "v1.2", "refs/pull/1/head"; empty for a bare commit
  std::string revision;    // "main@sha1:…" (Flux's form), "sha1:…" for a bare commit
  double milliseconds = 0; // time in the worker
  std::string tag;         // the annotated tag's own object, where the ref names one
};

struct ReadRequest {
  std::string url; // names the mirror
  std::string commit;
  std::string path;      // "./deployments/apps", "" or "." is the root; never leaves the repository
  std::string base_tree; // tree id of an earlier read: only what differs is sent. Empty: everything
  std::chrono::milliseconds timeout{60'000};
};

using Globs = std::vector<std::string>; // git/path_glob.h, from the root of the repository

struct HistoryRequest {
  std::string url; // names the mirror
  std::string commit;
  Globs paths;
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
  std::vector<Globs> globs;
  std::chrono::milliseconds timeout{60'000};
};

/// What stands in one commit, by what was asked for.
struct Trees {
  std::map<std::string, std::string> ids; // of trees; paths that are missing, unsafe or no directory are left out
  std::map<Globs, std::string> matches;   // a digest of the paths, modes and ids of all that the globs match, the same for two
                                          // commits if and only if those are; globs that match too much are left out
};

/// What has to be looked at for a revision's signatures.
struct ProofRequest {
  std::string url; // names the mirror
  std::string commit;
  std::string tag;    // id of an annotated tag; may be empty
  bool since = false; // also each commit that `commit` has and `base` has not
  std::string base;   // the revision before; empty: there was none, everything is new
  std::chrono::milliseconds timeout{60'000};
};

/// A commit or an annotated tag, as git stores it: foreign bytes.
struct SignedObject {
  std::string id;
  bool tag = false;
  std::string content;
};

struct Proof {
  std::vector<SignedObject> objects; // the tag where one was asked for, the commit, then those since the base, newest first
  bool forward = true;               // the commit is the base or descends from it; true where there is no base
};

/// Control thread only. Jobs of one URL run one after the other, different URLs at the same time in up to `workers` processes,
/// by turns of the URLs. Workers start on demand (this binary with `git-worker`), are reused, leave after `idle`, and are
/// killed at a deadline, when a caller is cancelled, and by destruction.
class Client {
public:
  struct Options {
    std::filesystem::path mirrors; // directory for bare mirrors, one per URL (named by its hash); made where missing
    std::filesystem::path executable = "/proc/self/exe";
    size_t workers = 2; // at once, as a rule
    size_t surge = 8;   // as many while all have been at work for `stuck`: mute remotes delay nobody else
    std::chrono::milliseconds stuck{1'000};
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

  /// Which tree stands at each path of a commit, and what globs match in it: one short job for all of them.
  Task<Result<Trees>> trees(TreesRequest request);
  /// The last commit that changed a file which one of the globs matches: the first one, from the request's commit along first
  /// parents, that differs there from its own first parent (`git log -1 --first-parent COMMIT -- PATHS`). So a merge counts as
  /// one change, of what it brought to the branch. Answered from memory where the commit was asked for before; where an older
  /// one of the branch was, only what is new is walked. Errors: InvalidSpec (a glob), PathNotFound (no commit did), GitLimit,
  /// GitFetch (not in the mirror, or the history ends before its beginning: a shallow remote).
  Task<Result<LastChange>> last_change(HistoryRequest request);

  /// The objects whose signatures count for a revision. Errors: GitFetch (not in the mirror, or a history that is not whole),
  /// GitLimit (too many commits, or one that is too large).
  Task<Result<Proof>> proof(ProofRequest request);

  /// Resident bytes of all living workers, for `rss` figures.
  uint64_t resident() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace gitsync::git
