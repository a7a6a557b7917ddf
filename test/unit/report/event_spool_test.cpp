#include "report/event_spool.h"

#include "base/secret.h"
#include "base/text.h"
#include "support/catch.h"

#include <random>
#include <set>

using namespace gitsync;
using namespace gitsync::report;
using namespace std::chrono_literals;

namespace {

const EventSubject web{"gitops.volaticloud.com/v1alpha1", "GitSync", "shop", "web", "uid-1"};
const EventSubject api{"gitops.volaticloud.com/v1alpha1", "GitSync", "shop", "api", "uid-2"};
const EventReporter reporter{.instance = "pod-1"};

/// A spool with a clock that moves only when told.
struct Bench {
  EventSpool spool;
  Moment now{Instant{} + 1000h, WallTime{} + 500'000h};

  explicit Bench(EventSpool::Limits limits = {}) : spool(reporter, limits) {}
  void pass(std::chrono::nanoseconds time) {
    now.steady += std::chrono::duration_cast<Instant::duration>(time);
    now.wall += std::chrono::duration_cast<WallTime::duration>(time);
  }
  void add(std::string_view note, const EventSubject& subject = web, EventReason reason = EventReason::Applied) {
    spool.add(subject, reason, note, now);
  }
  std::vector<EventWrite> drain() {
    std::vector<EventWrite> writes;
    while (auto write = spool.next(now)) writes.push_back(std::move(*write));
    return writes;
  }
  /// Follows wake_at() until nothing more is to come or `time` has passed, as the sender does.
  std::vector<EventWrite> drain_for(std::chrono::seconds time) {
    const Instant end = now.steady + time;
    auto writes = drain();
    for (auto wake = spool.wake_at(); wake && *wake <= end; wake = spool.wake_at()) {
      if (*wake > now.steady) pass(*wake - now.steady);
      auto more = drain();
      std::ranges::move(more, std::back_inserter(writes));
    }
    if (now.steady < end) pass(end - now.steady);
    return writes;
  }
};

std::vector<std::string> notes(const std::vector<EventWrite>& writes) {
  std::vector<std::string> found;
  for (const auto& write : writes)
    found.push_back(write.kind == EventWrite::Kind::Create ? write.body["note"].get<std::string>()
                                                           : cat("series ", write.body["series"]["count"].get<int>()));
  return found;
}
using Notes = std::vector<std::string>;

} // namespace

TEST_CASE("event json: all that the API server requires, nothing that it forbids", "[report]") {
  const WallTime first = *parse_rfc3339("2026-01-02T03:04:05.678901Z");
  CHECK(
      event_json(reporter, web, EventReason::DriftCorrected, "Deployment.apps shop/web: /spec/replicas", "web.1f", first, 1,
                 first) ==
      nlohmann::json::parse(R"({"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"web.1f","namespace":"shop"},
          "eventTime":"2026-01-02T03:04:05.678901Z","type":"Normal","reason":"DriftCorrected","action":"Correct",
          "note":"Deployment.apps shop/web: /spec/replicas",
          "regarding":{"apiVersion":"gitops.volaticloud.com/v1alpha1","kind":"GitSync","namespace":"shop","name":"web","uid":"uid-1"},
          "reportingController":"gitops.volaticloud.com/gitsync","reportingInstance":"pod-1"})"));
}

TEST_CASE("event json: a series from the second occurrence on", "[report]") {
  const WallTime first = *parse_rfc3339("2026-01-02T03:04:05Z");
  const auto event = event_json(reporter, web, EventReason::Failed, "n", "web.1", first, 2, first + 5s);
  CHECK(event["series"] == nlohmann::json{{"count", 2}, {"lastObservedTime", "2026-01-02T03:04:10.000000Z"}});
  CHECK(event["eventTime"] == "2026-01-02T03:04:05.000000Z");
}

TEST_CASE("event json: limits, redaction, odd subjects", "[report]") {
  register_secret("deploy-key-123");
  EventSubject cluster_wide{"v1", "Namespace", "", "shop", ""};
  const auto event = event_json({.instance = std::string(300, 'h')}, cluster_wide, EventReason::Failed,
                                cat("token deploy-key-123 \xff ", std::string(5000, 'n')), "shop.1", WallTime{}, 1, WallTime{});
  const auto note = event["note"].get<std::string>();
  CHECK(note.starts_with("token *** ? nnn"));
  CHECK(note.size() <= 1024);
  CHECK(note.size() > 1000);
  CHECK(event["metadata"]["namespace"] == "default");
  CHECK_FALSE(event["regarding"].contains("namespace"));
  CHECK_FALSE(event["regarding"].contains("uid"));
  CHECK(event["reportingInstance"].get<std::string>().size() <= 128);
  CHECK_NOTHROW(event.dump());
  CHECK(event_json({.instance = ""}, web, EventReason::Failed, "n", "n", WallTime{}, 1, WallTime{})["reportingInstance"] ==
        "unknown");
}

TEST_CASE("event reasons: every one has texts that kubectl and the API server accept", "[report]") {
  std::set<std::string_view> texts;
  for (int i = 0; i <= static_cast<int>(EventReason::Resumed); ++i) {
    const auto reason = static_cast<EventReason>(i);
    INFO(reason_text(reason));
    CHECK(texts.insert(reason_text(reason)).second);
    CHECK((reason_type(reason) == "Normal" || reason_type(reason) == "Warning"));
    CHECK(!reason_action(reason).empty());
  }
  for (const auto expected : {"Applied", "Failed", "DriftCorrected", "DriftDetected", "Pruned", "PruneBlocked",
                              "ApprovalRequired", "Fetched", "FetchFailed"})
    CHECK(texts.contains(expected));
  CHECK(reason_type(EventReason::PruneBlocked) == "Warning");
  CHECK(reason_type(EventReason::DriftCorrected) == "Normal");
}

TEST_CASE("event spool: events come out in their order, once, in the object's namespace", "[report]") {
  Bench bench;
  CHECK_FALSE(bench.spool.next(bench.now));
  CHECK_FALSE(bench.spool.wake_at());
  bench.add("one");
  bench.add("two", api, EventReason::Failed);
  bench.add("three");
  REQUIRE(bench.spool.wake_at());
  CHECK(*bench.spool.wake_at() <= bench.now.steady);
  const auto writes = bench.drain();
  CHECK(notes(writes) == Notes{"one", "two", "three"});
  CHECK(writes[1].ns == "shop");
  CHECK(writes[1].body["reason"] == "Failed");
  CHECK(writes[1].body["regarding"]["name"] == "api");
  CHECK(writes[1].body["metadata"]["name"] == writes[1].name);
  CHECK_FALSE(bench.spool.wake_at());
}

TEST_CASE("event spool: a repetition becomes a series", "[report]") {
  Bench bench;
  bench.add("same");
  const auto first = bench.drain();
  REQUIRE(first.size() == 1);
  CHECK_FALSE(first[0].body.contains("series"));
  bench.pass(5s);
  bench.add("same");
  bench.add("same");
  CHECK(bench.drain().empty()); // not more often than every 30 s
  REQUIRE(bench.spool.wake_at() == bench.now.steady + 25s);
  bench.pass(25s);
  const auto patch = bench.drain();
  REQUIRE(patch.size() == 1);
  CHECK(patch[0].kind == EventWrite::Kind::Patch);
  CHECK(patch[0].name == first[0].name);
  CHECK(patch[0].ns == "shop");
  CHECK(patch[0].body == nlohmann::json{{"series", {{"count", 3}, {"lastObservedTime", rfc3339_micro(bench.now.wall - 25s)}}}});
  CHECK_FALSE(bench.spool.wake_at());
}

TEST_CASE("event spool: repetitions before the first write are in it", "[report]") {
  Bench bench;
  for (int i = 0; i < 7; ++i) bench.add("same");
  const auto writes = bench.drain();
  REQUIRE(writes.size() == 1);
  CHECK(writes[0].body["series"]["count"] == 7);
  CHECK_FALSE(bench.spool.wake_at());
}

TEST_CASE("event spool: what makes two occurrences the same", "[report]") {
  Bench bench;
  EventSubject reborn = web;
  reborn.uid = "uid-9";
  bench.add("a");
  bench.add("a", api);
  bench.add("a", reborn);
  bench.add("a", web, EventReason::Failed);
  bench.add("b");
  CHECK(bench.drain().size() == 5);
}

TEST_CASE("event spool: the window counts from the last occurrence", "[report]") {
  Bench bench;
  bench.add("same");
  const auto first = bench.drain();
  for (int i = 0; i < 3; ++i) {
    bench.pass(9min);
    bench.add("same");
    CHECK(notes(bench.drain()) == Notes{cat("series ", i + 2)});
  }
  bench.pass(10min);
  bench.add("same");
  const auto fresh = bench.drain();
  REQUIRE(notes(fresh) == Notes{"same"});
  CHECK(fresh[0].name != first[0].name);
  CHECK(bench.spool.remembered() == 1);
}

TEST_CASE("event spool: a storm is a burst, then one per two seconds, then a summary", "[report]") {
  Bench bench;
  for (int i = 0; i < 1000; ++i) bench.add(cat("object ", i), web, EventReason::DriftCorrected);
  const auto burst = bench.drain();
  REQUIRE(burst.size() == 10);
  CHECK(burst[9].body["note"] == "object 9");
  bench.add("another object's event is not held up", api);
  CHECK(bench.drain().size() == 1);

  bench.pass(2s);
  bench.add("after two seconds");
  bench.add("but only one");
  CHECK(notes(bench.drain()) == Notes{"after two seconds"});

  REQUIRE(bench.spool.wake_at() == bench.now.steady + 28s);
  const auto storm_end = rfc3339(bench.now.wall - 2s);
  const auto summaries = notes(bench.drain_for(60s));
  const auto later = rfc3339(bench.now.wall - 60s);
  CHECK(summaries == Notes{cat("and 990 more from ", storm_end, " to ", storm_end, ", the last one: object 999"),
                           cat("and 1 more from ", later, " to ", later, ", the last one: but only one")});
  CHECK_FALSE(bench.spool.wake_at());
  CHECK(bench.spool.dropped() == 0);
}

TEST_CASE("event spool: a lasting storm cannot keep its summary out", "[report]") {
  Bench bench;
  size_t summaries = 0, writes = 0;
  for (int i = 0; i < 6000; ++i) { // ten minutes, ten a second
    bench.add(cat("object ", i));
    for (const auto& note : notes(bench.drain())) {
      ++writes;
      if (note.starts_with("and ")) ++summaries;
    }
    bench.pass(100ms);
  }
  CHECK(summaries >= 15);
  CHECK(writes <= 10 + 600 / 2);
}

TEST_CASE("event spool: every occurrence is told: by an event, a series or a summary", "[report]") {
  std::mt19937 random(GENERATE(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U));
  Bench bench;
  const EventSubject subjects[] = {web, api};
  std::map<std::string, uint64_t> series; // the count that the server knows, by event
  std::map<std::string, Instant> last_write;
  uint64_t added = 0, summarised = 0;
  const auto take = [&](const EventWrite& write) {
    if (write.kind == EventWrite::Kind::Patch) {
      REQUIRE(series.contains(write.name)); // created before it is patched
      const auto count = write.body["series"]["count"].get<uint64_t>();
      CHECK(count > series[write.name]);
      CHECK(bench.now.steady - last_write[write.name] >= 30s);
      series[write.name] = count;
    } else {
      const auto note = write.body["note"].get<std::string>();
      REQUIRE_FALSE(series.contains(write.name)); // names are unique
      if (note.starts_with("and ")) {
        summarised += std::stoull(note.substr(4));
        series[write.name] = 0;
      } else {
        series[write.name] = write.body.contains("series") ? write.body["series"]["count"].get<uint64_t>() : 1;
      }
    }
    last_write[write.name] = bench.now.steady;
  };
  for (int i = 0; i < 3000; ++i) {
    bench.pass(std::chrono::milliseconds(random() % 400));
    bench.add(cat("note ", random() % 60), subjects[random() % 2],
              random() % 2 ? EventReason::Failed : EventReason::DriftCorrected);
    ++added;
    if (random() % 3 == 0)
      if (const auto write = bench.spool.next(bench.now)) take(*write);
  }
  for (const auto& write : bench.drain()) take(write);
  for (auto wake = bench.spool.wake_at(); wake; wake = bench.spool.wake_at()) {
    if (*wake > bench.now.steady) bench.pass(*wake - bench.now.steady);
    for (const auto& write : bench.drain()) take(write);
  }
  uint64_t told = summarised;
  for (const auto& [name, count] : series) told += count;
  CHECK(told + bench.spool.dropped() == added);
  CHECK(bench.spool.dropped() == 0);
}

TEST_CASE("event spool: memory is bounded whatever comes in", "[report]") {
  Bench bench({.queue = 20, .series = 50, .summaries = 10, .burst = 1e9});
  for (int i = 0; i < 2000; ++i) {
    bench.add(cat("n", i), {"v1", "GitSync", "ns", cat("object-", i % 100), ""});
    if (i % 10 == 0) bench.spool.next(bench.now);
    CHECK(bench.spool.queued() <= 20);
    CHECK(bench.spool.remembered() <= 50);
  }
  CHECK(bench.spool.dropped() > 0);
  bench.pass(11min);
  bench.drain();
  bench.pass(11min);
  bench.add("later");
  CHECK(bench.spool.remembered() == 1);
}

TEST_CASE("event spool: an event that is lost is made anew", "[report]") {
  Bench bench;
  bench.add("same");
  const auto first = bench.drain();
  bench.spool.lost("shop", first[0].name);
  bench.spool.lost("shop", "never-heard-of");
  bench.add("same");
  const auto second = bench.drain();
  REQUIRE(second.size() == 1);
  CHECK(second[0].kind == EventWrite::Kind::Create);
  CHECK(second[0].name != first[0].name);
}

TEST_CASE("event spool: a deleted object's last event is still told, its summary is not", "[report]") {
  Bench bench;
  for (int i = 0; i < 12; ++i) bench.add(cat("n", i));
  bench.spool.forget(web);
  CHECK(bench.drain_for(120s).size() == 10);
  CHECK(bench.spool.dropped() == 2);
  bench.add("a new object of that name has a bucket of its own");
  CHECK(bench.drain().size() == 1);
}

TEST_CASE("event spool: names are valid and unique, whatever the object is called", "[report]") {
  Bench bench({.burst = 1000});
  const std::string awkward = std::string(229, 'a') + "-" + std::string(23, 'b');
  REQUIRE(awkward.size() == 253);
  std::set<std::string> names;
  for (int i = 0; i < 100; ++i) { // all in the same nanosecond
    bench.add(cat(i), {"v1", "GitSync", "ns", awkward, ""});
    bench.add(cat(i), {"v1", "GitSync", "ns", "a.b-c", ""});
  }
  for (const auto& write : bench.drain()) {
    CHECK(names.insert(write.name).second);
    CHECK(write.name.size() <= 253);
    CHECK(write.name.find("-.") == std::string::npos);
  }
  CHECK(names.size() == 200);
}
