// Conditions as Kubernetes' API conventions and kstatus read them. Pure.
//
// Ready is always there once an object was looked at. Reconciling and Stalled exist only while they are true ("abnormal-true"),
// and never both: Reconciling means that work goes on or will be tried again, Stalled that nothing happens until somebody
// changes something. Source: sigs.k8s.io/cli-utils, pkg/kstatus/README.md.
#pragma once
#include "base/clock.h"
#include "base/error.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::api {

enum class Truth { Unknown, True, False };
/// "True", "False", "Unknown".
std::string_view truth_text(Truth truth);

struct Condition {
  std::string type;
  Truth status = Truth::Unknown;
  std::string reason;
  std::string message;
  WallTime last_transition{};
  int64_t observed_generation = 0;
  friend bool operator==(const Condition&, const Condition&) = default;
};
using Conditions = std::vector<Condition>;

inline constexpr std::string_view ready_condition = "Ready";
inline constexpr std::string_view reconciling_condition = "Reconciling";
inline constexpr std::string_view stalled_condition = "Stalled";
inline constexpr std::string_view verified_condition = "Verified"; // GitRepository with spec.verify only

/// Why a condition is as it is; one word for programs. docs/api.md lists them with what they mean.
namespace reason {
inline constexpr std::string_view applied = "Applied";                         // GitSync: the revision is applied and enforced
inline constexpr std::string_view fetched = "Fetched";                         // GitRepository: the revision is in the mirror
inline constexpr std::string_view progressing = "Progressing";                 // first attempt under way
inline constexpr std::string_view retrying = "ProgressingWithRetry";           // failed, will be tried again
inline constexpr std::string_view invalid_spec = "InvalidSpec";                // this object's spec cannot be used
inline constexpr std::string_view source_not_found = "SourceNotFound";         // sourceRef names nothing
inline constexpr std::string_view dependency_not_ready = "DependencyNotReady"; // spec.dependsOn
inline constexpr std::string_view source_not_ready = "SourceNotReady";         // the source has no revision yet
inline constexpr std::string_view fetch_failed = "FetchFailed";                // the remote or the mirror
inline constexpr std::string_view verified = "Verified";                       // the revision is signed as spec.verify wants it
inline constexpr std::string_view not_verified = "NotVerified";                // and is not
inline constexpr std::string_view history_rewound = "HistoryRewound";          // the ref went back: waits for an Approval
inline constexpr std::string_view revision_refused = "RevisionRefused";   // something in the commit is wrong: status.errors
inline constexpr std::string_view prune_blocked = "PruneBlocked";         // the revision would prune everything
inline constexpr std::string_view approval_required = "ApprovalRequired"; // a plan waits for an Approval
inline constexpr std::string_view window_closed = "WindowClosed";         // a plan waits for a sync window
inline constexpr std::string_view health_failed = "HealthCheckFailed";    // an object failed, or was not healthy in time
inline constexpr std::string_view rolled_back = "RolledBack";             // the last healthy revision is enforced instead
inline constexpr std::string_view apply_failed = "ApplyFailed";           // the API server refused or cannot be reached
inline constexpr std::string_view drift_detected = "DriftDetected";       // drift.mode is Report, and objects differ
inline constexpr std::string_view waiting_for_image = "WaitingForImage";  // a registry lacks an image of spec.images
inline constexpr std::string_view image_not_found = "ImageNotFound";      // and did so for all of its time
inline constexpr std::string_view registry_failed = "RegistryFailed";     // it refuses or can't be reached
inline constexpr std::string_view suspended = "Suspended";                // spec.suspend
inline constexpr std::string_view deleting = "Deleting";                  // deletionPolicy is being carried out
inline constexpr std::string_view inventory_corrupt = "InventoryCorrupt"; // what was stored cannot be read: nothing is pruned
inline constexpr std::string_view internal_error = "InternalError";       // a defect of the operator
} // namespace reason

/// The reason under which an error stands in a condition.
std::string_view reason_for(Code code);

/// The condition of that type, or null. The pointer lives until the vector changes.
const Condition* find_condition(const Conditions& conditions, std::string_view type);
/// Whether there is such a condition and it is True.
bool is_true(const Conditions& conditions, std::string_view type);

/// Adds or replaces the condition of that type. last_transition moves to `now` (whole seconds, as metav1.Time has it) only when
/// status changes; what the argument says there is not used. Returns whether anything but the time changed.
bool set_condition(Conditions& conditions, Condition condition, WallTime now);
/// Returns whether there was one.
bool remove_condition(Conditions& conditions, std::string_view type);

/// What a condition is about: the generation that was acted on, and the time.
struct At {
  int64_t generation = 0;
  WallTime now{};
};

// The six states that an object can be in. Each sets all three conditions, and returns whether anything changed.

/// All is done: Ready=True, nothing else.
bool mark_ready(Conditions& conditions, std::string_view reason, std::string_view message, At at);
/// Work has begun: Reconciling=True. Ready stays as it was, since the last good revision is still enforced; where there was
/// none it becomes Unknown.
bool mark_reconciling(Conditions& conditions, std::string_view reason, std::string_view message, At at);
/// Applied, and something is awaited before it counts as done: Ready=Unknown, Reconciling=True.
bool mark_waiting(Conditions& conditions, std::string_view reason, std::string_view message, At at);
/// Not ready, and nothing more happens by itself for now (suspended, drift reported only): Ready=False, nothing else.
bool mark_not_ready(Conditions& conditions, std::string_view reason, std::string_view message, At at);
/// Failed and will be tried again: Ready=False, Reconciling=True.
bool mark_retrying(Conditions& conditions, std::string_view reason, std::string_view message, At at);
/// Failed, and only new input helps: Ready=False, Stalled=True.
bool mark_stalled(Conditions& conditions, std::string_view reason, std::string_view message, At at);
/// mark_stalled() or mark_retrying() as the error's retry policy wants it.
bool mark_failed(Conditions& conditions, const Error& error, At at);

/// The JSON array of status.conditions, sorted by type; messages are redacted and at most 1024 bytes long.
nlohmann::json conditions_to_json(const Conditions& conditions);
/// Reads what stands in a status, whatever it is: entries that cannot be conditions are left out, at most 16 are taken.
Conditions conditions_from_json(const nlohmann::json& value);

} // namespace gitsync::api
