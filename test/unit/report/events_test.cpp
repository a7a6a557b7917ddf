#include "report/events.h"

#include "runtime/task_group.h"
#include "support/catch.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

using namespace gitsync;
using namespace gitsync::report;
using namespace std::chrono_literals;

namespace {

const EventSubject web{"gitops.volaticloud.com/v1alpha1", "GitSync", "shop", "web", "uid-1"};

/// A recorder whose sink answers from a script and stops the group after the last expected write.
struct Bench {
  asio::io_context io;
  TaskGroup group{io.get_executor()};
  std::vector<EventWrite> writes;
  std::vector<Result<>> script; // answers in their order; then success
  size_t expected = 1;
  std::function<void()> after_write; // runs when the loop had time to go on
  EventRecorder recorder;

  explicit Bench(EventRecorder::Options options = {.first_pause = 0ms, .longest_pause = 0ms})
      : recorder(
            io.get_executor(), {.instance = "pod-1"}, [this](EventWrite write) { return sink(std::move(write)); }, options) {}

  Task<Result<>> sink(EventWrite write) {
    writes.push_back(std::move(write));
    const size_t index = writes.size() - 1;
    if (writes.size() >= expected)
      asio::post(io, [this] { group.stop(); });
    else if (after_write)
      asio::post(io, after_write);
    co_return index < script.size() ? script[index] : Result<>{};
  }
  void run() {
    group.spawn("events", recorder.run());
    io.run_for(2min); // a guard far beyond any healthy run
    REQUIRE(group.running() == 0);
  }
};

} // namespace

TEST_CASE("after failure: what becomes of a write", "[report]") {
  struct Case {
    EventWrite::Kind kind;
    Code code;
    int attempts;
    AfterFailure expected;
  };
  const auto row = GENERATE(values<Case>({
      {EventWrite::Kind::Create, Code::ApiUnreachable, 1, AfterFailure::Again},
      {EventWrite::Kind::Create, Code::ApiThrottled, 4, AfterFailure::Again},
      {EventWrite::Kind::Create, Code::ApiServerError, 5, AfterFailure::GiveUp},
      {EventWrite::Kind::Create, Code::ApiConflict, 2, AfterFailure::Done},
      {EventWrite::Kind::Create, Code::ApiNotFound, 1, AfterFailure::GiveUp}, // the namespace is gone
      {EventWrite::Kind::Create, Code::ApiForbidden, 1, AfterFailure::GiveUp},
      {EventWrite::Kind::Create, Code::ApiInvalid, 1, AfterFailure::GiveUp},
      {EventWrite::Kind::Patch, Code::ApiNotFound, 1, AfterFailure::Lost},
      {EventWrite::Kind::Patch, Code::ApiConflict, 1, AfterFailure::Again},
  }));
  INFO(code_text(row.code) << " after " << row.attempts);
  const EventWrite write{.kind = row.kind, .ns = "shop", .name = "web.1", .body = {}};
  CHECK(after_failure(write, Error{row.code, "x", default_retry(row.code), {}}, row.attempts, 5) == row.expected);
}

TEST_CASE("events: what is recorded before and while it runs is sent", "[report]") {
  Bench bench;
  bench.expected = 3;
  bench.recorder.record(web, EventReason::Applied, "one");
  // The loop sleeps when these come: each must wake it.
  bench.after_write = [&] { bench.recorder.record(web, EventReason::Pruned, bench.writes.size() == 1 ? "two" : "three"); };
  bench.run();
  REQUIRE(bench.writes.size() == 3);
  CHECK(bench.writes[0].body["note"] == "one");
  CHECK(bench.writes[1].body["note"] == "two");
  CHECK(bench.writes[2].body["note"] == "three");
  CHECK(bench.writes[0].body["reportingInstance"] == "pod-1");
}

TEST_CASE("events: a transient failure is tried again with the same event, then the next one is sent", "[report]") {
  Bench bench;
  bench.script = {fail(Code::ApiUnreachable, "x"), fail(Code::ApiThrottled, "x", Retry::After, 1ms), {}};
  bench.expected = 4;
  bench.recorder.record(web, EventReason::Applied, "one");
  bench.recorder.record(web, EventReason::Applied, "two");
  bench.run();
  REQUIRE(bench.writes.size() == 4);
  CHECK(bench.writes[0].name == bench.writes[1].name);
  CHECK(bench.writes[1].name == bench.writes[2].name);
  CHECK(bench.writes[3].body["note"] == "two");
}

TEST_CASE("events: one that is refused does not hold up the others", "[report]") {
  Bench bench;
  bench.script = {fail(Code::ApiForbidden, "events is forbidden")};
  bench.expected = 2;
  bench.recorder.record(web, EventReason::Applied, "one");
  bench.recorder.record(web, EventReason::Applied, "two");
  bench.run();
  REQUIRE(bench.writes.size() == 2);
  CHECK(bench.writes[1].body["note"] == "two");
  // It was given up, so the next occurrence is a new event.
  CHECK(bench.recorder.spool().remembered() == 1);
}

TEST_CASE("events: an event that the server has forgotten is made anew", "[report]") {
  EventRecorder::Options options{.first_pause = 0ms, .longest_pause = 0ms};
  options.limits.refresh = 0s;
  Bench bench(options);
  bench.script = {{}, fail(Code::ApiNotFound, "gone")};
  bench.expected = 3;
  bench.recorder.record(web, EventReason::Applied, "same");
  bench.after_write = [&] { bench.recorder.record(web, EventReason::Applied, "same"); };
  bench.run();
  REQUIRE(bench.writes.size() == 3);
  CHECK(bench.writes[1].kind == EventWrite::Kind::Patch);
  CHECK(bench.writes[2].kind == EventWrite::Kind::Create);
  CHECK(bench.writes[2].name != bench.writes[0].name);
}

namespace {
Task<Result<>> never(asio::io_context& io, TaskGroup& group) {
  asio::post(io, [&] { group.stop(); });
  co_await sleep_for(24h);
  co_return fail(Code::Cancelled, "stopped");
}
} // namespace

TEST_CASE("events: stopping ends a write that hangs, and a pause before another attempt", "[report]") {
  SECTION("write") {
    asio::io_context io;
    TaskGroup group(io.get_executor());
    EventRecorder recorder(io.get_executor(), {}, [&](EventWrite) { return never(io, group); });
    recorder.record(web, EventReason::Applied, "one");
    group.spawn("events", recorder.run());
    io.run_for(2min);
    CHECK(group.running() == 0);
  }
  SECTION("pause") {
    Bench bench(EventRecorder::Options{.first_pause = 24h, .longest_pause = 24h});
    bench.script = {fail(Code::ApiUnreachable, "x")};
    bench.recorder.record(web, EventReason::Applied, "one");
    bench.run();
    CHECK(bench.writes.size() == 1);
  }
}

TEST_CASE("events: the host has a name that the API server accepts", "[report]") {
  CHECK(!host_name().empty());
  CHECK(host_name().size() < 256);
}
