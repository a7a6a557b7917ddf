#include "app/current.h"

#include "support/catch.h"

#include <nlohmann/json.hpp>

using namespace gitsync::app;
using nlohmann::json;
using State = Current::State;

namespace {

const std::string old_revision = "main@sha1:" + std::string(40, 'a');
const std::string new_revision = "main@sha1:" + std::string(40, 'b');

json source_at(const std::string& revision) {
  json out = {{"metadata", {{"name", "src"}, {"namespace", "shop"}, {"generation", 3}}},
              {"status", {{"observedGeneration", 3}}}};
  if (!revision.empty()) out["status"]["revision"] = revision;
  return out;
}

json condition(const char* type, const char* status, int generation) {
  return {{"type", type},
          {"status", status},
          {"reason", "Applied"},
          {"message", ""},
          {"observedGeneration", generation},
          {"lastTransitionTime", "2026-11-23T05:45:56Z"}};
}

/// Ready at `applied` for its present generation.
json sync_at(const std::string& applied) {
  return {{"metadata", {{"name", "api"}, {"namespace", "shop"}, {"generation", 2}}},
          {"spec", {{"sourceRef", {{"name", "src"}}}}},
          {"status",
           {{"observedGeneration", 2},
            {"lastAppliedRevision", applied},
            {"lastAttemptedRevision", applied},
            {"conditions", json::array({condition("Ready", "True", 2)})}}}};
}

} // namespace

TEST_CASE("current as of the source's revision") {
  const auto sync = sync_at(old_revision);
  SECTION("the same revision is applied") {
    CHECK(current_as_of(sync, source_at(old_revision)) == Current{State::Yes, "main@aaaaaaa is applied"});
  }
  SECTION("a commit that touched nothing of it leaves it at the older revision") {
    CHECK(current_as_of(sync, source_at(new_revision)) == Current{State::Yes, "main@bbbbbbb changed nothing of it"});
  }
}

TEST_CASE("what keeps a GitSync from being current") {
  struct Row {
    const char *pointer, *value; // JSON pointer into the GitSync, and what stands there instead
    State state;
    const char* why;
  };
  const auto row = GENERATE(values<Row>({
      {"/spec/suspend", "true", State::No, "is suspended"},
      {"/status/lastAttemptedRevision", "\"main@sha1:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"", State::No,
       "main@bbbbbbb could not be applied"},
      {"/status/lastAppliedRevision", "\"\"", State::No, "nothing was applied yet"},
      {"/status/observedGeneration", "1", State::No, "the spec was changed and is not acted on yet"},
      {"/status/conditions/0/observedGeneration", "1", State::No, "is not ready"},
      {"/status/conditions/0/status", "\"False\"", State::No, "is not ready"},
      {"/status/conditions/0/status", "\"Unknown\"", State::No, "is not ready"},
      {"/status/conditions", "[]", State::No, "is not ready"},
      {"/status/conditions/1", R"({"type":"Reconciling","status":"True","reason":"Progressing","message":""})", State::No,
       "main@bbbbbbb is under way"},
      {"/metadata/deletionTimestamp", "\"2026-11-23T05:45:56Z\"", State::No, "is being deleted"},
      {"/status", "null", State::No, "the spec was changed and is not acted on yet"},
      {"/status", "\"odd\"", State::No, "the spec was changed and is not acted on yet"},
  }));
  auto sync = sync_at(old_revision);
  const json::json_pointer pointer(row.pointer);
  if (pointer.back() == "1")
    sync[pointer.parent_pointer()].push_back(json::parse(row.value));
  else
    sync[pointer] = json::parse(row.value);
  CAPTURE(row.pointer, row.value);
  const auto found = current_as_of(sync, source_at(new_revision));
  CHECK(found.state == row.state);
  CHECK(found.why == row.why);
}

TEST_CASE("an applied revision counts although it does not stay ready, unless the spec or the object has moved on") {
  auto sync = sync_at(new_revision);
  sync["status"]["conditions"][0]["status"] = "False"; // drift is reported, say
  CHECK(current_as_of(sync, source_at(new_revision)).state == State::Yes);
  sync["spec"]["suspend"] = true;
  CHECK(current_as_of(sync, source_at(new_revision)).state == State::Yes);
  sync["metadata"]["generation"] = 3;
  CHECK(current_as_of(sync, source_at(new_revision)).state == State::No);
}

TEST_CASE("without a revision of the source nobody knows") {
  const auto sync = sync_at(old_revision);
  CHECK(current_as_of(sync, json()) == Current{State::Unknown, "the source does not exist"});
  CHECK(current_as_of(sync, source_at("")) == Current{State::Unknown, "the source has no revision yet"});
  auto changed = source_at(old_revision); // another branch was asked for: the revision is the old one's
  changed["metadata"]["generation"] = 4;
  CHECK(current_as_of(sync, changed) == Current{State::Unknown, "the source's spec was changed and is not acted on yet"});
}

TEST_CASE("states are words") {
  CHECK(current_text(State::Yes) == "yes");
  CHECK(current_text(State::No) == "no");
  CHECK(current_text(State::Unknown) == "unknown");
}

TEST_CASE("a GitSync's source lies in its own namespace unless it names another") {
  const auto named = [](const json& source) {
    const auto [ns, name] = source_of({{"metadata", {{"namespace", "shop"}}}, {"spec", {{"sourceRef", source}}}});
    return ns + "/" + name;
  };
  CHECK(named({{"name", "web"}}) == "shop/web");
  CHECK(named({{"name", "web"}, {"namespace", "infra"}}) == "infra/web");
  CHECK(named(5) == "shop/");
}
