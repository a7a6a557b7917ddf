// A push that the git host tells of is applied at once, and nobody else can make the operator do anything.
#include "support/catch.h"
#include "support/delivery.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

const std::string token = "canary-webhook-secret";

struct HookSite : Site {
  /// It polls once an hour: what comes sooner comes by the webhook.
  explicit HookSite(const std::string& name, bool leader_elect = false, const std::string& type = "GitHub") : Site(name) {
    flags = {"--webhook-listen", "127.0.0.1:0"};
    if (leader_elect) flags.insert(flags.end(), {"--namespace", ns});
    api.create(path_of("v1", "secrets", ns), {{"metadata", {{"name", "hook"}}}, {"stringData", {{"token", token}}}});
    color("blue");
    first = repo.commit("the first");
    add_source("source", {{"interval", "1h"}, {"webhook", {{"type", type}, {"secretRef", {{"name", "hook"}}}}}});
    add_sync();
    start(leader_elect);
    await_applied(first);
  }
  HookSite& color(const std::string& value) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", value}}));
    return *this;
  }
  std::string applied_color() { return text_at(api.get(config_map(ns, "settings")), "/data/color"); }
  std::string path() const { return "/hook/" + ns + "/source"; }
  long github(const std::string& address, const std::string& body, const std::string& secret = token) {
    return deliver(address, path(), body, {"X-GitHub-Event: push", "X-Hub-Signature-256: sha256=" + hmac_of(secret, body)});
  }
  std::string first;
};

} // namespace

TEST_CASE("A push that GitHub tells of is applied without waiting for the next poll and a replay does nothing") {
  HookSite site("webhook");
  const auto& address = site.op().webhook_address();
  const auto commit = site.color("red").repo.commit();
  const std::string body = json{{"ref", "refs/heads/main"}, {"after", commit}}.dump();
  CHECK(site.github(address, body, "a guess") == 403);
  CHECK(site.applied_color() == "blue");
  CHECK(site.github(address, body) == 202);
  site.await_applied(commit);
  CHECK(site.applied_color() == "red");

  const auto polls = site.op().metric("gitsync_git_poll_total", {site.ns});
  CHECK(site.github(address, body) == 202);
  CHECK(site.op().metric("gitsync_git_poll_total", {site.ns}) == polls);
  CHECK(site.op().metric("gitsync_webhook_deliveries_total", {R"(result="accepted")"}) == 1);
  CHECK(site.op().metric("gitsync_webhook_deliveries_total", {R"(result="replayed")"}) == 1);
  CHECK(site.op().metric("gitsync_webhook_deliveries_total", {R"(result="refused")"}) == 1);
  CHECK(site.log().find(token) == std::string::npos);
}

TEST_CASE("GitLab and Gitea and Bitbucket and anything with an HMAC are understood") {
  struct Row {
    std::string type, header, prefix;
    bool sends_token = false;
  };
  const std::vector<Row> rows = {{"GitLab", "X-Gitlab-Token", "", true},
                                 {"Gitea", "X-Gitea-Signature", ""},
                                 {"Bitbucket", "X-Hub-Signature", "sha256="},
                                 {"Generic", "X-Signature", "sha256="}};
  for (const auto& row : rows) {
    INFO(row.type);
    HookSite site("webhook-host", false, row.type);
    const auto commit = site.color(row.type).repo.commit();
    const std::string body = json{{"after", commit}}.dump();
    const auto send = [&](const std::string& secret) {
      const auto proof = row.sends_token ? secret : row.prefix + hmac_of(secret, body);
      return deliver(site.op().webhook_address(), site.path(), body, {row.header + ": " + proof});
    };
    CHECK(send("wrong") == 403);
    CHECK(send(token) == 202);
    site.await_applied(commit);
  }
}

TEST_CASE("Whoever knows no secret learns nothing from the webhook receiver and finds neither metrics nor probes there") {
  HookSite site("webhook-strangers");
  const auto& address = site.op().webhook_address();
  site.add_source("plain", {{"interval", "1h"}});
  site.await_condition(git_repository(site.ns, "plain"), "Ready", "True");
  const auto at = [&](const std::string& path) { return Http().request("POST", "http://" + address + path, "{}"); };
  const auto refused = at(site.path());
  CHECK(refused.status == 403);
  for (const auto& path :
       {"/hook/" + site.ns + "/plain", "/hook/" + site.ns + "/none", std::string("/hook/none/none"), std::string("/hook/x")}) {
    INFO(path);
    CHECK(at(path).status == refused.status);
    CHECK(at(path).body == refused.body);
  }
  CHECK(at("/metrics").status == 404);
  CHECK(Http().request("GET", "http://" + address + "/metrics").status == 404);
  CHECK(Http().request("GET", "http://" + address + "/healthz").status == 404);
  CHECK(site.op().get(site.path()).status == 404); // nor is the webhook beside them
  CHECK(deliver(address, site.path(), std::string(2 << 20, 'x'), {}) == 413);
}

TEST_CASE("A replica that waits for the Lease passes a delivery on to the one that works") {
  HookSite site("webhook-replica", true);
  const auto second = site.another();
  second->await_ready();
  const auto commit = site.color("red").repo.commit();
  CHECK(site.github(second->webhook_address(), "{}") == 202);
  site.await_applied(commit);
  CHECK(site.applied_color() == "red");
  CHECK(site.github(second->webhook_address(), "[]", "a guess") == 403);
}
