// A GitSync as the operator uses it: parsed, defaulted, checked. Pure.
#pragma once
#include "api/meta.h"
#include "api/spec_reader.h"
#include "api/status.h"
#include "base/error.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::api {

/// What happens to drift.
enum class DriftMode {
  Correct, // changed back at once
  Report,  // counted and named in status, metrics and Events
  Ignore,  // neither, until the next revision touches the object
};

/// What becomes of the managed objects when their GitSync is deleted.
enum class DeletionPolicy {
  Delete,             // deleted before the finalizer goes
  Orphan,             // left in the cluster; our label, annotation and field manager are given up
  WaitForTermination, // as Delete, and the finalizer stays until they are really gone, their own finalizers included
};

/// What happens when the API server refuses an object of a revision.
enum class OnError {
  Stop,     // no later stage begins
  Continue, // all goes on that does not depend on it
};

struct GitSyncSpec {
  std::string source_kind = "GitRepository"; // spec.sourceRef
  std::string source_name;
  std::string source_namespace;                          // "" for the GitSync's own
  std::string path = "./";                               // as written
  std::chrono::milliseconds interval{1'800'000};         // pause between two verification sweeps
  bool prune = true;                                     // spec.prune.enabled
  bool allow_empty = false;                              // spec.prune.allowEmpty
  std::optional<int64_t> max_delete, max_delete_percent; // spec.prune.…
  DriftMode drift = DriftMode::Correct;
  std::string target_namespace;                      // "" for "default"
  std::string service_account;                       // spec.serviceAccountName; "" for none
  bool health_wait = true;                           // spec.health.wait
  std::chrono::milliseconds health_timeout{300'000}; // spec.health.timeout
  bool rollback = false;                             // spec.rollback.enabled
  OnError on_error = OnError::Stop;
  std::vector<std::string> depends_on; // names of GitSyncs of the same namespace: spec.dependsOn[].name
  DeletionPolicy deletion_policy = DeletionPolicy::Delete;
  bool suspend = false;
  friend bool operator==(const GitSyncSpec&, const GitSyncSpec&) = default;
};

struct GitSync {
  Meta meta;
  GitSyncSpec spec;
  GitSyncStatus status;

  /// "namespace/name" of the source.
  std::string source_key() const;
};

/// Never throws, whatever the JSON is. InvalidSpec with all that is wrong, beginning "GitSync ns/name: spec.path: …"; use
/// parse_meta() and parse_git_sync_status() then, and mark it Stalled.
Result<GitSync> parse_git_sync(const nlohmann::json& object);

/// Every field that the parser reads, for the test that holds it against the CRD.
std::vector<FieldRead> git_sync_fields();

/// What is wrong with a path inside a repository, "" where nothing is; the same rules stand in the CRD.
std::string_view path_problem(std::string_view path);

} // namespace gitsync::api
