// Git repositories as they are met: over http, rewritten, away, misbehaving.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/git_server.h"
#include "support/site.h"

#include <csignal>

using namespace gitsync::test;

namespace {

void write_app(GitRepo& repo, const std::string& color) {
  repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", color}}));
}
std::string color(Site& site) { return text_at(site.api.get(config_map(site.ns, "settings")), "/data/color"); }

} // namespace

TEST_CASE("A forced push with another history is followed") {
  Site site("force-push");
  write_app(site.repo, "blue");
  site.repo.write("app/extra.yaml", config_map_yaml("extra", {}));
  site.repo.commit("a base");
  site.begin();
  write_app(site.repo, "green");
  site.push();
  write_app(site.repo, "red");
  site.repo.remove("app/extra.yaml");
  const std::string commit = site.repo.recommit();
  site.request_poll();
  site.await_applied(commit);
  CHECK(color(site) == "red");
  site.await_gone(config_map(site.ns, "extra"));
  // And back to an older commit.
  site.repo.git({"reset", "--hard", "--quiet", "HEAD~1"});
  site.repo.git({"push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"});
  site.request_poll();
  site.await_applied(site.repo.git({"rev-parse", "HEAD"}));
  CHECK(color(site) == "blue");
  site.await_exists(config_map(site.ns, "extra"));
}

TEST_CASE("A repository over http is followed; silent or away, the source is not ready and the GitSync goes on") {
  Site site("http");
  write_app(site.repo, "blue");
  std::string commit = site.repo.commit();
  GitServer server({.root = site.directory.path()});
  site.add_source("source", {{"url", server.url("repository.git")}, {"timeout", "2s"}});
  site.add_sync();
  site.start();
  site.await_applied(commit);
  write_app(site.repo, "green");
  site.push();
  CHECK(color(site) == "green");

  server.be_mute();
  server.wait_until_stalled();
  const json source = site.await_condition(git_repository(site.ns, "source"), "Ready", "False", "FetchFailed");
  CHECK(condition_status(source, "Reconciling") == "True");
  CHECK(text_at(source, "/status/revision").ends_with(site.repo.git({"rev-parse", "HEAD"}))); // still what is enforced
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"color", "pink"}}}});
  eventually("drift is corrected meanwhile", [&] { return color(site) == "green"; });
  CHECK(condition_status(site.sync(), "Ready") == "True");
  site.await_event("source", "FetchFailed");

  server.behave();
  write_app(site.repo, "red");
  commit = site.repo.commit();
  site.request_poll();
  site.await_applied(commit);
  CHECK(color(site) == "red");
  CHECK(condition_status(site.source(), "Ready") == "True");
}

TEST_CASE("A repository behind a password is followed with the Secret's, and a wrong one is told without showing it") {
  Site site("password");
  write_app(site.repo, "blue");
  const std::string commit = site.repo.commit();
  const std::string wrong = "canary-wrong-password-8f3a", right = "canary-right-password-77c1";
  const GitServer server({.root = site.directory.path(), .user = "robot", .password = right});
  const auto data = [](const std::string& password) {
    return json{{"stringData", {{"username", "robot"}, {"password", password}}}};
  };
  json credentials = data(wrong);
  credentials["metadata"] = {{"name", "credentials"}};
  site.api.create(path_of("v1", "secrets", site.ns), credentials);
  site.add_source("source", {{"url", server.url("repository.git")}, {"secretRef", {{"name", "credentials"}}}});
  site.add_sync();
  site.start();
  const json source = site.await_condition(git_repository(site.ns, "source"), "Ready", "False", "FetchFailed");
  CHECK(ready_message(source).find("GS303") != std::string::npos);
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "SourceNotReady");
  site.api.merge(secret(site.ns, "credentials"), data(right), "tester");
  site.request_poll();
  site.await_applied(commit);
  for (const auto& canary : {wrong, right})
    for (const auto& text : {site.log(), site.source().dump(), site.sync().dump(), site.op().get("/metrics").body,
                             site.api.text("/apis/events.k8s.io/v1/events")}) {
      CHECK(text.find(canary) == std::string::npos);
      CHECK(text.find(base64_encode("robot:" + canary)) == std::string::npos);
    }
}

TEST_CASE("A branch that goes away makes the source not ready and nothing is pruned; a tag and a commit can be followed") {
  Site site("refs");
  write_app(site.repo, "blue");
  const std::string first = site.begin();
  site.repo.git({"tag", "v1"});
  site.repo.git({"push", "--quiet", "origin", "v1"});
  site.repo.git({"checkout", "--quiet", "-b", "next"});
  write_app(site.repo, "green");
  site.repo.git({"commit", "--quiet", "-am", "next"});
  site.repo.git({"push", "--quiet", "origin", "next"});
  const std::string second = site.repo.git({"rev-parse", "HEAD"});

  const auto await_revision = [&](const std::string& revision) {
    eventually("the source shows " + revision, [&] { return text_at(site.source(), "/status/revision") == revision; });
  };
  const auto follow = [&](const json& ref) {
    json cleared{{"branch", nullptr}, {"tag", nullptr}, {"commit", nullptr}, {"name", nullptr}};
    cleared.update(ref);
    site.api.merge(git_repository(site.ns, "source"), {{"spec", {{"ref", cleared}}}}, "tester");
  };
  follow({{"branch", "next"}});
  site.await_applied(second);
  await_revision("next@sha1:" + second);
  follow({{"tag", "v1"}});
  eventually("the tag is applied", [&] { return color(site) == "blue"; });
  await_revision("v1@sha1:" + first);
  follow({{"commit", second}});
  eventually("the commit is applied", [&] { return color(site) == "green"; });
  await_revision("sha1:" + second);
  follow({{"branch", "no-such-branch"}});
  const json lost = site.await_condition(git_repository(site.ns, "source"), "Ready", "False");
  CHECK(ready_message(lost).find("GS302") != std::string::npos);
  CHECK(ready_message(lost).find("no-such-branch") != std::string::npos);
  site.fence(config_map(site.ns, "settings"));
  CHECK(color(site) == "green");
}

TEST_CASE("An empty repository is told, and taken once it has a commit") {
  Site site("empty-repository");
  site.add_source();
  site.add_sync();
  site.start();
  site.await_condition(git_repository(site.ns, "source"), "Ready", "False");
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "SourceNotReady");
  write_app(site.repo, "blue");
  site.push();
  CHECK(color(site) == "blue");
}

TEST_CASE("Two GitSyncs of one source get the same revision, each its own path") {
  Site site("two-syncs");
  write_app(site.repo, "blue");
  site.repo.write("other/thing.yaml", config_map_yaml("thing", {}));
  const std::string commit = site.begin();
  site.add_sync("other", {{"path", "./other/"}});
  site.await_applied(commit, "other");
  write_app(site.repo, "green");
  site.repo.write("other/thing.yaml", config_map_yaml("thing", {{"a", "b"}}));
  const std::string next = site.push();
  site.await_applied(next, "other");
  CHECK(site.api.get(config_map(site.ns, "thing"))["data"]["a"] == "b");
}

TEST_CASE("A git worker that is killed is replaced") {
  Site site("worker-killed");
  write_app(site.repo, "blue");
  site.begin();
  const auto workers = children_of(site.op().pid());
  REQUIRE_FALSE(workers.empty());
  for (const pid_t worker : workers) kill(worker, SIGKILL);
  write_app(site.repo, "green");
  site.push();
  CHECK(color(site) == "green");
}
