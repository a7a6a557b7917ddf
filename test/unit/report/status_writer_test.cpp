#include "report/status_writer.h"

#include "unit/kube/access.h"

#include <random>

using namespace gitsync;
using namespace gitsync::report;
using namespace std::chrono_literals;
using http::Exchange;
using nlohmann::json;

namespace {

json random_value(std::mt19937& random, int depth) {
  switch (random() % (depth > 0 ? 6 : 4)) {
  case 0: return static_cast<int>(random() % 3);
  case 1: return std::string(1, static_cast<char>('a' + random() % 3));
  case 2: return random() % 2 == 0;
  case 3: return json::array({static_cast<int>(random() % 3), {{"k", nullptr}}});
  default: {
    json out = json::object();
    for (size_t i = random() % 4; i != 0; --i)
      out[std::string(1, static_cast<char>('a' + random() % 4))] = random_value(random, depth - 1);
    return out;
  }
  }
}
json random_object(std::mt19937& random) {
  json out = random_value(random, 4);
  return out.is_object() ? out : json::object();
}

/// A server that keeps a status as merge patches make it. While `held`, it answers only when it is let go.
struct Stand : kube::KubeBench {
  json status;
  std::vector<json> patches;
  std::vector<std::string> targets;
  int failures = 0, code = 500; // the next so many are answered with code
  std::unique_ptr<Event> go;    // while set: waited for before an answer
  std::unique_ptr<StatusWriter> writer;
  bool may_write = true;

  explicit Stand(json known = json::object())
      : kube::KubeBench([this](Exchange& e) -> Task<> { co_await answer(e); }), status(known) {
    StatusWriter::Options options{.soon = 0ms, .later = 1ms, .may_write = [this] { return may_write; }};
    writer = std::make_unique<StatusWriter>(kube, loop.executor(), "/apis/x/namespaces/n/things/t", std::move(known),
                                            std::move(options));
  }
  ~Stand() {
    loop.inside([this] { // what they refer to goes before them
      group.stop();
      imposter.stop();
    });
    until([this] { return group.running() == 0 && imposter.idle(); });
  }
  Task<> answer(Exchange& e) {
    const json body = json::parse(e.body);
    patches.push_back(body);
    targets.push_back(e.method + " " + e.target + " " + e.header("content-type"));
    if (go) co_await go->wait();
    if (failures > 0) {
      --failures;
      co_return co_await e.answer(code, "no");
    }
    status.merge_patch(body.at("status"));
    co_await e.answer(200, "{}");
  }
};

} // namespace

TEST_CASE("merge_diff: the patch turns one into the other and says no more than needed", "[report]") {
  const auto seed = GENERATE(range(0u, 200u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const json from = random_object(random);
  json to = random() % 2 ? random_object(random) : from;
  if (random() % 2 && !to.empty()) to.begin().value() = random_value(random, 2);
  const json patch = merge_diff(from, to);
  json result = from;
  result.merge_patch(patch);
  INFO(from.dump() << " → " << to.dump() << ": " << patch.dump());
  CHECK(result == to);
  CHECK(patch.empty() == (from == to));
  for (const auto& [key, value] : patch.items()) CHECK((!from.contains(key) || !to.contains(key) || from[key] != to[key]));
}

TEST_CASE("merge_diff: by example", "[report]") {
  struct Row {
    const char* from;
    const char* to;
    const char* patch;
  };
  const std::vector<Row> rows = {
      {"{}", "{}", "{}"},
      {"null", R"({"a":1})", R"({"a":1})"},
      {R"({"a":1,"b":2})", R"({"a":1,"b":3})", R"({"b":3})"},
      {R"({"a":1})", "{}", R"({"a":null})"},
      {R"({"a":{"b":1,"c":2}})", R"({"a":{"b":1}})", R"({"a":{"c":null}})"},
      {R"({"a":[1]})", R"({"a":[1,2]})", R"({"a":[1,2]})"},
      {R"({"a":1})", R"({"a":{"b":2}})", R"({"a":{"b":2}})"},
      {R"({"a":{"b":2}})", R"({"a":1})", R"({"a":1})"},
      {R"({"a":{"b":2}})", R"({"a":{}})", R"({"a":{"b":null}})"},
      {"{}", R"({"a":{}})", R"({"a":{}})"},
  };
  for (const auto& row : rows) {
    INFO(row.from << " → " << row.to);
    CHECK(merge_diff(json::parse(row.from), json::parse(row.to)) == json::parse(row.patch));
  }
}

TEST_CASE("a status writer sends what changed, once, to the status subresource", "[report]") {
  Stand stand({{"a", 1}, {"b", 2}});
  stand.group.spawn("writer", stand.writer->run());
  stand.writer->set({{"a", 1}, {"c", 3}}, Urgency::Soon);
  stand.until([&] { return stand.status == json({{"a", 1}, {"c", 3}}); });
  CHECK(stand.patches == std::vector<json>{{{"status", {{"b", nullptr}, {"c", 3}}}}});
  CHECK(stand.targets[0].starts_with("PATCH /apis/x/namespaces/n/things/t/status?fieldManager="));
  CHECK(stand.targets[0].ends_with("application/merge-patch+json"));
}

TEST_CASE("a status that didn't change isn't written", "[report]") {
  Stand stand({{"a", 1}});
  stand.group.spawn("writer", stand.writer->run());
  stand.writer->set({{"a", 1}}, Urgency::Soon);
  stand.writer->set({{"a", 2}}, Urgency::Soon);
  stand.writer->set({{"a", 1}}, Urgency::Soon); // changed back before it was written
  stand.writer->set({{"a", 1}, {"end", true}}, Urgency::Soon);
  stand.until([&] { return stand.status.contains("end"); });
  stand.loop.settle();
  CHECK(stand.patches == std::vector<json>{{{"status", {{"end", true}}}}});
}

TEST_CASE("many changes while a write is under way become one write", "[report]") {
  Stand stand;
  stand.go = std::make_unique<Event>(stand.loop.executor());
  stand.group.spawn("writer", stand.writer->run());
  stand.writer->set({{"n", 0}}, Urgency::Soon);
  stand.until([&] { return stand.patches.size() == 1; });
  for (int i = 1; i < 50; ++i) stand.writer->set({{"n", i}}, i % 2 ? Urgency::Later : Urgency::Soon);
  stand.go->set();
  stand.until([&] { return stand.status == json({{"n", 49}}); });
  CHECK(stand.patches.size() == 2);
}

TEST_CASE("a status that changes back while the other one is being written is written again", "[report]") {
  Stand stand({{"ready", true}});
  stand.go = std::make_unique<Event>(stand.loop.executor());
  stand.group.spawn("writer", stand.writer->run());
  stand.writer->set({{"ready", false}}, Urgency::Soon);
  stand.until([&] { return stand.patches.size() == 1; }); // on its way
  stand.writer->set({{"ready", true}}, Urgency::Soon);    // as it was known before: but not for long
  stand.go->set();
  stand.until([&] { return stand.status == json({{"ready", false}}); });
  // Nothing else happens from here on: what is wanted has to get there by itself.
  const auto guard = std::chrono::steady_clock::now() + 5s;
  stand.loop.io.restart();
  while (stand.status != json({{"ready", true}}) && std::chrono::steady_clock::now() < guard) stand.loop.io.run_one_for(100ms);
  CHECK(stand.status == json({{"ready", true}}));
}

TEST_CASE("a failed write is tried again with what is wanted then", "[report]") {
  Stand stand;
  stand.failures = 1;
  stand.group.spawn("writer", stand.writer->run());
  stand.writer->set({{"n", 1}}, Urgency::Soon);
  stand.until([&] { return stand.patches.size() == 1; });
  stand.writer->set({{"n", 2}}, Urgency::Soon);
  stand.until([&] { return stand.status == json({{"n", 2}}); });
  CHECK(stand.patches.size() == 2);
}

TEST_CASE("a writer ends when its object is gone or the lease is lost", "[report]") {
  const bool gone = GENERATE(true, false);
  Stand stand;
  if (gone)
    stand.failures = 1, stand.code = 404;
  else
    stand.may_write = false;
  stand.group.spawn("writer", stand.writer->run());
  stand.writer->set({{"n", 1}}, Urgency::Soon);
  stand.until([&] { return stand.group.running() == 0; });
  CHECK(stand.patches.size() == (gone ? 1 : 0));
}

TEST_CASE("flush writes what is not written yet, once", "[report]") {
  Stand stand({{"a", 1}});
  const auto flush = [&]() -> Task<bool> {
    co_await stand.writer->flush();
    co_return true;
  };
  stand.run(flush());
  CHECK(stand.patches.empty());
  stand.writer->set({{"a", 2}}, Urgency::Later);
  stand.run(flush());
  stand.run(flush());
  CHECK(stand.patches == std::vector<json>{{{"status", {{"a", 2}}}}});
  stand.may_write = false;
  stand.writer->set({{"a", 3}}, Urgency::Later);
  stand.run(flush());
  CHECK(stand.patches.size() == 1);
}

TEST_CASE("a writer stops in every state", "[report]") {
  const int state = GENERATE(0, 1, 2, 3); // idle, gathering, writing, waiting after a failure
  Stand stand;
  if (state == 2) stand.go = std::make_unique<Event>(stand.loop.executor());
  if (state == 3) stand.failures = 100;
  stand.group.spawn("writer", stand.writer->run());
  stand.loop.settle();
  if (state > 0) stand.writer->set({{"n", 1}}, state == 1 ? Urgency::Later : Urgency::Soon);
  if (state > 1)
    stand.until([&] { return stand.patches.size() == 1; });
  else
    stand.loop.settle();
  stand.loop.inside([&] { stand.group.stop(); });
  stand.until([&] { return stand.group.running() == 0; });
  CHECK(stand.group.running() == 0);
}
