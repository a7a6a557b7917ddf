#include "report/metrics.h"

#include "base/secret.h"
#include "base/text.h"
#include "support/catch.h"

#include <map>
#include <set>
#include <sstream>

using namespace gitsync;
using namespace gitsync::report;

namespace {

/// "name{labels}" → value, and per name its type; fails the test where the text is not the exposition format.
struct Scrape {
  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;
  std::map<std::string, std::string> help;

  explicit Scrape(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      if (line.starts_with("# HELP ")) {
        const size_t space = line.find(' ', 7);
        REQUIRE(help.emplace(line.substr(7, space - 7), line.substr(space + 1)).second);
      } else if (line.starts_with("# TYPE ")) {
        const size_t space = line.find(' ', 7);
        REQUIRE(types.emplace(line.substr(7, space - 7), line.substr(space + 1)).second);
      } else {
        const size_t space = line.rfind(' ');
        REQUIRE(space != std::string::npos);
        REQUIRE(samples.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second);
      }
    }
  }
  double at(const std::string& name) const {
    INFO(name);
    REQUIRE(samples.contains(name));
    return samples.at(name);
  }
  size_t mentioning(std::string_view text) const {
    return static_cast<size_t>(
        std::ranges::count_if(samples, [&](const auto& s) { return s.first.find(text) != std::string::npos; }));
  }
};

/// Uses every method once, so that every family has a series.
void use_all(Metrics& m, std::string_view ns, std::string_view name) {
  const WallTime when{std::chrono::seconds(1'700'000'000)};
  for (const auto kind : {"GitRepository", "GitSync"}) {
    m.reconciled(kind, ns, name, ReconcileResult::Success, 0.2);
    m.set_ready(kind, ns, name, true);
  }
  m.drift_detected(ns, name, DriftOperation::Removed);
  m.drift_corrected(ns, name, DriftOperation::Removed, 0.003);
  m.fight(ns, name);
  m.rolled_back(ns, name);
  m.set_objects(ns, name, 23);
  m.set_drifted_objects(ns, name, 1);
  m.set_differences(ns, name, {{"Deployment.apps", "Modified", "mallory", "/spec/replicas"}});
  m.set_waiting_images(ns, name, 1);
  m.image_looked(ImageLook::Missing);
  m.set_last_applied(ns, name, when);
  m.set_approval_pending(ns, name, when);
  m.set_sync_info(ns, name, "main@sha1:aa", "True", false);
  m.git_polled(ns, name, PollResult::Changed, when);
  m.phase(Phase::Plan, 0.01);
  m.applied(ApplyAction::Correct, ApplyResult::Configured);
  m.pruned(PruneResult::Blocked);
  m.api_request("apply", 200, 0.004);
  m.watch_restarted(WatchEnd::Expired);
  m.relisted();
  m.set_leader(true);
  m.worker_killed(WorkerEnd::Deadline);
  m.set_worker_resident(12'000'000);
}

} // namespace

TEST_CASE("metrics: every family is exposed once, with the type and help that describe() tells", "[report]") {
  Metrics metrics("1.2.3");
  use_all(metrics, "shop", "web");
  const Scrape scrape(metrics.scrape());
  const auto infos = metrics.describe();
  std::set<std::string> names;
  for (const auto& info : infos) {
    INFO(info.name);
    CHECK(names.insert(info.name).second);
    REQUIRE(scrape.types.contains(info.name));
    CHECK(scrape.types.at(info.name) == info.type);
    CHECK(scrape.help.at(info.name) == info.help);
    CHECK((info.name.starts_with("gitsync_") || info.name.starts_with("process_")));
    CHECK((info.type == "counter") == info.name.ends_with("_total"));
    for (const auto label : split(info.labels, ',')) {
      if (info.labels.empty()) break;
      const std::string mark = cat(trim(label), "=\"");
      CHECK(std::ranges::any_of(scrape.samples, [&](const auto& s) {
        return s.first.starts_with(info.name) && s.first.find(mark) != std::string::npos;
      }));
    }
  }
  for (const auto& [name, type] : scrape.types) CHECK(names.contains(name));
}

TEST_CASE("metrics: what each method changes", "[report]") {
  Metrics metrics("1.2.3");
  use_all(metrics, "shop", "web");
  metrics.reconciled("GitSync", "shop", "web", ReconcileResult::Stalled, 1);
  metrics.drift_detected("shop", "web", DriftOperation::Removed);
  const Scrape s(metrics.scrape());
  const std::string of = R"({name="web",namespace="shop"})";
  CHECK(s.at(R"(gitsync_build_info{version="1.2.3"})") == 1);
  CHECK(s.at(R"(gitsync_reconcile_total{kind="GitSync",name="web",namespace="shop",result="success"})") == 1);
  CHECK(s.at(R"(gitsync_reconcile_total{kind="GitSync",name="web",namespace="shop",result="stalled"})") == 1);
  CHECK(s.at(R"(gitsync_reconcile_duration_seconds_count{kind="GitSync",name="web",namespace="shop"})") == 2);
  CHECK(s.at(R"(gitsync_reconcile_duration_seconds_sum{kind="GitSync",name="web",namespace="shop"})") > 1.19);
  CHECK(s.at(R"(gitsync_drift_detected_total{name="web",namespace="shop",operation="removed"})") == 2);
  CHECK(s.at(R"(gitsync_drift_corrected_total{name="web",namespace="shop",operation="removed"})") == 1);
  CHECK(s.at(R"(gitsync_drift_correction_seconds_bucket{name="web",namespace="shop",le="0.002"})") == 0);
  CHECK(s.at(R"(gitsync_drift_correction_seconds_bucket{name="web",namespace="shop",le="0.004"})") == 1);
  CHECK(s.at("gitsync_fight_total" + of) == 1);
  CHECK(s.at("gitsync_rollback_total" + of) == 1);
  CHECK(s.at("gitsync_objects" + of) == 23);
  CHECK(s.at("gitsync_drifted_objects" + of) == 1);
  CHECK(
      s.at(
          R"(gitsync_drift_info{kind="Deployment.apps",manager="mallory",name="web",namespace="shop",operation="Modified",path="/spec/replicas"})") ==
      1);
  CHECK(s.at("gitsync_last_applied_timestamp_seconds" + of) == 1'700'000'000);
  CHECK(s.at("gitsync_approval_pending_since_timestamp_seconds" + of) == 1'700'000'000);
  CHECK(s.at("gitsync_git_last_success_timestamp_seconds" + of) == 1'700'000'000);
  CHECK(s.at(R"(gitsync_git_poll_total{name="web",namespace="shop",result="changed"})") == 1);
  CHECK(s.at(R"(gitsync_ready{kind="GitSync",name="web",namespace="shop"})") == 1);
  CHECK(s.at(R"(gitsync_sync_info{name="web",namespace="shop",ready="True",revision="main@sha1:aa",suspended="false"})") == 1);
  CHECK(s.at(R"(gitsync_phase_duration_seconds_count{phase="plan"})") == 1);
  CHECK(s.at(R"(gitsync_apply_total{action="correct",result="configured"})") == 1);
  CHECK(s.at(R"(gitsync_prune_total{result="blocked"})") == 1);
  CHECK(s.at(R"(gitsync_api_requests_total{code="200",verb="apply"})") == 1);
  CHECK(s.at(R"(gitsync_api_request_seconds_count{verb="apply"})") == 1);
  CHECK(s.at(R"(gitsync_watch_restarts_total{reason="expired"})") == 1);
  CHECK(s.at("gitsync_relist_total") == 1);
  CHECK(s.at("gitsync_leader") == 1);
  CHECK(s.at(R"(gitsync_worker_kills_total{reason="deadline"})") == 1);
  CHECK(s.at("gitsync_worker_resident_bytes") == 12'000'000);
  CHECK(s.at("process_resident_memory_bytes") > 100'000);
  CHECK(s.at("process_start_time_seconds") > 1'600'000'000);
  CHECK(s.at("process_open_fds") >= 3);
}

TEST_CASE("metrics: counters begin at 0 before anything happens", "[report]") {
  Metrics metrics("1");
  const Scrape s(metrics.scrape());
  for (const auto name :
       {R"(gitsync_apply_total{action="correct",result="failed"})", R"(gitsync_prune_total{result="deleted"})",
        R"(gitsync_api_requests_total{code="error",verb="watch"})", R"(gitsync_api_request_seconds_count{verb="get"})",
        R"(gitsync_phase_duration_seconds_count{phase="fetch"})", R"(gitsync_watch_restarts_total{reason="idle"})",
        R"(gitsync_worker_kills_total{reason="crash"})"})
    CHECK(s.at(name) == 0);
  CHECK(s.at("gitsync_relist_total") == 0);
  CHECK(s.at("gitsync_leader") == 0);
}

TEST_CASE("metrics: an object's counters begin at 0 when it is first named", "[report]") {
  Metrics metrics("1");
  metrics.reconciled("GitSync", "shop", "web", ReconcileResult::Success, 0.1);
  const Scrape s(metrics.scrape());
  CHECK(s.at(R"(gitsync_reconcile_total{kind="GitSync",name="web",namespace="shop",result="failure"})") == 0);
  CHECK(s.at(R"(gitsync_drift_detected_total{name="web",namespace="shop",operation="changed"})") == 0);
  CHECK(s.at(R"(gitsync_fight_total{name="web",namespace="shop"})") == 0);
}

TEST_CASE("metrics: forget removes every series of the object and nothing else", "[report]") {
  Metrics metrics("1");
  const Scrape before(metrics.scrape());
  use_all(metrics, "shop", "web");
  use_all(metrics, "shop", "web2"); // neighbours in every order
  use_all(metrics, "sho", "web");
  use_all(metrics, "shop", "we");
  const size_t web2 = Scrape(metrics.scrape()).mentioning(R"(name="web2")");
  REQUIRE(web2 > 40);

  metrics.forget("GitSync", "shop", "web");
  const Scrape half(metrics.scrape());
  CHECK(half.samples.contains(R"(gitsync_git_last_success_timestamp_seconds{name="web",namespace="shop"})"));
  CHECK(half.samples.contains(R"(gitsync_ready{kind="GitRepository",name="web",namespace="shop"})"));
  CHECK_FALSE(half.samples.contains(R"(gitsync_ready{kind="GitSync",name="web",namespace="shop"})"));

  metrics.forget("GitRepository", "shop", "web");
  metrics.forget("GitRepository", "shop", "never-seen");
  const Scrape after(metrics.scrape());
  CHECK(after.mentioning(R"(name="web",namespace="shop")") == 0);
  CHECK(after.mentioning(R"(name="web2")") == web2);
  CHECK(after.mentioning(R"(name="web",namespace="sho")") == web2);
  CHECK(after.mentioning(R"(name="we",namespace="shop")") == web2);

  // A new object of the same name begins at 0.
  metrics.fight("shop", "web");
  CHECK(Scrape(metrics.scrape()).at(R"(gitsync_fight_total{name="web",namespace="shop"})") == 1);
}

TEST_CASE("metrics: a GitSync has one info series, whatever its revision was before", "[report]") {
  Metrics metrics("1");
  for (int i = 0; i < 100; ++i) metrics.set_sync_info("shop", "web", cat("main@sha1:", i), i % 2 ? "True" : "False", false);
  const Scrape s(metrics.scrape());
  CHECK(s.mentioning("gitsync_sync_info") == 1);
  CHECK(s.at(R"(gitsync_sync_info{name="web",namespace="shop",ready="True",revision="main@sha1:99",suspended="false"})") == 1);
}

TEST_CASE("metrics: label values cannot break the scrape, leak or multiply", "[report]") {
  register_secret("s3cr3t-t0ken");
  Metrics metrics("1");
  metrics.set_sync_info("shop", "a", "x\"y\\z\nw", "True", false);
  metrics.set_sync_info("shop", "b",
                        "bad\xff\xfe"
                        "bytes",
                        "True", false);
  metrics.set_sync_info("shop", "c", "branch-s3cr3t-t0ken", "True", false);
  metrics.set_sync_info("shop", "d", std::string(5000, 'r'), "True", false);
  for (int status = -5; status < 1000; ++status) metrics.api_request(cat("verb", status), status, 0.1);
  const std::string text = metrics.scrape();
  CHECK(valid_utf8(text));
  CHECK(text.find("s3cr3t-t0ken") == std::string::npos);
  const Scrape s(text);
  CHECK(s.at(R"(gitsync_sync_info{name="a",namespace="shop",ready="True",revision="x\"y\\z\nw",suspended="false"})") == 1);
  CHECK(s.mentioning("revision=\"bad??bytes\"") == 1);
  CHECK(s.mentioning("revision=\"branch-***\"") == 1);
  for (const auto& [name, value] : s.samples) CHECK(name.size() < 500);
  CHECK(s.mentioning(R"(gitsync_api_requests_total)") == 8 * 2 + 501);
  CHECK(s.at(R"(gitsync_api_requests_total{code="error",verb="other"})") == 5 + 100 + 400);
}

TEST_CASE("metrics: two objects whose names look alike after cleaning share a series until both are gone", "[report]") {
  Metrics metrics("1");
  metrics.set_objects("shop", "x\xff", 1);
  metrics.set_objects("shop", "x\xfe", 2);
  metrics.forget("GitSync", "shop", "x\xff");
  metrics.set_objects("shop", "x\xfe", 3);
  CHECK(Scrape(metrics.scrape()).at(R"(gitsync_objects{name="x?",namespace="shop"})") == 3);
  metrics.forget("GitSync", "shop", "x\xfe");
  CHECK(Scrape(metrics.scrape()).mentioning("x?") == 0);
}

TEST_CASE("metrics: watches are counted, not timed", "[report]") {
  Metrics metrics("1");
  metrics.api_request("watch", 200, 300);
  const Scrape s(metrics.scrape());
  CHECK(s.at(R"(gitsync_api_requests_total{code="200",verb="watch"})") == 1);
  CHECK(s.mentioning(R"(gitsync_api_request_seconds_count{verb="watch"})") == 0);
}

TEST_CASE("metrics: the hook runs at every scrape, before the values are read", "[report]") {
  Metrics metrics("1");
  uint64_t bytes = 0;
  metrics.before_scrape([&] { metrics.set_worker_resident(bytes += 7); });
  CHECK(Scrape(metrics.scrape()).at("gitsync_worker_resident_bytes") == 7);
  CHECK(Scrape(metrics.scrape()).at("gitsync_worker_resident_bytes") == 14);
}

TEST_CASE("metrics: what differs replaces what differed, counts equal ones, and is bounded", "[report]") {
  Metrics metrics("1.2.3");
  using Infos = std::vector<Metrics::DriftInfo>;
  metrics.set_differences("shop", "web", Infos(2, {"Deployment.apps", "Extended", "m", "/a"}));
  CHECK(
      Scrape(metrics.scrape())
          .at(R"(gitsync_drift_info{kind="Deployment.apps",manager="m",name="web",namespace="shop",operation="Extended",path="/a"})") ==
      2);
  Infos many;
  for (int i = 0; i < 100; ++i) many.push_back({"Secret", "Modified", "m", cat("/", i)});
  metrics.set_differences("shop", "web", many);
  CHECK(Scrape(metrics.scrape()).mentioning("gitsync_drift_info") == 20);
  metrics.set_differences("shop", "web", {});
  CHECK(Scrape(metrics.scrape()).mentioning("gitsync_drift_info{") == 0);
}
