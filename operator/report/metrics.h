// What Prometheus sees: every metric of docs/metrics.md, behind narrow typed methods. prometheus-cpp stays in metrics.cpp.
#pragma once
#include "base/clock.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::report {

/// How one reconcile of a GitRepository or GitSync ended.
enum class ReconcileResult {
  Success,
  Failure,   // it is tried again
  Stalled,   // it waits for a new spec or a new revision
  Cancelled, // stopped on purpose: shutdown, or a newer revision
};
/// The steps of a reconcile that are timed apart.
enum class Phase { Fetch, Read, Plan, Apply, Prune };
/// How an object left its declared state.
enum class DriftOperation {
  Changed, // a field of ours has another value or is gone
  Removed, // the object was deleted, or its owner label taken away: a watch cannot tell them apart
};
/// Why an object was applied.
enum class ApplyAction {
  Sync,    // a new revision
  Correct, // drift
};
enum class ApplyResult { Created, Configured, Unchanged, Conflict, Failed };
enum class PruneResult {
  Deleted,
  Orphaned, // left in the cluster because the policy says so
  Blocked,  // a veto: budget, protected kind, another owner
  Failed,
};
/// What a registry said when it was asked for an image of spec.images.
enum class ImageLook {
  Found,
  Missing,
  Refused, // it wants other credentials
  Failed,  // it cannot be reached, or its answer is neither yes nor no
};
/// What became of a webhook's delivery.
enum class WebhookResult {
  Accepted,
  Replayed, // the same one was accepted before
  Refused,  // no such repository, or not signed with its secret
  Limited,  // too many
  Failed,   // its secret could not be read
};
enum class PollResult { Unchanged, Changed, Failed };
/// Why a watch was opened anew.
enum class WatchEnd {
  Ended,   // the server's time-out: the usual case
  Idle,    // no byte for too long
  Expired, // 410: list again
  Refused, // an HTTP status other than 200
  Broken,  // the connection failed
};
enum class WorkerEnd { Deadline, Memory, Crash, Protocol };

/// One metric as docs/metrics.md lists it.
struct MetricInfo {
  std::string name;
  std::string type;   // "counter", "gauge", "histogram"
  std::string labels; // "kind, namespace, name"; empty where there are none
  std::string help;
};

/// Made once, handed on by reference. Control thread only, scrape() included: it never waits for a reconcile and no reconcile
/// waits for it. Nothing throws, nothing fails. Names are those of custom resources, so the number of series is bounded by
/// them; the series of an object begin at 0 when it is first named and end with forget(). Label values are redacted, valid
/// UTF-8 and at most 256 bytes, since one bad value would make Prometheus refuse the whole scrape. Source of the rules:
/// Prometheus' "Metric and label naming" and "Instrumentation" pages.
class Metrics {
public:
  explicit Metrics(std::string_view version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Of a GitRepository or GitSync; `kind` is "GitRepository" or "GitSync".
  void reconciled(std::string_view kind, std::string_view ns, std::string_view name, ReconcileResult result, double seconds);
  /// Ready=True is 1; False and Unknown are 0.
  void set_ready(std::string_view kind, std::string_view ns, std::string_view name, bool ready);
  /// The object is deleted: all its series go. Call it after the last task about the object has ended, since any later report
  /// brings series back.
  void forget(std::string_view kind, std::string_view ns, std::string_view name);

  // Of a GitSync.
  void drift_detected(std::string_view ns, std::string_view name, DriftOperation operation);
  /// `seconds` from the watch event's arrival to the answer of the correcting write.
  void drift_corrected(std::string_view ns, std::string_view name, DriftOperation operation, double seconds);
  /// Two writers change the same object in turn, and corrections now back off.
  void fight(std::string_view ns, std::string_view name);
  /// The last healthy revision was put back.
  void rolled_back(std::string_view ns, std::string_view name);
  void set_objects(std::string_view ns, std::string_view name, size_t count);
  void set_drifted_objects(std::string_view ns, std::string_view name, size_t count);
  /// What differs and is not corrected, replacing what was told before: at most 20 of a GitSync are kept. Paths are masked
  /// (masked_path()): what people may have chosen in them could be anything.
  struct DriftInfo {
    std::string kind, operation, manager, path;
  };
  void set_differences(std::string_view ns, std::string_view name, const std::vector<DriftInfo>& differences);
  /// Images of spec.images that a revision waits for.
  void set_waiting_images(std::string_view ns, std::string_view name, size_t count);
  /// Since when a plan waits for an Approval; nothing: none waits.
  void set_approval_pending(std::string_view ns, std::string_view name, std::optional<WallTime> since);
  void set_last_applied(std::string_view ns, std::string_view name, WallTime when);
  /// Replaces the previous one: at most one series a GitSync. `ready` is the condition's status: "True", "False", "Unknown".
  void set_sync_info(std::string_view ns, std::string_view name, std::string_view revision, std::string_view ready,
                     bool suspended);

  // Of a GitRepository.
  /// `when` becomes the last success unless the poll failed.
  void git_polled(std::string_view ns, std::string_view name, PollResult result, WallTime when);

  // Of the process.
  void phase(Phase phase, double seconds);
  void applied(ApplyAction action, ApplyResult result);
  void pruned(PruneResult result);
  void image_looked(ImageLook result);
  void webhook_delivered(WebhookResult result);
  /// The shape of kube::RequestObserver. `status` 0: no answer, code "error". Verbs unknown here count as "other". Watches are
  /// counted but not timed: they last as long as the server lets them.
  void api_request(std::string_view verb, int status, double seconds);
  void watch_restarted(WatchEnd reason);
  void relisted();
  void set_leader(bool leader);
  void worker_killed(WorkerEnd reason);
  void set_worker_resident(uint64_t bytes);

  /// Runs at the start of every scrape: for gauges that are cheaper to read than to keep (set_worker_resident).
  void before_scrape(std::function<void()> hook);
  /// The text exposition format, version 0.0.4, with process_* read from /proc at this moment.
  std::string scrape();
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  /// Every metric there is, in the order of the exposition; docs/metrics.md is tested against it.
  std::vector<MetricInfo> describe() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace gitsync::report
