#include "kube/watch.h"

#include "support/catch.h"

#include <random>

using namespace gitsync;
using namespace gitsync::kube;
using namespace std::chrono_literals;
using nlohmann::json;
using Kind = WatchAction::Kind;
using Line = WatchMachine::Line;

namespace {

const Instant start = Instant{} + 100h;

json event(const std::string& type, const std::string& version) {
  return {{"type", type}, {"object", {{"metadata", {{"name", "a"}, {"resourceVersion", version}}}}}};
}
json synced(const std::string& version) {
  auto out = event("BOOKMARK", version);
  out["object"]["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  return out;
}
json error_event(int code) { return {{"type", "ERROR"}, {"object", {{"kind", "Status"}, {"code", code}}}}; }

Result<> error(Code code) { return fail(code, "x"); }

/// A machine that has seen all that existed and follows from version 100.
WatchMachine following(uint32_t seed = 1) {
  WatchMachine machine(seed);
  machine.line(event("ADDED", "90"));
  machine.line(synced("100"));
  machine.ended({}, start - 5min, start);
  return machine;
}

/// What it does next, once pauses are over.
WatchAction after_pause(WatchMachine& machine, Instant now) {
  auto action = machine.next(now);
  if (action.kind == Kind::Wait) action = machine.next(now + action.pause);
  return action;
}

} // namespace

TEST_CASE("a watch begins with the initial events and then follows", "[kube]") {
  WatchMachine machine(1);
  CHECK(machine.next(start).kind == Kind::WatchList);
  CHECK(machine.line(event("ADDED", "90")) == Line::Changed);
  CHECK(machine.line(event("ADDED", "20")) == Line::Changed);
  CHECK(machine.line(synced("100")) == Line::Synced);
  CHECK(machine.line(event("MODIFIED", "101")) == Line::Changed);
  CHECK(machine.line(event("DELETED", "102")) == Line::Deleted);
  CHECK(machine.line(event("BOOKMARK", "150")) == Line::Bookmark);
  machine.ended({}, start, start + 5min);
  CHECK(machine.reason() == "end");
  const auto next = machine.next(start + 5min);
  CHECK(next.kind == Kind::Watch);
  CHECK(next.resource_version == "150"); // bookmarks count: a quiet kind never expires
}

TEST_CASE("initial events that were cut are asked for anew: an object's version is no place to go on from", "[kube]") {
  // They come in any order, each with the version of its own last change. Going on from one of them would miss every object
  // that was not sent yet, and nothing would ever say that all is known.
  const auto how = GENERATE(as<Result<>>{}, Result<>{}, error(Code::ApiUnreachable), error(Code::Timeout));
  WatchMachine machine(1);
  machine.line(event("ADDED", "90"));
  machine.line(event("ADDED", "20"));
  machine.ended(how, start, start + 10s);
  CHECK(after_pause(machine, start + 10s).kind == Kind::WatchList);
}

TEST_CASE("a bookmark before the end of the initial events doesn't end them", "[kube]") {
  WatchMachine machine(1);
  machine.line(event("ADDED", "90"));
  CHECK(machine.line(event("BOOKMARK", "95")) == Line::Bookmark);
  machine.ended(error(Code::ApiUnreachable), start, start + 10s);
  CHECK(after_pause(machine, start + 10s).kind == Kind::WatchList);
}

TEST_CASE("an expired version is listed again, at once the first time", "[kube]") {
  const bool in_stream = GENERATE(true, false);
  auto machine = following();
  CHECK(machine.next(start).kind == Kind::Watch);
  if (in_stream) {
    CHECK(machine.line(error_event(410)) == Line::End);
    machine.ended({}, start, start + 10s);
  } else {
    machine.ended(error(Code::ApiExpired), start, start + 10s);
  }
  CHECK(machine.reason() == "expired");
  CHECK(machine.next(start + 10s).kind == Kind::WatchList);
  // Expired again and again, the server is given time.
  machine.ended(error(Code::ApiExpired), start + 10s, start + 11s);
  CHECK(machine.next(start + 11s).kind == Kind::Wait);
  CHECK(after_pause(machine, start + 11s).kind == Kind::WatchList);
}

TEST_CASE("an expiry is told once", "[kube]") {
  auto machine = following();
  machine.line(error_event(410));
  machine.ended({}, start, start + 10s);
  machine.line(synced("200"));
  machine.ended({}, start + 10s, start + 5min);
  CHECK(machine.reason() == "end");
  CHECK(machine.next(start + 5min).resource_version == "200");
}

TEST_CASE("an error in the stream other than 410 goes on from the same version", "[kube]") {
  const int code = GENERATE(500, 504, 429, 0);
  auto machine = following();
  CHECK(machine.line(error_event(code)) == Line::End);
  machine.ended({}, start, start + 10s);
  const auto next = after_pause(machine, start + 10s);
  CHECK(next.kind == Kind::Watch);
  CHECK(next.resource_version == "100");
}

TEST_CASE("a server without initial events is listed by pages, for good", "[kube]") {
  WatchMachine machine(1);
  CHECK_FALSE(machine.paged());
  machine.ended(error(Code::ApiInvalid), start, start);
  CHECK(machine.paged());
  CHECK(machine.next(start).kind == Kind::List); // no pause: it is no failure
  machine.listed("300");
  const auto next = machine.next(start);
  CHECK(next.kind == Kind::Watch);
  CHECK(next.resource_version == "300");
  machine.line(event("MODIFIED", "301"));
  machine.ended(error(Code::ApiExpired), start, start + 1min);
  CHECK(machine.next(start + 1min).kind == Kind::List);
}

TEST_CASE("other refusals don't make it list by pages", "[kube]") {
  for (const auto code : {Code::ApiForbidden, Code::ApiUnauthorized, Code::ApiNotFound, Code::ApiServerError,
                          Code::ApiThrottled, Code::ApiUnreachable, Code::Timeout}) {
    INFO(code_text(code));
    WatchMachine machine(1);
    machine.ended(error(code), start, start);
    CHECK_FALSE(machine.paged());
    CHECK(machine.next(start).kind == Kind::Wait);
    CHECK(after_pause(machine, start).kind == Kind::WatchList);
    CHECK(machine.reason() == "error");
  }
}

TEST_CASE("a refused list pauses: pages are the last resort", "[kube]") {
  WatchMachine machine(1);
  machine.ended(error(Code::ApiInvalid), start, start);
  machine.ended(error(Code::ApiInvalid), start, start);
  CHECK(machine.next(start).kind == Kind::Wait);
  CHECK(after_pause(machine, start).kind == Kind::List);
}

TEST_CASE("a watch that the server refuses while it follows keeps its version", "[kube]") {
  auto machine = following();
  machine.ended(error(Code::ApiForbidden), start, start);
  const auto next = after_pause(machine, start);
  CHECK(next.kind == Kind::Watch);
  CHECK(next.resource_version == "100");
}

TEST_CASE("back-off doubles from 0.8 s with jitter to at most a minute", "[kube]") {
  const auto seed = GENERATE(range(0u, 20u));
  WatchMachine machine(seed * 7919);
  auto now = start;
  auto base = 800ms;
  for (int i = 0; i < 40; ++i) {
    machine.ended(error(Code::ApiUnreachable), now, now);
    const auto action = machine.next(now);
    CAPTURE(i, action.pause.count());
    REQUIRE(action.kind == Kind::Wait);
    CHECK(action.pause >= base);
    CHECK(action.pause <= std::min(2 * base, 60'000ms));
    base = std::min(base * 2, 30'000ms);
    now += action.pause;
    CHECK(machine.next(now).kind == Kind::WatchList); // exactly when the pause is over
  }
}

TEST_CASE("back-off begins anew after two healthy minutes, or a complete list", "[kube]") {
  auto broken = [](WatchMachine& machine) {
    for (int i = 0; i < 6; ++i) machine.ended(error(Code::ApiUnreachable), start, start);
    REQUIRE(machine.next(start).pause > 10s);
  };
  WatchMachine healthy(1), listed(2);
  broken(healthy);
  healthy.ended(error(Code::ApiUnreachable), start, start + 3min);
  CHECK(healthy.next(start + 3min).pause <= 1'600ms);
  broken(listed);
  listed.listed("5");
  listed.ended(error(Code::ApiUnreachable), start + 2min, start + 2min);
  CHECK(listed.next(start + 2min).pause <= 1'600ms);
}

TEST_CASE("a stream that ends as soon as it begins doesn't spin", "[kube]") {
  auto machine = following();
  machine.ended({}, start, start + 10ms);
  CHECK(machine.next(start + 10ms).kind == Kind::Wait);
  auto normal = following();
  normal.ended({}, start, start + 5min);
  CHECK(normal.next(start + 5min).kind == Kind::Watch);
}

TEST_CASE("a server that says when is heard, within bounds", "[kube]") {
  WatchMachine machine(1);
  machine.ended(fail(Code::ApiThrottled, "busy", Retry::After, 20s), start, start);
  CHECK(machine.next(start).pause >= 20s);
  CHECK(machine.next(start).pause <= 60s);
}

TEST_CASE("forget hands everything over again", "[kube]") {
  auto machine = following();
  machine.forget();
  CHECK(machine.next(start).kind == Kind::WatchList);
}

TEST_CASE("a broken line ends the stream and changes nothing", "[kube]") {
  const std::vector<json> odd = {nullptr,
                                 5,
                                 "x",
                                 json::array(),
                                 json::object(),
                                 {{"type", "ADDED"}},
                                 {{"type", "ADDED"}, {"object", nullptr}},
                                 {{"type", "ADDED"}, {"object", json::object()}},
                                 {{"type", "ADDED"}, {"object", {{"metadata", 5}}}},
                                 {{"type", 5}, {"object", {{"metadata", {{"resourceVersion", "7"}}}}}},
                                 {{"type", nullptr}, {"object", {{"metadata", {{"resourceVersion", "7"}}}}}},
                                 {{"type", "ERROR"}, {"object", {{"code", "410"}}}},
                                 {{"type", "ERROR"}, {"object", {{"code", nullptr}}}},
                                 json(json::value_t::discarded)};
  for (const auto& line : odd) {
    INFO(line.dump());
    auto machine = following();
    Line what{};
    CHECK_NOTHROW(what = machine.line(line));
    CHECK(what == Line::End);
    CHECK(machine.next(start).resource_version == "100");
  }
}

TEST_CASE("odd members of an event are no exception", "[kube]") {
  const std::vector<json> odd = {{{"resourceVersion", 7}},
                                 {{"resourceVersion", nullptr}},
                                 {{"resourceVersion", "101"}, {"annotations", nullptr}},
                                 {{"resourceVersion", "101"}, {"annotations", {{"k8s.io/initial-events-end", true}}}},
                                 {{"resourceVersion", "101"}, {"annotations", {{"k8s.io/initial-events-end", nullptr}}}}};
  for (const auto& metadata : odd) {
    INFO(metadata.dump());
    auto machine = following();
    CHECK_NOTHROW(machine.line({{"type", "BOOKMARK"}, {"object", {{"metadata", metadata}}}}));
  }
}

TEST_CASE("whatever happens, it never waits for ever and never goes on from nowhere", "[kube]") {
  const auto seed = GENERATE(range(0u, 50u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  WatchMachine machine(seed);
  auto now = start;
  bool complete = false; // the sink knows all that existed
  for (int step = 0; step < 300; ++step) {
    auto action = machine.next(now);
    if (action.kind == Kind::Wait) {
      REQUIRE(action.pause > 0ms);
      REQUIRE(action.pause <= 60s);
      now += action.pause;
      action = machine.next(now);
      REQUIRE(action.kind != Kind::Wait);
    }
    if (action.kind == Kind::Watch) {
      REQUIRE_FALSE(action.resource_version.empty());
      REQUIRE(complete);
    } else {
      complete = false;
      REQUIRE(action.resource_version.empty());
    }
    const auto began = now;
    Result<> how;
    if (action.kind == Kind::List) {
      if (random() % 3) {
        machine.listed("500");
        complete = true;
        continue;
      }
      how = error(Code::ApiUnreachable);
    } else {
      bool expired = false;
      for (size_t lines = random() % 5; lines != 0; --lines) {
        now += std::chrono::seconds(random() % 60);
        if (!complete && action.kind == Kind::WatchList && random() % 2) {
          machine.line(synced("100"));
          complete = true;
        } else {
          machine.line(event(random() % 2 ? "ADDED" : "BOOKMARK", "50"));
        }
      }
      switch (random() % 5) {
      case 0: how = error(Code::ApiUnreachable); break;
      case 1:
        how = error(Code::ApiExpired);
        expired = true;
        break;
      case 2:
        machine.line(error_event(410));
        expired = true;
        break;
      case 3: how = error(seed % 2 ? Code::ApiInvalid : Code::ApiServerError); break;
      default: break;
      }
      if (expired) complete = false;
    }
    now += std::chrono::milliseconds(random() % 200'000);
    machine.ended(how, began, now);
  }
}
