#include "api/git_sync.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::api;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("a GitSync with nothing but a source", "[api]") {
  const auto parsed = parse_git_sync(
      json::parse(R"({"metadata": {"namespace": "shop", "name": "api"}, "spec": {"sourceRef": {"name": "code"}}})"));
  REQUIRE(parsed);
  GitSyncSpec expected;
  expected.source_name = "code";
  CHECK(parsed->spec == expected); // the struct's own defaults are the parser's
  CHECK(parsed->source_key() == "shop/code");
  CHECK(parsed->status == GitSyncStatus{});
}

TEST_CASE("a GitSync with everything", "[api]") {
  const auto parsed = parse_git_sync(json::parse(R"({
    "metadata": {"namespace": "shop", "name": "api"},
    "spec": {"sourceRef": {"kind": "GitRepository", "name": "code"}, "path": "./deploy", "interval": "1h",
             "prune": {"enabled": false, "allowEmpty": true, "maxDelete": 7, "maxDeletePercent": 30}, "drift": {"mode": "Report"}, "targetNamespace": "shop-prod",
             "health": {"wait": false, "timeout": "90s", "healthChecks": [
               {"apiVersion": "example.com/v1", "kind": "Widget", "current": "status.phase == 'Up'"},
               {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "namespace": "shop", "current": "data.ready == 'yes'",
                "inProgress": "data.ready == 'soon'", "failed": "data.ready == 'no'"}]}, "onError": "Continue", "rollback": {"enabled": true},
             "dependsOn": [{"name": "keycloak", "readyExpr": "dep.status.objects > 3"}, {"name": "infra"}], "adopt": "Never", "deletionPolicy": "Orphan", "suspend": true}})"));
  REQUIRE(parsed);
  GitSyncSpec expected;
  expected.source_name = "code";
  expected.path = "./deploy";
  expected.interval = 1h;
  expected.prune = false;
  expected.allow_empty = true;
  expected.max_delete = 7;
  expected.max_delete_percent = 30;
  expected.drift = DriftMode::Report;
  expected.target_namespace = "shop-prod";
  expected.health_wait = false;
  expected.health_timeout = 90s;
  expected.rollback = true;
  expected.on_error = OnError::Continue;
  expected.depends_on = {{"keycloak", "", "dep.status.objects > 3"}, {"infra", "", ""}};
  expected.health_checks = {
      {"example.com", "Widget", "", "", "status.phase == 'Up'", "", ""},
      {"", "ConfigMap", "settings", "shop", "data.ready == 'yes'", "data.ready == 'soon'", "data.ready == 'no'"}};
  expected.adopt = Adopt::Never;
  expected.deletion_policy = DeletionPolicy::Orphan;
  expected.suspend = true;
  CHECK(parsed->spec == expected);
}

TEST_CASE("a health check is for its kind in any version, and for one name or namespace where it says so", "[api]") {
  const HealthCheck any{"example.com", "Widget", "", "", "true", "", ""};
  CHECK(any.matches({"example.com", "Widget", "shop", "one"}));
  CHECK_FALSE(any.matches({"example.com", "Gadget", "shop", "one"}));
  CHECK_FALSE(any.matches({"other.com", "Widget", "shop", "one"}));
  const HealthCheck one{"example.com", "Widget", "one", "shop", "true", "", ""};
  CHECK(one.matches({"example.com", "Widget", "shop", "one"}));
  CHECK_FALSE(one.matches({"example.com", "Widget", "shop", "two"}));
  CHECK_FALSE(one.matches({"example.com", "Widget", "prod", "one"}));
}

TEST_CASE("every expression of a spec is named by its path, those over dependencies with the dependency", "[api]") {
  GitSyncSpec spec;
  spec.depends_on = {{"a", "", ""}, {"b", "", "dep.x"}};
  spec.health_checks = {{"", "K", "", "", "c", "", "f"}};
  CHECK(expressions_of(spec) == std::vector<SpecExpression>{{"spec.dependsOn[1].readyExpr", "dep.x", "b"},
                                                            {"spec.health.healthChecks[0].current", "c", ""},
                                                            {"spec.health.healthChecks[0].failed", "f", ""}});
  CHECK(expressions_of({}).empty());
}

TEST_CASE("every mode has its own word", "[api]") {
  const std::pair<const char*, DriftMode> modes[] = {
      {"Correct", DriftMode::Correct}, {"Report", DriftMode::Report}, {"Ignore", DriftMode::Ignore}};
  for (const auto& [word, mode] : modes) {
    const json object = {{"spec", {{"sourceRef", {{"name", "code"}}}, {"drift", {{"mode", word}}}}}};
    CHECK(parse_git_sync(object)->spec.drift == mode);
  }
  const std::pair<const char*, DeletionPolicy> policies[] = {{"Delete", DeletionPolicy::Delete},
                                                             {"Orphan", DeletionPolicy::Orphan}};
  for (const auto& [word, policy] : policies) {
    const json object = {{"spec", {{"sourceRef", {{"name", "code"}}}, {"deletionPolicy", word}}}};
    CHECK(parse_git_sync(object)->spec.deletion_policy == policy);
  }
}

TEST_CASE("a broken GitSync names itself and keeps its metadata and status readable", "[api]") {
  const auto object = json::parse(R"({"metadata": {"namespace": "shop", "name": "api", "generation": 2},
    "spec": {"path": "../x"}, "status": {"lastAppliedRevision": "main@sha1:1"}})");
  const auto parsed = parse_git_sync(object);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == Code::InvalidSpec);
  CHECK(parsed.error().message == "GitSync shop/api: spec.sourceRef.name: is required; "
                                  "spec.path: must stay inside the repository; remove \"..\"");
  CHECK(parse_meta(object).generation == 2);
  CHECK(parse_git_sync_status(object).last_applied_revision == "main@sha1:1");
}
