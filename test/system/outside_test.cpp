// What users and machines see of it: kubectl, Events, probes, metrics, logs.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

#include <regex>

using namespace gitsync::test;

namespace {

std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : line + " ") {
    if (c != ' ')
      word += c;
    else if (!word.empty())
      out.push_back(std::exchange(word, {}));
  }
  return out;
}

} // namespace

TEST_CASE("kubectl get gitsync shows READY, REVISION, OBJECTS, HEALTH, DRIFT, AGE and MESSAGE") {
  Site site("columns");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.repo.write("app/other.yaml", config_map_yaml("other", {}));
  const std::string commit = site.begin();
  const auto lines = lines_of(site.cluster.kubectl().must({"-n", site.ns, "get", "gitsync"}));
  REQUIRE(lines.size() == 2);
  CHECK(words(lines[0]) ==
        std::vector<std::string>{"NAME", "READY", "REVISION", "OBJECTS", "HEALTH", "DRIFT", "AGE", "MESSAGE"});
  INFO(lines[1]);
  CHECK(std::regex_match(
      lines[1], std::regex("app +True +main@" + commit.substr(0, 7) + " +2 +[A-Z][a-z]+ +0 +[0-9]+[sm][0-9s]* +\\S.*")));
  const auto wide = lines_of(site.cluster.kubectl().must({"-n", site.ns, "get", "gs", "-o", "wide"}));
  CHECK(words(wide[0]).size() > 8);
  const auto sources = lines_of(site.cluster.kubectl().must({"-n", site.ns, "get", "gitrepo"}));
  CHECK(words(sources[0]) == std::vector<std::string>{"NAME", "READY", "REVISION", "URL", "AGE", "MESSAGE"});
  site.cluster.kubectl().must(
      {"-n", site.ns, "wait", "--for=condition=Ready", "gitsync/app", "gitrepository/source", "--timeout=10s"});

  site.repo.write("app/settings.yaml", "a: [\n");
  site.push_refused();
  const auto refused = lines_of(site.cluster.kubectl().must({"-n", site.ns, "get", "gitsync"}));
  INFO(refused[1]);
  CHECK(words(refused[1])[1] == "False");
  CHECK(refused[1].find("app/settings.yaml:") != std::string::npos);
}

TEST_CASE("Events tell of what was fetched, applied, corrected, pruned and refused") {
  Site site("events");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.repo.write("app/other.yaml", config_map_yaml("other", {}));
  const std::string commit = site.begin();
  site.await_event("source", "Fetched", commit.substr(0, 7)); // the first one
  site.await_event("app", "Applied", commit.substr(0, 7));
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"color", "red"}}}}, "mallory");
  site.await_event("app", "DriftCorrected", "settings");
  site.await_event("app", "DriftCorrected", "mallory");
  site.repo.remove("app/other.yaml");
  site.push();
  site.await_event("app", "Pruned", "other");
  site.repo.write("app/bad.yaml", "a: [\n");
  site.push_refused();
  site.await_failure_event("app", "app/bad.yaml");
  const std::string described = site.cluster.kubectl().must({"-n", site.ns, "describe", "gitsync", "app"});
  for (const char* reason : {"Applied", "DriftCorrected", "Pruned", "app/bad.yaml"})
    CHECK(described.find(reason) != std::string::npos);
}

TEST_CASE("/healthz, /readyz and /metrics answer") {
  Site site("probes");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.begin();
  CHECK(site.op().get("/healthz").status == 200);
  site.op().await_ready();
  CHECK(site.op().get("/nothing").status == 404);
  site.fence(config_map(site.ns, "settings"));
  const std::string of_app = R"(namespace=")" + site.ns;
  CHECK(site.op().metric("gitsync_ready", {R"(kind="GitSync")", of_app}) == 1);
  CHECK(site.op().metric("gitsync_ready", {R"(kind="GitRepository")", of_app}) == 1);
  CHECK(site.op().metric("gitsync_objects", {of_app}) == 1);
  eventually("drift is counted", [&] {
    return site.op().metric("gitsync_drift_detected_total", {of_app}) == 1 &&
           site.op().metric("gitsync_drift_corrected_total", {of_app}) == 1 &&
           site.op().metric("gitsync_drift_correction_seconds_count", {of_app}) == 1 &&
           site.op().metric("gitsync_drifted_objects", {of_app}) == 0;
  });
  CHECK(site.op().metric("gitsync_reconcile_total", {R"(kind="GitSync")", of_app, R"(result="success")"}) >= 1);
  CHECK(site.op().metric("gitsync_api_requests_total", {}) > 3);
  CHECK(site.op().metric("gitsync_leader") == 1);
  site.repo.write("app/bad.yaml", "a: [\n");
  site.push_refused();
  eventually("the metric says not ready",
             [&] { return site.op().metric("gitsync_ready", {R"(kind="GitSync")", of_app}) == 0; });
  CHECK(site.op().metric("gitsync_reconcile_total", {R"(kind="GitSync")", of_app, R"(result="success")"}) <
        site.op().metric("gitsync_reconcile_total", {R"(kind="GitSync")", of_app}));
}

TEST_CASE("Every line of the log is a JSON object with time, level and message") {
  Site site("log");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.begin();
  site.repo.write("app/bad.yaml", "a: [\n");
  site.push_refused();
  site.fence(config_map(site.ns, "settings"));
  site.stop();
  const auto lines = lines_of(site.log());
  REQUIRE(lines.size() > 3);
  for (const auto& line : lines) {
    INFO(line);
    const json entry = json::parse(line, nullptr, false);
    REQUIRE(entry.is_object());
    CHECK(entry.contains("msg"));
    CHECK(entry.contains("level"));
    CHECK((entry.contains("ts") || entry.contains("time")));
  }
}

TEST_CASE("A reconcile request is answered in status, for the source and for the GitSync") {
  Site site("request");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.begin();
  for (const auto& path : {git_repository(site.ns, "source"), git_sync(site.ns, "app")}) {
    site.request(path);
    eventually(path + " shows the request as done", [&] {
      const json object = site.api.get(path);
      return text_at(object, "/status/lastHandledReconcileAt") ==
             text_at(object, "/metadata/annotations/reconcile.gitops.volaticloud.com~1requestedAt");
    });
  }
}
