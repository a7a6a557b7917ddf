// The status of our custom resources: as read, and as written. Pure.
//
// Everything has a cap, so that a status stays below some tens of kilobytes whatever a repository holds: texts 1,024 bytes,
// 20 errors, 20 paths. All texts are redacted.
#pragma once
#include "api/condition.h"
#include "base/clock.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::api {

inline constexpr size_t max_status_errors = 20;
inline constexpr size_t max_status_paths = 20;

/// The fetch that brought GitRepositoryStatus::revision.
struct LastFetch {
  WallTime time{}; // when it ended; whole seconds are kept
  double milliseconds = 0;
  friend bool operator==(const LastFetch&, const LastFetch&) = default;
};

struct GitRepositoryStatus {
  int64_t observed_generation = 0;
  std::string revision; // "main@sha1:…"
  std::string last_handled_reconcile_at;
  std::optional<LastFetch> last_fetch;
  Conditions conditions;
  friend bool operator==(const GitRepositoryStatus&, const GitRepositoryStatus&) = default;
};

/// What others did to an object.
namespace operation {
inline constexpr std::string_view modified = "Modified";
inline constexpr std::string_view deleted = "Deleted";
inline constexpr std::string_view unlabelled = "Unlabelled"; // our label was removed or changed
inline constexpr std::string_view extended = "Extended";     // fields were added that git does not declare
} // namespace operation

/// The latest drift that was undone.
struct LastCorrection {
  WallTime time{};       // whole seconds are kept
  std::string object;    // ObjectRef::text()
  std::string operation; // one of operation::…
  std::string manager;   // the field manager that did it; "" where nobody can tell (a deletion)
  std::vector<std::string> paths;
  double milliseconds = 0; // watch event → answer of the correcting write
  std::string revision;
  friend bool operator==(const LastCorrection&, const LastCorrection&) = default;
};

inline constexpr size_t max_differences = 20;

/// An object that differs from git and is not being corrected, or has fields of others beside what is declared. Paths only,
/// never values.
struct Difference {
  std::string object;    // ObjectRef::text()
  std::string operation; // one of operation::…
  std::string manager;
  std::vector<std::string> paths;
  friend bool operator==(const Difference&, const Difference&) = default;
};

/// What became of a revision.
namespace outcome {
inline constexpr std::string_view applied = "Applied"; // and not healthy yet
inline constexpr std::string_view healthy = "Healthy";
inline constexpr std::string_view unhealthy = "Unhealthy";    // failed, or not healthy in time
inline constexpr std::string_view rolled_back = "RolledBack"; // and replaced by the last healthy one
inline constexpr std::string_view restored = "Restored";      // put back by a rollback
} // namespace outcome

inline constexpr size_t max_history = 10;

/// One revision that was applied.
struct HistoryEntry {
  std::string revision;
  std::string digest; // of the set of objects: equal ones declare the same
  WallTime time{};    // when it was applied; whole seconds are kept
  std::string outcome;
  int64_t objects = 0;
  friend bool operator==(const HistoryEntry&, const HistoryEntry&) = default;
};
using History = std::vector<HistoryEntry>; // newest first

/// Puts a revision in front and drops the oldest beyond max_history.
void note_revision(History& history, HistoryEntry entry);
/// What became of the newest entry of that revision, if there is one.
void note_outcome(History& history, std::string_view revision, std::string_view outcome);

struct GitSyncStatus {
  int64_t observed_generation = 0;
  std::string last_attempted_revision; // "main@sha1:…"; status.revision is its short form
  std::string last_applied_revision;
  std::string last_healthy_revision;  // the last one after which all objects were healthy
  std::string plan_digest;            // of a plan that waits for an Approval
  std::optional<WallTime> plan_since; // since when it waits; whole seconds are kept
  std::string last_handled_reconcile_at;
  int64_t objects = 0;
  std::string health = "Unknown";
  int64_t drift = 0;
  std::vector<Difference> differences; // at most max_differences are shown
  std::optional<LastCorrection> last_correction;
  History history;
  std::vector<std::string> errors; // all that is wrong with the attempted revision
  Conditions conditions;
  friend bool operator==(const GitSyncStatus&, const GitSyncStatus&) = default;
};

/// The object's .status, empty fields left out. Two statuses that give equal JSON need no write.
nlohmann::json status_to_json(const GitRepositoryStatus& status);
nlohmann::json status_to_json(const GitSyncStatus& status);

/// Reads an object's .status, whatever stands there: never fails, what is missing or odd is empty.
GitRepositoryStatus parse_git_repository_status(const nlohmann::json& object);
GitSyncStatus parse_git_sync_status(const nlohmann::json& object);

/// "main@sha1:1f3c9a2…" → "main@1f3c9a2", "sha1:1f3c9a2…" → "1f3c9a2"; anything else as it is.
std::string short_revision(std::string_view revision);

} // namespace gitsync::api
