#include "report/metrics.h"

#include "base/text.h"
#include "report/process.h"
#include "report/series.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sstream>

namespace gitsync::report {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

// An enumeration's label values, in the order of its enumerators.
constexpr std::array<std::string_view, 4> reconcile_results{"success", "failure", "stalled", "cancelled"};
constexpr std::array<std::string_view, 5> phases{"fetch", "read", "plan", "apply", "prune"};
constexpr std::array<std::string_view, 2> drift_operations{"changed", "removed"};
constexpr std::array<std::string_view, 2> apply_actions{"sync", "correct"};
constexpr std::array<std::string_view, 5> apply_results{"created", "configured", "unchanged", "conflict", "failed"};
constexpr std::array<std::string_view, 4> prune_results{"deleted", "orphaned", "blocked", "failed"};
constexpr std::array<std::string_view, 4> image_look_results{"found", "missing", "refused", "failed"};
constexpr std::array<std::string_view, 5> webhook_results{"accepted", "replayed", "refused", "limited", "failed"};
constexpr std::array<std::string_view, 3> poll_results{"unchanged", "changed", "failed"};
constexpr std::array<std::string_view, 5> watch_ends{"ended", "idle", "expired", "refused", "broken"};
constexpr std::array<std::string_view, 4> worker_ends{"deadline", "memory", "crash", "protocol"};
constexpr std::array<std::string_view, 9> verbs{"get",   "list",   "watch",  "create", "apply",
                                                "patch", "update", "delete", "other"};

template <class Enum, size_t N> std::string_view text_of(const std::array<std::string_view, N>& texts, Enum value) {
  return texts[std::min(static_cast<size_t>(value), N - 1)];
}

// Seconds. Fixed, so that histograms of different versions and replicas can be added up.
const Buckets reconcile_buckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
const Buckets phase_buckets{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
const Buckets drift_buckets{0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.5, 1, 2.5, 5, 10, 30};
const Buckets request_buckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};

double unix_seconds(WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

std::string_view known_verb(std::string_view verb) {
  const auto found = std::find(verbs.begin(), verbs.end(), verb);
  return found == verbs.end() ? verbs.back() : *found;
}

/// One process_* metric: read at the scrape, so no series of the registry.
struct ProcessMetric {
  const char* name;
  prometheus::MetricType type;
  const char* help;
  double (*read)(const ProcessStats&);
};
constexpr ProcessMetric process_metrics[] = {
    {"process_cpu_seconds_total", prometheus::MetricType::Counter, "Processor time of this process, user and system.",
     [](const ProcessStats& s) { return s.cpu_seconds; }},
    {"process_resident_memory_bytes", prometheus::MetricType::Gauge,
     "Resident memory of this process, its workers not included.",
     [](const ProcessStats& s) { return static_cast<double>(s.resident_bytes); }},
    {"process_virtual_memory_bytes", prometheus::MetricType::Gauge, "Virtual memory of this process.",
     [](const ProcessStats& s) { return static_cast<double>(s.virtual_bytes); }},
    {"process_open_fds", prometheus::MetricType::Gauge, "Open file descriptors of this process.",
     [](const ProcessStats& s) { return static_cast<double>(s.open_fds); }},
    {"process_start_time_seconds", prometheus::MetricType::Gauge, "When this process was started, in seconds since the epoch.",
     [](const ProcessStats& s) { return s.start_time_seconds; }},
};

} // namespace

struct Metrics::Impl {
  // The first two members are used by the initialisers of all others: keep them first.
  prometheus::Registry registry;
  std::vector<MetricInfo> described;
  std::function<void()> hook;

  template <size_t N>
  void describe(const char* name, const char* type, const std::array<std::string, N>& labels, const char* help) {
    described.push_back({name, type, join({labels.begin(), labels.end()}, ", "), help});
  }
  template <size_t N> Series<Counter, N> counter(const char* name, std::array<std::string, N> labels, const char* help) {
    describe(name, "counter", labels, help);
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    return {family, std::move(labels), [&family](const prometheus::Labels& l) -> Counter& { return family.Add(l); }};
  }
  template <size_t N> Series<Gauge, N> gauge(const char* name, std::array<std::string, N> labels, const char* help) {
    describe(name, "gauge", labels, help);
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    return {family, std::move(labels), [&family](const prometheus::Labels& l) -> Gauge& { return family.Add(l); }};
  }
  template <size_t N>
  Series<Histogram, N> histogram(const char* name, std::array<std::string, N> labels, const Buckets& buckets,
                                 const char* help) {
    describe(name, "histogram", labels, help);
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
    return {family, std::move(labels),
            [&family, &buckets](const prometheus::Labels& l) -> Histogram& { return family.Add(l, buckets); }};
  }
  using L0 = std::array<std::string, 0>;
  using L1 = std::array<std::string, 1>;
  using L2 = std::array<std::string, 2>;
  using L3 = std::array<std::string, 3>;
  using L4 = std::array<std::string, 4>;
  using L5 = std::array<std::string, 5>;
  using L6 = std::array<std::string, 6>;

  Series<Gauge, 1> build_info = gauge("gitsync_build_info", L1{"version"}, "Always 1; the version of this binary.");
  Series<Counter, 4> reconciles = counter("gitsync_reconcile_total", L4{"kind", "namespace", "name", "result"},
                                          "Reconciles of a GitRepository or GitSync: success, failure, stalled or cancelled.");
  Series<Histogram, 3> reconcile_seconds = histogram("gitsync_reconcile_duration_seconds", L3{"kind", "namespace", "name"},
                                                     reconcile_buckets, "Time that one reconcile took.");
  Series<Histogram, 1> phase_seconds = histogram("gitsync_phase_duration_seconds", L1{"phase"}, phase_buckets,
                                                 "Time of one step of a reconcile: fetch, read, plan, apply or prune.");
  Series<Counter, 3> drift_seen = counter("gitsync_drift_detected_total", L3{"namespace", "name", "operation"},
                                          "Managed objects that left their declared state: changed or removed.");
  Series<Counter, 3> drift_undone = counter("gitsync_drift_corrected_total", L3{"namespace", "name", "operation"},
                                            "Managed objects brought back to their declared state.");
  Series<Histogram, 2> drift_seconds = histogram("gitsync_drift_correction_seconds", L2{"namespace", "name"}, drift_buckets,
                                                 "Time from the watch event to the answer of the correcting write.");
  Series<Counter, 2> fights =
      counter("gitsync_fight_total", L2{"namespace", "name"},
              "Times that another writer changed an object again and again, so that corrections back off.");
  Series<Counter, 2> rollbacks =
      counter("gitsync_rollback_total", L2{"namespace", "name"},
              "Times that a revision was not healthy in time and the last healthy one was put back.");
  Series<Gauge, 2> objects = gauge("gitsync_objects", L2{"namespace", "name"}, "Objects that the GitSync manages.");
  Series<Gauge, 2> drifted =
      gauge("gitsync_drifted_objects", L2{"namespace", "name"}, "Managed objects that differ from git now.");
  Series<Gauge, 6> differences =
      gauge("gitsync_drift_info", L6{"namespace", "name", "kind", "operation", "manager", "path"},
            "Number of objects of a kind that differ from git there and are not corrected, or have undeclared fields.");
  Series<Gauge, 2> waiting_images = gauge("gitsync_waiting_images", L2{"namespace", "name"},
                                          "Images of spec.images that a revision waits for, since the registry lacks them.");
  Series<Counter, 2> applies =
      counter("gitsync_apply_total", L2{"action", "result"},
              "Server-side applies: sync or correct; created, configured, unchanged, conflict or failed.");
  Series<Counter, 1> prunes = counter("gitsync_prune_total", L1{"result"},
                                      "Objects that are no longer declared: deleted, orphaned, blocked or failed.");
  Series<Counter, 1> image_looks = counter("gitsync_image_look_total", L1{"result"},
                                           "Questions to registries for an image: found, missing, refused or failed.");
  Series<Counter, 1> webhook_deliveries =
      counter("gitsync_webhook_deliveries_total", L1{"result"},
              "Deliveries to the webhook receiver: accepted, replayed, refused, limited or failed.");
  Series<Counter, 3> polls = counter("gitsync_git_poll_total", L3{"namespace", "name", "result"},
                                     "Looks at a GitRepository's remote: unchanged, changed or failed.");
  Series<Gauge, 2> git_success = gauge("gitsync_git_last_success_timestamp_seconds", L2{"namespace", "name"},
                                       "When the GitRepository's remote last answered, in seconds since the epoch.");
  Series<Gauge, 2> last_applied = gauge("gitsync_last_applied_timestamp_seconds", L2{"namespace", "name"},
                                        "When the GitSync last applied a revision completely, in seconds since the epoch.");
  Series<Gauge, 2> approval_pending =
      gauge("gitsync_approval_pending_since_timestamp_seconds", L2{"namespace", "name"},
            "Since when a plan of the GitSync waits for an Approval, in seconds since the epoch; 0 where none waits.");
  Series<Counter, 2> requests =
      counter("gitsync_api_requests_total", L2{"verb", "code"},
              "Requests to the API server by HTTP status; code \"error\" is a request without an answer.");
  Series<Histogram, 1> request_seconds = histogram("gitsync_api_request_seconds", L1{"verb"}, request_buckets,
                                                   "Time of one request to the API server; watches are not timed.");
  Series<Counter, 1> watch_restarts =
      counter("gitsync_watch_restarts_total", L1{"reason"}, "Watches opened anew: ended, idle, expired, refused or broken.");
  Series<Counter, 0> relists =
      counter("gitsync_relist_total", L0{}, "Lists made because a watch could not go on where it was.");
  Series<Gauge, 0> leader = gauge("gitsync_leader", L0{}, "1 where this replica holds the Lease, otherwise 0.");
  Series<Gauge, 3> ready = gauge("gitsync_ready", L3{"kind", "namespace", "name"},
                                 "1 where the object's Ready condition is True; 0 for False and Unknown.");
  Series<Gauge, 5> sync_info = gauge("gitsync_sync_info", L5{"namespace", "name", "revision", "ready", "suspended"},
                                     "Always 1; what a GitSync enforces and whether it is Ready and suspended.");
  Series<Counter, 1> worker_kills =
      counter("gitsync_worker_kills_total", L1{"reason"},
              "Worker processes that did not end by themselves: deadline, memory, crash or protocol.");
  Series<Gauge, 0> worker_resident = gauge("gitsync_worker_resident_bytes", L0{}, "Resident memory of all worker processes.");

  explicit Impl(std::string_view version) {
    build_info.at({version}).Set(1);
    // What is counted without an object's name starts at 0, so that rate() and absent() mean what they say.
    for (const auto phase : phases) phase_seconds.at({phase});
    for (const auto action : apply_actions)
      for (const auto result : apply_results) applies.at({action, result});
    for (const auto result : prune_results) prunes.at({result});
    for (const auto result : image_look_results) image_looks.at({result});
    for (const auto result : webhook_results) webhook_deliveries.at({result});
    for (const auto reason : watch_ends) watch_restarts.at({reason});
    for (const auto reason : worker_ends) worker_kills.at({reason});
    for (const auto verb : verbs) {
      for (const std::string_view code : {"200", "error"}) requests.at({verb, code});
      if (verb != "watch") request_seconds.at({verb});
    }
    relists.at({});
    leader.at({});
    worker_resident.at({});
    for (const auto& metric : process_metrics)
      described.push_back({metric.name, metric.type == prometheus::MetricType::Counter ? "counter" : "gauge", "", metric.help});
  }

  void meet_sync(std::string_view ns, std::string_view name) {
    for (const auto operation : drift_operations) {
      drift_seen.at({ns, name, operation});
      drift_undone.at({ns, name, operation});
    }
    fights.at({ns, name});
    rollbacks.at({ns, name});
  }
};

Metrics::Metrics(std::string_view version) : impl_(std::make_unique<Impl>(version)) {}
Metrics::~Metrics() = default;

void Metrics::reconciled(std::string_view kind, std::string_view ns, std::string_view name, ReconcileResult result,
                         double seconds) {
  for (const auto text : reconcile_results) impl_->reconciles.at({kind, ns, name, text});
  if (kind == "GitSync") impl_->meet_sync(ns, name);
  impl_->reconciles.at({kind, ns, name, text_of(reconcile_results, result)}).Increment();
  impl_->reconcile_seconds.at({kind, ns, name}).Observe(seconds);
}

void Metrics::set_ready(std::string_view kind, std::string_view ns, std::string_view name, bool ready) {
  impl_->ready.at({kind, ns, name}).Set(ready ? 1 : 0);
}

void Metrics::forget(std::string_view kind, std::string_view ns, std::string_view name) {
  const std::array<std::string_view, 3> object{kind, ns, name};
  impl_->reconciles.erase(object);
  impl_->reconcile_seconds.erase(object);
  impl_->ready.erase(object);
  const std::array<std::string_view, 2> key{ns, name};
  if (kind == "GitSync") {
    impl_->drift_seen.erase(key);
    impl_->drift_undone.erase(key);
    impl_->drift_seconds.erase(key);
    impl_->fights.erase(key);
    impl_->rollbacks.erase(key);
    impl_->objects.erase(key);
    impl_->drifted.erase(key);
    impl_->differences.erase(key);
    impl_->waiting_images.erase(key);
    impl_->last_applied.erase(key);
    impl_->approval_pending.erase(key);
    impl_->sync_info.erase(key);
  } else if (kind == "GitRepository") {
    impl_->polls.erase(key);
    impl_->git_success.erase(key);
  }
}

void Metrics::drift_detected(std::string_view ns, std::string_view name, DriftOperation operation) {
  impl_->meet_sync(ns, name);
  impl_->drift_seen.at({ns, name, text_of(drift_operations, operation)}).Increment();
}

void Metrics::drift_corrected(std::string_view ns, std::string_view name, DriftOperation operation, double seconds) {
  impl_->drift_undone.at({ns, name, text_of(drift_operations, operation)}).Increment();
  impl_->drift_seconds.at({ns, name}).Observe(seconds);
}

void Metrics::rolled_back(std::string_view ns, std::string_view name) { impl_->rollbacks.at({ns, name}).Increment(); }
void Metrics::fight(std::string_view ns, std::string_view name) { impl_->fights.at({ns, name}).Increment(); }

void Metrics::set_objects(std::string_view ns, std::string_view name, size_t count) {
  impl_->meet_sync(ns, name);
  impl_->objects.at({ns, name}).Set(static_cast<double>(count));
}

void Metrics::set_drifted_objects(std::string_view ns, std::string_view name, size_t count) {
  impl_->drifted.at({ns, name}).Set(static_cast<double>(count));
}

void Metrics::set_differences(std::string_view ns, std::string_view name, const std::vector<DriftInfo>& differences) {
  constexpr size_t most = 20;
  impl_->differences.erase(std::array<std::string_view, 2>{ns, name});
  for (size_t i = 0; i < differences.size() && i < most; ++i)
    impl_->differences
        .at({ns, name, differences[i].kind, differences[i].operation, differences[i].manager, differences[i].path})
        .Increment();
}

void Metrics::set_waiting_images(std::string_view ns, std::string_view name, size_t count) {
  impl_->waiting_images.at({ns, name}).Set(static_cast<double>(count));
}

void Metrics::set_last_applied(std::string_view ns, std::string_view name, WallTime when) {
  impl_->last_applied.at({ns, name}).Set(unix_seconds(when));
}

void Metrics::set_approval_pending(std::string_view ns, std::string_view name, std::optional<WallTime> since) {
  impl_->approval_pending.at({ns, name}).Set(since ? unix_seconds(*since) : 0);
}

void Metrics::set_sync_info(std::string_view ns, std::string_view name, std::string_view revision, std::string_view ready,
                            bool suspended) {
  impl_->sync_info.erase(std::array<std::string_view, 2>{ns, name});
  impl_->sync_info.at({ns, name, revision, ready, suspended ? "true" : "false"}).Set(1);
}

void Metrics::git_polled(std::string_view ns, std::string_view name, PollResult result, WallTime when) {
  for (const auto text : poll_results) impl_->polls.at({ns, name, text});
  impl_->polls.at({ns, name, text_of(poll_results, result)}).Increment();
  if (result != PollResult::Failed) impl_->git_success.at({ns, name}).Set(unix_seconds(when));
}

void Metrics::phase(Phase phase, double seconds) { impl_->phase_seconds.at({text_of(phases, phase)}).Observe(seconds); }

void Metrics::applied(ApplyAction action, ApplyResult result) {
  impl_->applies.at({text_of(apply_actions, action), text_of(apply_results, result)}).Increment();
}

void Metrics::pruned(PruneResult result) { impl_->prunes.at({text_of(prune_results, result)}).Increment(); }

void Metrics::webhook_delivered(WebhookResult result) {
  impl_->webhook_deliveries.at({text_of(webhook_results, result)}).Increment();
}
void Metrics::image_looked(ImageLook result) { impl_->image_looks.at({text_of(image_look_results, result)}).Increment(); }

void Metrics::api_request(std::string_view verb, int status, double seconds) {
  const auto known = known_verb(verb);
  const std::string code = status >= 100 && status <= 599 ? std::to_string(status) : "error";
  impl_->requests.at({known, code}).Increment();
  if (known != "watch") impl_->request_seconds.at({known}).Observe(seconds);
}

void Metrics::watch_restarted(WatchEnd reason) { impl_->watch_restarts.at({text_of(watch_ends, reason)}).Increment(); }
void Metrics::relisted() { impl_->relists.at({}).Increment(); }
void Metrics::set_leader(bool leader) { impl_->leader.at({}).Set(leader ? 1 : 0); }
void Metrics::worker_killed(WorkerEnd reason) { impl_->worker_kills.at({text_of(worker_ends, reason)}).Increment(); }
void Metrics::set_worker_resident(uint64_t bytes) { impl_->worker_resident.at({}).Set(static_cast<double>(bytes)); }
void Metrics::before_scrape(std::function<void()> hook) { impl_->hook = std::move(hook); }

std::string Metrics::scrape() {
  if (impl_->hook) impl_->hook();
  auto families = impl_->registry.Collect();
  const ProcessStats stats = read_process_stats();
  for (const auto& metric : process_metrics) {
    prometheus::MetricFamily family{metric.name, metric.help, metric.type, {}};
    auto& sample = family.metric.emplace_back();
    (metric.type == prometheus::MetricType::Counter ? sample.counter.value : sample.gauge.value) = metric.read(stats);
    families.push_back(std::move(family));
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

std::vector<MetricInfo> Metrics::describe() const { return impl_->described; }

} // namespace gitsync::report
