// A revision that is not healthy in time goes back to the last healthy one, and stays there.
//
// Pods with a scheduler that doesn't exist are never run: a Deployment with such a template is a bad revision.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

#include <csignal>

using namespace gitsync::test;

namespace {

const json with_rollback = {{"rollback", {{"enabled", true}}}, {"health", {{"timeout", "2s"}}}};

std::string bad_deployment() { return stuck_deployment_yaml("api", "registry.example/api:broken"); }

struct RollbackSite : Site {
  explicit RollbackSite(const std::string& name, const json& spec = with_rollback) : Site(name) {
    repo.write("app/api.yaml", deployment_yaml());
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
    repo.write("app/old.yaml", config_map_yaml("old", {{"kept", "yes"}}));
    good = begin(spec);
    eventually("it is healthy", [&] { return text_at(sync(), "/status/lastHealthyRevision") == "main@sha1:" + good; });
  }
  /// A commit with a Deployment that never becomes available, another change, a new and a removed object.
  std::string push_bad() {
    repo.write("app/api.yaml", bad_deployment());
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
    repo.write("app/new.yaml", config_map_yaml("new", {}));
    repo.remove("app/old.yaml");
    const std::string commit = repo.commit();
    request_poll();
    return commit;
  }
  std::string color() { return text_at(api.get(config_map(ns, "settings")), "/data/color"); }
  std::string image() { return text_at(api.get(deployment(ns, "api")), "/spec/template/spec/containers/0/image"); }
  json await_rolled_back() {
    json sync = await_condition(git_sync(ns, "app"), "Ready", "False", "RolledBack");
    eventually("all is as it was", [&] {
      return color() == "blue" && image() == "registry.example/api:1.0" && !api.exists(config_map(ns, "new")) &&
             api.exists(config_map(ns, "old"));
    });
    return this->sync();
  }
  std::string good;
};

} // namespace

TEST_CASE("A revision that is not healthy in time is rolled back whole, quarantined, and the healthy state is defended") {
  RollbackSite site("rollback");
  const std::string bad = site.push_bad();
  const json sync = site.await_rolled_back();
  CHECK(ready_message(sync).find("Deployment " + site.ns + "/api: ") == 0);
  CHECK(ready_message(sync).find("rolled back to main@" + site.good.substr(0, 7)) != std::string::npos);
  CHECK(text_at(sync, "/status/lastAttemptedRevision") == "main@sha1:" + bad);
  CHECK(text_at(sync, "/status/lastAppliedRevision") == "main@sha1:" + site.good);
  CHECK(text_at(sync, "/status/lastHealthyRevision") == "main@sha1:" + site.good);
  site.await_event("app", "RolledBack", "rolled back from main@" + bad.substr(0, 7));
  // The history tells it, and the digest that what was put back is what was healthy.
  eventually("the history tells it", [&]() -> std::string {
    const json history = site.sync()["status"].value("history", json::array());
    std::string text;
    for (const auto& entry : history) text += text_at(entry, "/outcome") + " ";
    if (text != "Healthy RolledBack Healthy " && text != "Restored RolledBack Healthy ") return history.dump();
    return history[0]["digest"] == history[2]["digest"] && history[0]["digest"] != history[1]["digest"] ? "" : history.dump();
  });
  eventually("the healthy revision is healthy again", [&] { return text_at(site.sync(), "/status/health") == "Healthy"; });

  // The rolled-back state is what drift correction defends; polling does not bring the bad one back.
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"color", "green"}}}});
  eventually("drift is corrected to the healthy revision", [&] { return site.color() == "blue"; });
  const auto before = site.api.get(deployment(site.ns, "api"));
  site.request(git_sync(site.ns, "app"));
  site.repo.write("elsewhere/readme.yaml", "a: b\n"); // a commit that does not touch the path
  site.repo.commit();
  site.request_poll();
  site.fence(config_map(site.ns, "settings"));
  CHECK(text_at(site.api.get(deployment(site.ns, "api")), "/metadata/generation") == text_at(before, "/metadata/generation"));
  CHECK(site.image() == "registry.example/api:1.0");
  CHECK(condition_reason(site.sync(), "Ready") == "RolledBack");

  // A restart remembers.
  site.stop();
  site.start();
  site.fence(config_map(site.ns, "settings"));
  CHECK(condition_reason(site.sync(), "Ready") == "RolledBack");
  CHECK(site.image() == "registry.example/api:1.0");

  // A newer commit that touches the path clears it.
  site.repo.write("app/api.yaml", deployment_yaml("api", "registry.example/api:2.0"));
  site.push();
  CHECK(site.image() == "registry.example/api:2.0");
  CHECK(site.color() == "red");
  CHECK(site.api.exists(config_map(site.ns, "new")));
  eventually("what that commit does not have is pruned", [&] { return !site.api.exists(config_map(site.ns, "old")); });
}

TEST_CASE("git revert after a rollback makes the GitSync ready, and a better commit during the wait is preferred") {
  RollbackSite site("rollback-revert");
  site.push_bad();
  site.await_rolled_back();
  site.repo.git({"revert", "--no-edit", "HEAD"});
  site.push();
  CHECK(site.color() == "blue");
  CHECK(text_at(site.sync(), "/status/health") == "Healthy");

  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"health", {{"timeout", "10m"}}}}}});
  site.push_bad();
  eventually("the bad one is applied", [&] { return site.image() == "registry.example/api:broken"; });
  site.repo.write("app/api.yaml", deployment_yaml("api", "registry.example/api:3.0"));
  site.push();
  CHECK(site.image() == "registry.example/api:3.0");
  CHECK(site.color() == "red");
}

TEST_CASE("Definitions, claims and namespaces of a bad revision are not undone, and the rest is") {
  RollbackSite site("rollback-kept");
  const std::string inner = site.ns + "-inner";
  site.remove_at_end("/api/v1/namespaces/" + inner);
  site.repo.write("app/space.yaml", namespace_yaml(inner));
  site.repo.write("app/claim.yaml", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: disk\nspec:\n"
                                    "  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n");
  site.push_bad();
  site.await_rolled_back();
  CHECK(site.api.exists("/api/v1/namespaces/" + inner));
  CHECK(site.api.exists(path_of("v1", "persistentvolumeclaims", site.ns, "disk")));
  site.await_event("app", "RolledBack", "not undone: ");
}

TEST_CASE("Killed in the middle of a rollback, the next operator ends it; with git away and the mirror lost as well") {
  RollbackSite site("rollback-kill");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"health", {{"timeout", "10m"}}}}}});
  site.push_bad();
  eventually("the bad one is applied", [&] { return site.image() == "registry.example/api:broken"; });
  site.await_condition(git_sync(site.ns, "app"), "Ready", "Unknown", "Progressing");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"health", {{"timeout", "1s"}}}}}});
  eventually("the decision is logged", [&] { return site.log().find("rolling back") != std::string::npos; });
  ::kill(site.op().pid(), SIGKILL);
  site.repo.go_away();
  site.start(false, "other-mirrors");
  site.await_rolled_back();
}

TEST_CASE("A first revision that is not healthy has nothing to go back to, and one that was refused by the API server goes "
          "back too") {
  Site site("rollback-first");
  site.repo.write("app/api.yaml", bad_deployment());
  site.repo.commit();
  site.add_source();
  site.add_sync("app", with_rollback);
  site.start();
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "HealthCheckFailed");
  CHECK(text_at(site.api.get(deployment(site.ns, "api")), "/spec/template/spec/containers/0/image") ==
        "registry.example/api:broken");
  site.repo.write("app/api.yaml", deployment_yaml());
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.push();
  eventually("it is healthy", [&] { return text_at(site.sync(), "/status/health") == "Healthy"; });
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
  site.repo.write("app/service.yaml", replaced(service_yaml(), "port: 80", "port: 800000"));
  site.repo.commit();
  site.request_poll();
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "RolledBack");
  eventually("the setting is as it was",
             [&] { return text_at(site.api.get(config_map(site.ns, "settings")), "/data/color") == "blue"; });
}

TEST_CASE("What the failed revision took over is given up as it is, never deleted; what it made is deleted") {
  RollbackSite site("rollback-adopted");
  site.api.create(path_of("v1", "configmaps", site.ns), {{"metadata", {{"name", "there"}}}, {"data", {{"mine", "yes"}}}});
  const std::string uid = text_at(site.api.get(config_map(site.ns, "there")), "/metadata/uid");
  site.repo.write("app/there.yaml", config_map_yaml("there", {{"ours", "yes"}}));
  site.push_bad();
  site.await_rolled_back();
  site.await_event("app", "RolledBack", "taken over by it, left as they are: ConfigMap " + site.ns + "/there");
  const auto there = [&] { return site.api.get(config_map(site.ns, "there")); };
  CHECK(text_at(there(), "/metadata/uid") == uid);
  CHECK(text_at(there(), "/metadata/deletionTimestamp").empty());
  CHECK(text_at(there(), "/data/mine") == "yes");
  CHECK(text_at(there(), "/metadata/labels/gitops.volaticloud.com~1sync").empty());
  CHECK(managed_by(there(), site.manager()).is_null());
  // Nobody enforces it, and nothing of it is remembered.
  site.api.merge(config_map(site.ns, "there"), {{"data", {{"ours", "no"}}}});
  site.stop();
  site.start();
  site.fence(config_map(site.ns, "settings"));
  CHECK(text_at(there(), "/data/ours") == "no");
  // A better commit takes it over again.
  site.repo.write("app/api.yaml", deployment_yaml("api", "registry.example/api:2.0"));
  site.push();
  CHECK(text_at(there(), "/data/ours") == "yes");
  CHECK(text_at(there(), "/metadata/uid") == uid);
}

TEST_CASE("A newer commit goes ahead of a rollback that the API server refuses for ever") {
  RollbackSite site("rollback-refused");
  const std::string policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
  const std::string bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
  site.remove_at_end(bindings + "/" + site.ns);
  site.remove_at_end(policies + "/" + site.ns);
  site.api.create(policies,
                  {{"metadata", {{"name", site.ns}}},
                   {"spec",
                    {{"matchConstraints",
                      {{"resourceRules",
                        {{{"apiGroups", {""}},
                          {"apiVersions", {"v1"}},
                          {"operations", {"CREATE", "UPDATE"}},
                          {"resources", {"configmaps"}}}}}}},
                     {"validations",
                      {{{"expression", "!has(object.data) || !('color' in object.data) || object.data['color'] != 'blue'"},
                        {"message", "blue is out of fashion"}}}}}}});
  site.api.create(
      bindings,
      {{"metadata", {{"name", site.ns}}},
       {"spec",
        {{"policyName", site.ns},
         {"validationActions", {"Deny"}},
         {"matchResources", {{"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", site.ns}}}}}}}}}});
  eventually("the policy is in force", [&] {
    return !site.api
                .request("POST", path_of("v1", "configmaps", site.ns) + "?dryRun=All",
                         {{"metadata", {{"name", "probe"}}}, {"data", {{"color", "blue"}}}})
                .ok();
  });
  site.push_bad();
  site.await_message("blue is out of fashion");
  CHECK(site.color() == "red");
  // A commit that does not touch the path is no remedy.
  site.repo.write("elsewhere/readme.yaml", "a: b\n");
  site.repo.commit();
  site.request_poll();
  // Neither is one that is broken: going back goes on, and the break is told.
  site.repo.write("app/broken.yaml", "a: [");
  site.repo.commit();
  site.request_poll();
  site.await_failure_event("app", "app/broken.yaml");
  site.repo.remove("app/broken.yaml");
  site.repo.write("app/api.yaml", deployment_yaml("api", "registry.example/api:2.0"));
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green"}}));
  site.push();
  CHECK(site.color() == "green");
  CHECK(site.image() == "registry.example/api:2.0");
  CHECK(site.api.exists(config_map(site.ns, "new")));
  eventually("what that commit does not have is pruned", [&] { return !site.api.exists(config_map(site.ns, "old")); });
  eventually("it is healthy", [&] { return text_at(site.sync(), "/status/health") == "Healthy"; });
}

TEST_CASE("Restarted with git away and an empty disk before the verdict, the next operator still rolls back, and defends") {
  RollbackSite site("rollback-empty-disk");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"health", {{"timeout", "10m"}}}}}});
  site.push_bad();
  eventually("the bad one is applied", [&] { return site.image() == "registry.example/api:broken"; });
  site.await_condition(git_sync(site.ns, "app"), "Ready", "Unknown", "Progressing");
  ::kill(site.op().pid(), SIGKILL);
  site.repo.go_away();
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"health", {{"timeout", "1s"}}}}}});
  site.start(false, "other-mirrors");
  site.await_rolled_back();
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"color", "green"}}}});
  eventually("drift is corrected", [&] { return site.color() == "blue"; });
}
