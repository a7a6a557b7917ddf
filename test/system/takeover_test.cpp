// Objects whose fields, version or kind have another past: what git removes goes, what git moves stays.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

json data_of(Site& site, const std::string& name) { return site.api.get(config_map(site.ns, name)).value("data", json()); }

} // namespace

TEST_CASE("What another tool has declared is removed by its removal from git once it is adopted") {
  struct Tool {
    const char* name;
    std::vector<std::string> command; // of kubectl
  };
  const std::vector<Tool> tools = {
      {"client-side", {"apply"}},
      {"helm", {"apply", "--server-side", "--field-manager=helm"}},
      {"flux", {"apply", "--server-side", "--field-manager=kustomize-controller"}},
      {"replaced", {"create", "--field-manager=kubectl-replace"}},
  };
  Site site("takeover");
  const auto deploy = [](const std::string& name) {
    return replaced(deployment_yaml(name), "spec:\n  selector:", "spec:\n  replicas: 0\n  selector:");
  };
  for (const auto& tool : tools) {
    const std::string settings = config_map_yaml(tool.name, {{"kept", "1"}, {"leaves", "2"}, {"theirs", "3"}});
    auto command = tool.command;
    command.insert(command.end(), {"-n", site.ns, "-f", "-"});
    site.cluster.kubectl().must(command, settings + "---\n" + deploy(tool.name));
    site.repo.write("app/" + std::string(tool.name) + ".yaml",
                    config_map_yaml(tool.name, {{"kept", "1"}, {"leaves", "2"}}) + "---\n" + deploy(tool.name));
  }
  site.begin({{"health", {{"wait", false}}}});
  for (const auto& tool : tools) CHECK(data_of(site, tool.name).size() == 3); // what git never had stays as it is
  // The next revision drops a key, an environment variable, and a container.
  for (const auto& tool : tools) {
    auto smaller = replaced(deploy(tool.name), "            - name: LEVEL\n              value: \"3\"\n", "");
    smaller = replaced(smaller, "        - name: sidecar\n          image: registry.example/sidecar:2.0\n", "");
    site.repo.write("app/" + std::string(tool.name) + ".yaml", config_map_yaml(tool.name, {{"kept", "1"}}) + "---\n" + smaller);
  }
  site.push();
  for (const auto& tool : tools) {
    INFO(tool.name);
    CHECK(data_of(site, tool.name) == json{{"kept", "1"}, {"theirs", "3"}});
    const json live = site.api.get(deployment(site.ns, tool.name));
    const json containers = live["spec"]["template"]["spec"]["containers"];
    REQUIRE(containers.size() == 1);
    CHECK(containers[0]["name"] == "main");
    CHECK(containers[0]["env"] == json::array({{{"name", "MODE"}, {"value", "production"}}}));
    CHECK_FALSE(
        live["metadata"].value("annotations", json::object()).contains("kubectl.kubernetes.io/last-applied-configuration"));
  }
}

TEST_CASE("Who applies what git has with kubectl afterwards does not keep it from leaving") {
  Site site("takeover-later");
  const auto both = config_map_yaml("settings", {{"kept", "1"}, {"leaves", "2"}});
  site.repo.write("app/settings.yaml", both);
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin();
  const auto mark = site.audit.mark();
  site.cluster.kubectl().must({"apply", "-n", site.ns, "-f", "-"}, both);
  site.fence(config_map(site.ns, "fence"));
  auto writes = to_managed_objects(site.audit.writes(site.op().user(), mark));
  std::erase_if(writes, [](const AuditedWrite& write) { return write.name == "fence"; });
  INFO(to_text(writes));
  CHECK(writes.empty()); // the same values: nothing to correct
  site.stop();           // and a restart doesn't forget who owns what
  site.start();
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"kept", "1"}}));
  site.push();
  CHECK(data_of(site, "settings") == json{{"kept", "1"}});
}

TEST_CASE("An object whose manifest moves to another version of its kind is changed in place") {
  Site site("takeover-version");
  const std::string group = site.ns + ".example.com";
  const auto version = [](const std::string& name, bool storage) {
    return "    - name: " + name + "\n      served: true\n      storage: " + (storage ? "true" : "false") +
           "\n      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n";
  };
  const std::string definition =
      "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things." + group +
      "}\nspec:\n  group: " + group + "\n  scope: Namespaced\n  names: {kind: Thing, plural: things}\n  versions:\n";
  const auto thing = [&](const std::string& in, const std::string& spec) {
    return "apiVersion: " + group + "/" + in + "\nkind: Thing\nmetadata: {name: one}\nspec: " + spec + "\n";
  };
  site.remove_at_end("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things." + group);
  site.repo.write("app/definition.yaml", definition + version("v1alpha1", true));
  site.repo.write("app/thing.yaml", thing("v1alpha1", "{a: 1, b: 2}"));
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin();
  const json before = site.api.get("/apis/" + group + "/v1alpha1/namespaces/" + site.ns + "/things/one");
  // The new version is served and stored, and the manifest moves to it with a field less, in one commit.
  site.repo.write("app/definition.yaml", definition + version("v1alpha1", false) + version("v1", true));
  site.repo.write("app/thing.yaml", thing("v1", "{a: 1}"));
  site.push();
  const std::string path = "/apis/" + group + "/v1/namespaces/" + site.ns + "/things/one";
  const json after = site.api.get(path);
  CHECK(after["metadata"]["uid"] == before["metadata"]["uid"]);
  CHECK(after["spec"] == json{{"a", 1}});
  site.api.merge(path, {{"spec", {{"a", 5}}}});
  eventually("drift is corrected in the new version", [&] { return site.api.get(path)["spec"]["a"] == 1; });
  // And the old version may go.
  site.repo.write("app/definition.yaml", definition + version("v1", true));
  site.api.request("PATCH", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things." + group + "/status",
                   {{"status", {{"storedVersions", {"v1"}}}}}, "application/merge-patch+json");
  site.push();
  CHECK(site.api.get(path)["metadata"]["uid"] == before["metadata"]["uid"]);
  site.api.merge(path, {{"spec", {{"a", 6}}}});
  eventually("drift is still corrected", [&] { return site.api.get(path)["spec"]["a"] == 1; });
}

TEST_CASE(
    "An object whose manifest moves to another kind is replaced and one that moves to another group of the same object stays") {
  Site site("takeover-kind");
  const std::string pod =
      "spec:\n  replicas: 0\n  selector: {matchLabels: {app: api}}\n  template:\n    metadata: {labels: {app: "
      "api}}\n    spec: {containers: [{name: main, image: registry.example/api:1.0}]}\n";
  site.repo.write("app/api.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n" + pod);
  // The one object that a server of today still serves in two groups.
  site.repo.write("app/event.yaml",
                  "apiVersion: v1\nkind: Event\nmetadata: {name: told}\ninvolvedObject: {kind: Namespace, name: " + site.ns +
                      ", namespace: " + site.ns + "}\nreason: Told\nmessage: something\ntype: Normal\n");
  site.begin({{"health", {{"wait", false}}}});
  const std::string event = path_of("v1", "events", site.ns, "told");
  const json before = site.api.get(event);
  site.repo.write("app/api.yaml",
                  "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: api}\n" + pod + "  serviceName: api\n");
  site.repo.write("app/event.yaml",
                  "apiVersion: events.k8s.io/v1\nkind: Event\nmetadata: {name: told}\nregarding: {kind: Namespace, name: " +
                      site.ns + ", namespace: " + site.ns + "}\nreason: Told\nnote: something\ntype: Normal\n");
  site.push();
  CHECK(site.api.exists(path_of("apps/v1", "statefulsets", site.ns, "api")));
  site.await_gone(deployment(site.ns, "api"));
  CHECK(site.api.get(event)["metadata"]["uid"] == before["metadata"]["uid"]);
  CHECK(site.sync()["status"]["objects"] == 2);
}

TEST_CASE("A list with the same key twice and a generated name are refused with file and line and what to do") {
  Site site("takeover-refused");
  site.repo.write("app/good.yaml", config_map_yaml("good", {}));
  site.begin({{"health", {{"wait", false}}}});
  struct Row {
    std::string manifest;
    std::vector<std::string> told;
  };
  const std::vector<Row> rows = {
      {replaced(deployment_yaml("twice"), "            - name: LEVEL\n", "            - name: MODE\n"),
       {"app/bad.yaml:1", "Deployment.apps " + site.ns + "/twice", "MODE"}},
      {replaced(service_yaml("twice"), "port: 9090", "port: 80"), {"app/bad.yaml:1", "Service " + site.ns + "/twice", "80"}},
      {"apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: x-}\n", {"app/bad.yaml:1", "generateName", "metadata.name"}},
  };
  for (const auto& row : rows) {
    site.repo.write("app/bad.yaml", row.manifest);
    const auto message = ready_message(site.push_refused());
    INFO(message);
    for (const auto& part : row.told) CHECK(message.find(part) != std::string::npos);
  }
}
