#include "api/status.h"
#include "support/catch.h"

#include <nlohmann/json.hpp>

using namespace gitsync;
using namespace gitsync::api;
using nlohmann::json;

namespace {
const WallTime noon = *parse_rfc3339("2026-11-23T12:00:00Z");

GitSyncStatus full_status() {
  GitSyncStatus status;
  status.observed_generation = 2;
  status.last_attempted_revision = "main@sha1:8be01d4c0ffee00000000000000000000000000a";
  status.last_applied_revision = "main@sha1:1f3c9a2c0ffee00000000000000000000000000b";
  status.last_handled_reconcile_at = "then";
  status.objects = 23;
  status.drift = 1;
  status.last_correction = LastCorrection{noon, "Deployment.apps shop/api", "Modified", "kubectl-edit", {".spec.replicas"},
                                          3.5,  "main@sha1:1f3c9a2"};
  status.errors = {"GS201 api.yaml:3: not YAML"};
  note_revision(status.history, {"main@sha1:1f3c9a2", "00ff", noon, std::string(outcome::applied), 23});
  mark_stalled(status.conditions, reason::revision_refused, "GS201 api.yaml:3: not YAML", {2, noon});
  return status;
}
} // namespace

TEST_CASE("a GitSync's status as users see it", "[api]") {
  const auto out = status_to_json(full_status());
  CHECK(out["revision"] == "main@8be01d4");
  CHECK(out["lastAttemptedRevision"] == "main@sha1:8be01d4c0ffee00000000000000000000000000a");
  CHECK(out["health"] == "Unknown");
  CHECK(out["objects"] == 23);
  CHECK(out["drift"] == 1);
  CHECK(out["lastCorrection"] == json::parse(R"({"time": "2026-11-23T12:00:00Z", "object": "Deployment.apps shop/api",
    "operation": "Modified", "manager": "kubectl-edit", "paths": [".spec.replicas"], "milliseconds": 3.5,
    "revision": "main@sha1:1f3c9a2"})"));
}

TEST_CASE("a status survives the way through the API server", "[api]") {
  const auto status = full_status();
  CHECK(parse_git_sync_status({{"status", status_to_json(status)}}) == status);

  GitRepositoryStatus repository = {3, "main@sha1:abc", "then", LastFetch{noon, 12.5}, {}};
  mark_ready(repository.conditions, reason::fetched, "main@sha1:abc", {3, noon});
  CHECK(parse_git_repository_status({{"status", status_to_json(repository)}}) == repository);
}

TEST_CASE("the history keeps the newest ten, and outcomes belong to the newest entry of a revision", "[api]") {
  History history;
  note_outcome(history, "r1", outcome::healthy); // there is none
  for (int i = 0; i < 14; ++i)
    note_revision(history, {"r" + std::to_string(i % 13), "d", noon, std::string(outcome::applied), i});
  REQUIRE(history.size() == max_history);
  CHECK(history.front().revision == "r0");
  CHECK(history.front().objects == 13);
  note_outcome(history, "r0", outcome::rolled_back);
  note_outcome(history, "r9", outcome::healthy);
  CHECK(history.front().outcome == outcome::rolled_back);
  CHECK(std::ranges::find(history, "r9", &HistoryEntry::revision)->outcome == outcome::healthy);
  CHECK(std::ranges::count(history, outcome::applied, &HistoryEntry::outcome) == 8);
  CHECK(
      parse_git_sync_status(json::parse(R"({"status":{"history":[1,null,{"revision":7},{"revision":"r"}]}})")).history.size() ==
      1);
}

TEST_CASE("an empty status has its counts and nothing else", "[api]") {
  CHECK(status_to_json(GitSyncStatus{}) ==
        json::parse(R"({"observedGeneration": 0, "objects": 0, "health": "Unknown", "drift": 0})"));
  CHECK(status_to_json(GitRepositoryStatus{}) == json::parse(R"({"observedGeneration": 0})"));
}

TEST_CASE("a status has a cap, and is valid JSON, whatever a repository holds", "[api]") {
  auto status = full_status();
  const std::string huge = std::string(1 << 20, 'x') + "\xFF";
  status.last_attempted_revision = status.last_applied_revision = status.last_handled_reconcile_at = status.health = huge;
  status.errors.assign(1000, huge);
  *status.last_correction = {noon, huge, huge, huge, std::vector<std::string>(1000, huge), 1e300 * 1e300, huge};
  mark_failed(status.conditions, fail(Code::YamlSyntax, huge).error(), {2, noon});

  const auto out = status_to_json(status);
  CHECK(out.dump().size() < 40'000);
  CHECK(out["errors"].size() == 20);
  CHECK(out["errors"][19] == "and 981 more");
  CHECK(out["lastCorrection"]["paths"].size() == 20);
  CHECK(out["lastCorrection"]["milliseconds"] == 0.0);

  status.errors.assign(20, "e");
  CHECK(status_to_json(status)["errors"][19] == "e");
}

TEST_CASE("whatever stands in a status can be read", "[api]") {
  for (const auto* text :
       {"null", "[]", "{}", R"({"status": 1})", R"({"status": {"revision": 1, "conditions": {}, "lastFetch": 3}})",
        R"({"status": {"objects": "x", "drift": 1.5, "errors": "x", "lastCorrection": [], "health": 4}})"}) {
    INFO(text);
    CHECK(parse_git_sync_status(json::parse(text)) == GitSyncStatus{});
    CHECK(parse_git_repository_status(json::parse(text)) == GitRepositoryStatus{});
  }
}

TEST_CASE("short revisions", "[api]") {
  const std::pair<const char*, const char*> rows[] = {{"main@sha1:1f3c9a2c0ffee", "main@1f3c9a2"},
                                                      {"sha1:1f3c9a2c0ffee", "1f3c9a2"},
                                                      {"a@b/c@sha1:1f3c9a2c0ffee", "a@b/c@1f3c9a2"},
                                                      {"refs/pull/7/head@sha1:1f3c9a2c0ffee", "refs/pull/7/head@1f3c9a2"},
                                                      {"main@sha1:1f", "main@1f"},
                                                      {"xsha1:1f3c9a2c0ffee", "xsha1:1f3c9a2c0ffee"},
                                                      {"main", "main"},
                                                      {"", ""}};
  for (const auto& [full, expected] : rows) CHECK(short_revision(full) == expected);
}
