#include "app/outcome.h"

#include "support/catch.h"

#include <nlohmann/json.hpp>

using namespace gitsync::app;
using nlohmann::json;
using State = Outcome::State;

namespace {

const std::string stamp = "2026-11-23T05:45:56.123456Z";

json condition(const char* type, const char* status, const char* reason, const char* message) {
  return {{"type", type}, {"status", status}, {"reason", reason}, {"message", message}, {"observedGeneration", 1}};
}

json done() {
  return {{"metadata", {{"name", "api"}, {"namespace", "shop"}, {"generation", 1}}},
          {"status",
           {{"observedGeneration", 1},
            {"lastHandledReconcileAt", stamp},
            {"revision", "main@sha1:" + std::string(40, 'c')},
            {"lastAppliedRevision", "main@sha1:" + std::string(40, 'a')},
            {"conditions", json::array({condition("Ready", "True", "Applied", "Applied")})}}}};
}

} // namespace

TEST_CASE("a request that is handled and Ready is done") {
  CHECK(outcome_of(Kind::GitSync, done(), stamp).state == State::Done);
  CHECK(outcome_of(Kind::GitSync, done(), stamp).text == "applied main@aaaaaaa");
  CHECK(outcome_of(Kind::GitRepository, done(), stamp).text == "fetched main@ccccccc");
}

TEST_CASE("what has to be waited for") {
  struct Row {
    const char *pointer, *value;
  };
  const auto row = GENERATE(values<Row>({
      {"/status/lastHandledReconcileAt", "\"\""},
      {"/status/lastHandledReconcileAt", "\"2026-11-23T05:45:56.123455Z\""}, // an earlier request
      {"/status/lastHandledReconcileAt", "\"yesterday\""},
      {"/status/observedGeneration", "0"},
      {"/status/conditions", "[]"},
      {"/status/conditions/0/status", "\"Unknown\""},
      {"/status/conditions/-", R"({"type":"Reconciling","status":"True","reason":"Progressing","message":""})"},
      {"/status", "null"},
  }));
  auto object = done();
  object[json::json_pointer(row.pointer)] = json::parse(row.value);
  CAPTURE(row.pointer, row.value);
  CHECK(outcome_of(Kind::GitSync, object, stamp).state == State::Waiting);
}

TEST_CASE("a later request that was handled covers ours") {
  auto object = done();
  object["status"]["lastHandledReconcileAt"] = "2026-11-23T05:45:57Z";
  CHECK(outcome_of(Kind::GitSync, object, stamp).state == State::Done);
}

TEST_CASE("what has failed") {
  auto object = done();
  SECTION("not ready, with the condition's message") {
    object["status"]["conditions"][0] = condition("Ready", "False", "RevisionRefused", "GS201 a.yaml:3: no");
    CHECK(outcome_of(Kind::GitSync, object, stamp).text == "GS201 a.yaml:3: no");
    // To be tried again by itself is no reason to wait: the answer to this request is known.
    object["status"]["conditions"].push_back(condition("Reconciling", "True", "ProgressingWithRetry", ""));
  }
  SECTION("without a message, the reason") {
    object["status"]["conditions"][0] = condition("Ready", "False", "ApplyFailed", "");
    CHECK(outcome_of(Kind::GitSync, object, stamp).text == "is not ready: ApplyFailed");
  }
  SECTION("a sync window is not waited for: it may be days away") {
    object["status"]["conditions"][0] = condition("Ready", "Unknown", "WindowClosed", "waits for the sync window");
    CHECK(outcome_of(Kind::GitSync, object, stamp).text == "waits for the sync window");
  }
  SECTION("suspended: nobody will ever handle the request") {
    object["status"].erase("lastHandledReconcileAt");
    object["spec"]["suspend"] = true;
    CHECK(outcome_of(Kind::GitRepository, object, stamp).text ==
          "is suspended: nothing is done until \"gitsync resume api --kind gitrepository -n shop\"");
  }
  SECTION("being deleted") { object["metadata"]["deletionTimestamp"] = stamp; }
  CHECK(outcome_of(Kind::GitSync, object, stamp).state == State::Failed);
}
