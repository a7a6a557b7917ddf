// Expressions in CEL: readyExpr between GitSyncs, health checks for kinds whose conditions don't tell.
//
// Nobody runs the machines of these tests: the test plays their controller and writes their status.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

#include <csignal>
#include <fstream>

using namespace gitsync::test;

namespace {

std::string machine_definition_yaml(const std::string& group) {
  return replaced(R"(apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: machines.GROUP
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Machine, listKind: MachineList, plural: machines, singular: machine}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
            status: {type: object, x-kubernetes-preserve-unknown-fields: true}
)",
                  "GROUP", group);
}

/// A site with a kind Machine, and one machine of size 1.
struct MachineSite : Site {
  const std::string group;
  explicit MachineSite(const std::string& name) : Site(name), group(ns + ".example.com") {
    remove_at_end("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/machines." + group);
    repo.write("app/definition.yaml", machine_definition_yaml(group));
    write_machine(1);
  }
  void write_machine(int size) {
    repo.write("app/machine.yaml", "apiVersion: " + group + "/v1\nkind: Machine\nmetadata:\n  name: one\nspec:\n  size: " +
                                       std::to_string(size) + "\n");
  }
  std::string machine() const { return path_of(group + "/v1", "machines", ns, "one"); }
  void set_status(const json& status) {
    await_exists(machine());
    api.request("PATCH", machine() + "/status", {{"status", status}}, "application/merge-patch+json");
  }
  json check(json more = json::object()) const {
    json out = {{"apiVersion", group + "/v1"}, {"kind", "Machine"}, {"current", "status.size == spec.size"}};
    out.update(more);
    return {{"healthChecks", {out}}};
  }
  void launch(const json& spec) {
    repo.commit();
    add_source();
    add_sync("app", spec);
    start();
  }
};

/// The render worker's process id, where one runs.
std::vector<pid_t> render_workers(Site& site) {
  std::vector<pid_t> out;
  for (const pid_t pid : children_of(site.op().pid())) {
    std::string name;
    std::ifstream("/proc/" + std::to_string(pid) + "/cmdline") >> name;
    if (name.find("render-worker") != std::string::npos) out.push_back(pid);
  }
  return out;
}

std::string health_of(Site& site) { return text_at(site.sync(), "/status/health"); }

} // namespace

TEST_CASE("A dependency counts when its readyExpr is true as well; a change of it wakes the dependent, and nothing else") {
  Site site("cel-ready");
  site.repo.write("infra/two.yaml", config_map_yaml("two", {}));
  site.repo.write("app/one.yaml", config_map_yaml("one", {{"v", "1"}}));
  site.repo.commit();
  site.add_source();
  site.add_sync("infra", {{"path", "infra"}});
  site.add_sync("app", {{"dependsOn",
                         {{{"name", "infra"},
                           {"readyExpr", "dep.status.objects == 1 && dep.metadata.annotations['door'] == 'open' && "
                                         "self.metadata.name == 'app'"}}}}});
  site.start();
  json sync =
      site.await_message("Waiting for GitSync " + site.ns + "/infra (readyExpr cannot be evaluated: no such key: annotations)");
  CHECK(condition_reason(sync, "Ready") == "DependencyNotReady");
  CHECK(condition_status(sync, "Ready") == "Unknown");
  CHECK(condition_status(site.sync("infra"), "Ready") == "True");
  site.api.merge(git_sync(site.ns, "infra"), {{"metadata", {{"annotations", {{"door", "shut"}}}}}});
  site.await_message("Waiting for GitSync " + site.ns + "/infra (readyExpr is false)");
  CHECK_FALSE(site.api.exists(config_map(site.ns, "one")));
  site.api.merge(git_sync(site.ns, "infra"), {{"metadata", {{"annotations", {{"door", "open"}}}}}});
  site.await_exists(config_map(site.ns, "one"));
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True", "Applied");
}

TEST_CASE("A readyExpr over the GitSync itself is evaluated again when that is changed") {
  Site site("cel-self");
  site.repo.write("infra/two.yaml", config_map_yaml("two", {}));
  site.repo.write("app/one.yaml", config_map_yaml("one", {}));
  site.repo.commit();
  site.add_source();
  site.add_sync("infra", {{"path", "infra"}});
  site.add_sync("app", {{"dependsOn", {{{"name", "infra"}, {"readyExpr", "self.metadata.labels['go'] == 'yes'"}}}}});
  site.start();
  const auto label = [&](const std::string& key, const std::string& value) {
    site.api.merge(git_sync(site.ns, "app"), {{"metadata", {{"labels", {{key, value}}}}}});
  };
  site.await_message("no such key: labels");
  label("other", "x");
  site.await_message("no such key: go");
  label("go", "no");
  site.await_message("(readyExpr is false)");
  label("go", "yes");
  site.await_exists(config_map(site.ns, "one"));
}

TEST_CASE("An expression that cannot be compiled is an invalid spec, told with its field and position; what is applied stays") {
  MachineSite site("cel-broken");
  site.repo.write("app/one.yaml", config_map_yaml("one", {{"v", "1"}}));
  site.launch({{"health", {{"wait", false}}}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  site.api.merge(git_sync(site.ns, "app"),
                 {{"spec",
                   {{"dependsOn", {{{"name", "infra"}, {"readyExpr", "dep.status.objects > 0 &&\n  dap.status.x == 1"}}}},
                    {"health", site.check({{"failed", "status.broken ==="}})}}}});
  json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "InvalidSpec");
  CHECK(condition_status(sync, "Stalled") == "True");
  const std::string message = ready_message(sync);
  INFO(message);
  CHECK(message.find("spec.dependsOn[0].readyExpr (dependency infra): 2:3: undeclared reference to 'dap'") !=
        std::string::npos);
  CHECK(message.find("spec.health.healthChecks[0].failed: 1:17: Syntax error") != std::string::npos);
  site.fence(config_map(site.ns, "one")); // still defended
  CHECK(health_of(site) == "Healthy");    // by the rules of before
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"dependsOn", nullptr}, {"health", site.check()}}}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  eventually("the check is in force", [&] { return health_of(site) == "Progressing"; });
}

TEST_CASE("A custom resource is not healthy before its health check says so, and later waves wait for it") {
  MachineSite site("cel-health");
  site.repo.write("app/z-last.yaml", replaced(config_map_yaml("last", {}), "metadata:\n  name:",
                                              "metadata:\n  annotations:\n    gitops.volaticloud.com/wave: \"1\"\n  name:"));
  site.launch({{"health", site.check({{"inProgress", "status.?busy.orValue(false)"}})}});
  const std::string who = "Machine " + site.ns + "/one: ";
  json sync = site.await_message(who + "its health check cannot be evaluated: ");
  CHECK(ready_message(sync).find("no such ") != std::string::npos);
  CHECK(condition_status(sync, "Ready") == "Unknown");
  CHECK(text_at(sync, "/status/health") == "Progressing");
  site.set_status({{"size", 0}});
  site.await_message(who + "its health check is not true yet");
  site.set_status({{"size", 1}, {"busy", true}});
  site.await_message(who + "its health check says that it is in progress");
  CHECK_FALSE(site.api.exists(config_map(site.ns, "last")));
  site.set_status({{"busy", nullptr}});
  site.await_exists(config_map(site.ns, "last"));
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True", "Applied");
  CHECK(health_of(site) == "Healthy");

  // A new generation is not healthy by what was said of the earlier one.
  site.write_machine(2);
  const std::string commit = site.repo.commit();
  site.request_poll();
  site.await_message(who);
  CHECK(text_at(site.sync(), "/status/lastHealthyRevision") != "main@sha1:" + commit);
  site.set_status({{"size", 2}});
  site.await_applied(commit);
  eventually("it is healthy", [&] { return text_at(site.sync(), "/status/lastHealthyRevision") == "main@sha1:" + commit; });

  // A restart finds it healthy.
  site.stop();
  site.start();
  site.fence(config_map(site.ns, "last"));
  eventually("the correction is told",
             [&] { return text_at(site.sync(), "/status/lastCorrection/object").find("last") != std::string::npos; });
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True", "Applied");
  eventually("it is healthy", [&] { return health_of(site) == "Healthy"; });
}

TEST_CASE("A health check that says failed makes the object Degraded, and the revision is rolled back") {
  MachineSite site("cel-failed");
  json health = site.check({{"failed", "status.?broken.orValue(0) == spec.size"}});
  health["timeout"] = "24h";
  site.launch({{"rollback", {{"enabled", true}}}, {"health", health}});
  site.set_status({{"size", 1}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True", "Applied");
  const std::string good = text_at(site.sync(), "/status/lastHealthyRevision");
  CHECK_FALSE(good.empty());

  site.write_machine(2);
  site.repo.commit();
  site.request_poll();
  eventually("the machine is changed", [&] { return text_at(site.api.get(site.machine()), "/spec/size") == "2"; });
  site.set_status({{"broken", 2}});
  json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "RolledBack");
  CHECK(ready_message(sync).find("Machine " + site.ns + "/one: its health check says that it has failed") == 0);
  eventually("the machine is as it was", [&] { return text_at(site.api.get(site.machine()), "/spec/size") == "1"; });
  eventually("it is healthy again", [&] { return health_of(site) == "Healthy"; });
}

TEST_CASE("Health checks that are added or removed by an edit are in force at once, for objects that nobody touches") {
  Site site("cel-edit");
  site.repo.write("app/one.yaml", config_map_yaml("one", {{"ready", "no"}}));
  site.begin();
  eventually("it is healthy", [&] { return health_of(site) == "Healthy"; });
  CHECK(render_workers(site).empty()); // nobody has asked for CEL
  const json check = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"current", "data.ready == 'yes'"}};
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"health", {{"healthChecks", {check}}}}}}});
  eventually("it is not healthy by its new check", [&] { return health_of(site) == "Progressing"; });
  CHECK(render_workers(site).size() == 1);
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"health", {{"healthChecks", nullptr}}}}}});
  eventually("it is healthy without a check", [&] { return health_of(site) == "Healthy"; });
}

TEST_CASE("A render worker that is killed is replaced, and health goes on") {
  MachineSite site("cel-kill");
  site.launch({{"health", site.check({{"failed", "status.?broken.orValue(false)"}})}});
  site.await_message("its health check cannot be evaluated");
  for (int i = 0; i < 3; ++i) {
    for (const pid_t pid : render_workers(site)) ::kill(pid, SIGKILL);
    site.set_status({{"size", 0}, {"turn", i}});
    site.await_message("its health check is not true yet");
    for (const pid_t pid : render_workers(site)) ::kill(pid, SIGKILL);
    site.set_status({{"size", nullptr}});
    site.await_message("its health check cannot be evaluated");
  }
  for (const pid_t pid : render_workers(site)) ::kill(pid, SIGKILL);
  site.set_status({{"size", 1}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True", "Applied");
}
