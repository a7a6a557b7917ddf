// What others change is changed back, exactly and with as few writes as possible.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

/// What of an object has to be as it was: everything but what the server and controllers write.
json essence(json object) {
  object.erase("status");
  auto& metadata = object["metadata"];
  for (const char* field : {"resourceVersion", "generation", "managedFields", "uid", "creationTimestamp"})
    metadata.erase(field);
  if (metadata.contains("annotations")) metadata["annotations"].erase("deployment.kubernetes.io/revision");
  return object;
}

/// A site with one object of each of some kinds, and a fence; remembers how they are.
struct DriftSite : Site {
  explicit DriftSite(const std::string& name, const json& spec = json::object()) : Site(name) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}, {"size", "1"}}));
    repo.write("app/api.yaml", deployment_yaml() + "---\n" + service_yaml());
    repo.write("app/fence.yaml", config_map_yaml("fence", {}));
    begin(spec);
  }

  /// Remembers the object and where the audit log is.
  void watch(const std::string& path) {
    path_ = path;
    before_ = api.get(path);
    mark_ = audit.mark();
  }

  /// Waits until the object is as remembered and owned by us, lets the operator finish with everything it has seen, and checks
  /// that it is still so, for at most that many writes.
  void expect_restored(size_t most_writes) {
    const json wanted = essence(before_);
    eventually(path_ + " is as it was", [&]() -> std::string {
      const auto now = api.find(path_);
      if (!now) return "it is not there";
      if (essence(*now) == wanted && !managed_by(*now, manager()).is_null()) return "";
      return json::diff(wanted, essence(*now)).dump();
    });
    fence(config_map(ns, "fence"));
    const json after = api.get(path_);
    CHECK(essence(after) == wanted);
    const json owned = managed_by(after, manager());
    REQUIRE_FALSE(owned.is_null());
    CHECK(owned["fieldsV1"] == managed_by(before_, manager())["fieldsV1"]);
    auto writes = to_managed_objects(audit.writes(op().user(), mark_));
    std::erase_if(writes, [](const AuditedWrite& write) { return write.name == "fence"; });
    INFO(to_text(writes));
    std::erase_if(writes, [](const AuditedWrite& write) { return write.code >= 400; }); // overtaken or refused: wrote nothing
    CHECK(writes.size() >= 1);
    CHECK(writes.size() <= most_writes);
    for (const auto& write : writes) CHECK(path_.ends_with("/" + write.name));
  }

  /// What status says about the latest correction.
  void expect_told(const std::string& object, const std::string& operation, const std::string& culprit) {
    eventually("the status tells of the correction", [&]() -> std::string {
      const json correction = sync()["status"].value("lastCorrection", json::object());
      const bool right = correction.value("object", "").find(object) != std::string::npos &&
                         correction.value("operation", "") == operation &&
                         (culprit.empty() || correction.value("manager", "") == culprit);
      return right ? "" : correction.dump();
    });
  }

private:
  std::string path_;
  json before_;
  uint64_t mark_ = 0;
};

json replace(const std::string& path, const json& value) { return {{{"op", "replace"}, {"path", path}, {"value", value}}}; }

} // namespace

TEST_CASE("A patched value is changed back with one write, and the culprit is named") {
  DriftSite site("drift-patch");
  site.watch(config_map(site.ns, "settings"));
  site.cluster.kubectl().must(
      {"-n", site.ns, "patch", "configmap", "settings", "--field-manager=mallory", "-p", R"({"data":{"color":"red"}})"});
  eventually("the value is back", [&] { return site.api.get(config_map(site.ns, "settings"))["data"]["color"] == "blue"; });
  site.expect_told("settings", "Modified", "mallory");
  CHECK(any_holds(site.sync()["status"]["lastCorrection"]["paths"].get<std::vector<std::string>>(), "color"));
  CHECK(site.sync()["status"]["lastCorrection"]["milliseconds"].get<double>() > 0);
  site.expect_restored(1);
  site.await_event("app", "DriftCorrected", "settings");
  CHECK(site.op().metric("gitsync_drift_corrected_total", {site.ns}) >= 1);
}

TEST_CASE("A removed key comes back with one write") {
  DriftSite site("drift-remove-key");
  site.watch(config_map(site.ns, "settings"));
  site.api.patch(config_map(site.ns, "settings"), {{{"op", "remove"}, {"path", "/data/size"}}});
  site.expect_restored(1);
}

TEST_CASE("A deleted object comes back with one write") {
  DriftSite site("drift-delete");
  for (const auto& path : {config_map(site.ns, "settings"), service(site.ns, "api"), deployment(site.ns, "api")}) {
    INFO(path);
    const std::string uid = text_at(site.api.get(path), "/metadata/uid");
    const auto mark = site.audit.mark();
    site.api.remove(path + "?propagationPolicy=Background");
    eventually("it is there again", [&] {
      const auto now = site.api.find(path);
      return now && text_at(*now, "/metadata/uid") != uid;
    });
    site.fence(config_map(site.ns, "fence"));
    auto writes = to_managed_objects(site.audit.writes(site.op().user(), mark));
    std::erase_if(writes, [](const AuditedWrite& write) { return write.name == "fence"; });
    INFO(to_text(writes));
    CHECK(writes.size() == 1);
    CHECK(managed_by(site.api.get(path), site.manager()).value("operation", "") == "Apply");
  }
  site.expect_told("fence", "Deleted", "");
}

TEST_CASE("A deletion in the foreground that finalizers hold up is waited for, and the object comes back") {
  DriftSite site("drift-foreground");
  const std::string path = deployment(site.ns, "api"), uid = text_at(site.api.get(path), "/metadata/uid");
  site.cluster.kubectl().must({"-n", site.ns, "delete", "deployment", "api", "--cascade=foreground", "--wait=false"});
  eventually("it is there again", [&] {
    const auto now = site.api.find(path);
    return now && text_at(*now, "/metadata/uid") != uid;
  });
  site.fence(config_map(site.ns, "fence"));
  CHECK_FALSE(site.api.get(path)["metadata"].contains("deletionTimestamp"));
}

TEST_CASE("The owner label removed by kubectl comes back with one write") {
  DriftSite site("drift-label");
  site.watch(config_map(site.ns, "settings"));
  site.cluster.kubectl().must({"-n", site.ns, "label", "configmap", "settings", "gitops.volaticloud.com/sync-"});
  site.expect_restored(1);
}

TEST_CASE("The owner label changed to another value comes back with one write") {
  DriftSite site("drift-relabel");
  site.watch(service(site.ns, "api"));
  site.api.merge(service(site.ns, "api"), {{"metadata", {{"labels", {{"gitops.volaticloud.com/sync", "nobody"}}}}}});
  site.expect_restored(1);
}

TEST_CASE("A label removed together with a changed value: both come back") {
  DriftSite site("drift-label-and-value");
  site.watch(config_map(site.ns, "settings"));
  site.api.merge(config_map(site.ns, "settings"),
                 {{"metadata", {{"labels", {{"gitops.volaticloud.com/sync", nullptr}}}}}, {"data", {{"color", "red"}}}});
  site.expect_restored(1);
}

TEST_CASE("Wiped managedFields are won back, and git can still remove a field afterwards") {
  DriftSite site("drift-wiped");
  site.watch(config_map(site.ns, "settings"));
  site.api.merge(config_map(site.ns, "settings"), {{"metadata", {{"managedFields", json::array({json::object()})}}}});
  site.expect_restored(2);
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.push();
  CHECK(site.api.get(config_map(site.ns, "settings"))["data"] == json{{"color", "blue"}});
}

TEST_CASE("managedFields wiped together with a changed value: both come back") {
  DriftSite site("drift-wiped-and-value");
  site.watch(deployment(site.ns, "api"));
  json object = site.api.get(deployment(site.ns, "api"));
  object["metadata"]["managedFields"] = json::array({json::object()});
  object["metadata"].erase("resourceVersion");
  object["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/api:evil";
  site.api.put(deployment(site.ns, "api"), object);
  site.expect_restored(2);
}

TEST_CASE("An empty list as managedFields changes nothing, and breaks nothing") {
  DriftSite site("drift-empty-fields");
  const json before = site.api.get(config_map(site.ns, "settings"));
  site.api.merge(config_map(site.ns, "settings"), {{"metadata", {{"managedFields", json::array()}}}});
  site.fence(config_map(site.ns, "fence"));
  const json after = site.api.get(config_map(site.ns, "settings"));
  CHECK(essence(after) == essence(before));
  CHECK(managed_by(after, site.manager())["fieldsV1"] == managed_by(before, site.manager())["fieldsV1"]);
}

TEST_CASE("An edit under our own field manager's name is changed back") {
  DriftSite site("drift-own-name");
  site.watch(config_map(site.ns, "settings"));
  site.cluster.kubectl().must(
      {"-n", site.ns, "apply", "--server-side", "--force-conflicts", "--field-manager=" + site.manager(), "-f", "-"},
      config_map_yaml("settings", {{"color", "red"}}));
  site.expect_restored(1);
}

TEST_CASE("An apply of less under our own name, which gives up fields and our label, is undone") {
  DriftSite site("drift-own-name-gives-up");
  site.watch(deployment(site.ns, "api"));
  std::string less = deployment_yaml();
  less = replaced(less, "        - name: sidecar\n          image: registry.example/sidecar:2.0\n", "");
  less = replaced(less, "            - name: LEVEL\n              value: \"3\"\n", "");
  site.cluster.kubectl().must(
      {"-n", site.ns, "apply", "--server-side", "--force-conflicts", "--field-manager=" + site.manager(), "-f", "-"}, less);
  site.expect_restored(2);
}

TEST_CASE("A field that somebody else took over with the same value is won back or left, but stays as declared") {
  DriftSite site("drift-shared");
  const json before = site.api.get(config_map(site.ns, "settings"));
  site.api.apply(config_map(site.ns, "settings"), {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", {{"color", "blue"}}}},
                 "friend");
  site.fence(config_map(site.ns, "fence"));
  CHECK(essence(site.api.get(config_map(site.ns, "settings"))) == essence(before));
  CHECK(managed_by(site.api.get(config_map(site.ns, "settings")), site.manager())["fieldsV1"] ==
        managed_by(before, site.manager())["fieldsV1"]);
}

TEST_CASE("A renamed container is renamed back, with nothing left of the other name") {
  DriftSite site("drift-container");
  site.watch(deployment(site.ns, "api"));
  site.api.patch(deployment(site.ns, "api"), replace("/spec/template/spec/containers/0/name", "evil"));
  site.expect_restored(2);
}

TEST_CASE("A renamed environment variable is renamed back") {
  DriftSite site("drift-env");
  site.watch(deployment(site.ns, "api"));
  site.api.patch(deployment(site.ns, "api"), replace("/spec/template/spec/containers/0/env/0/name", "EVIL"));
  site.expect_restored(2);
}

TEST_CASE("A container's port with another number gets its number back") {
  DriftSite site("drift-container-port");
  site.watch(deployment(site.ns, "api"));
  site.api.patch(deployment(site.ns, "api"), replace("/spec/template/spec/containers/0/ports/0/containerPort", 8081));
  site.expect_restored(2);
}

TEST_CASE("A Service's port with another number gets its number back") {
  DriftSite site("drift-port");
  site.watch(service(site.ns, "api"));
  site.api.patch(service(site.ns, "api"), replace("/spec/ports/0/port", 8080));
  site.expect_restored(2);
}

TEST_CASE("A Service whose only, unnamed port was renumbered gets it back") {
  DriftSite site("drift-only-port");
  site.repo.write(
      "app/plain.yaml",
      "apiVersion: v1\nkind: Service\nmetadata:\n  name: plain\nspec:\n  selector: {app: api}\n  ports:\n    - port: 80\n");
  site.push();
  site.watch(service(site.ns, "plain"));
  site.api.patch(service(site.ns, "plain"), replace("/spec/ports/0/port", 8080));
  site.expect_restored(2);
}

TEST_CASE("A volume with another source gets its source back") {
  DriftSite site("drift-volume");
  site.watch(deployment(site.ns, "api"));
  site.api.patch(deployment(site.ns, "api"),
                 replace("/spec/template/spec/volumes/0", {{"name", "settings"}, {"emptyDir", json::object()}}));
  site.expect_restored(2);
}

TEST_CASE("An empty volume with another source is empty again") {
  DriftSite site("drift-empty-volume");
  std::string text =
      replaced(deployment_yaml("cache"), "          configMap:\n            name: settings\n", "          emptyDir: {}\n");
  site.repo.write("app/cache.yaml", text);
  site.push();
  site.watch(deployment(site.ns, "cache"));
  site.api.patch(deployment(site.ns, "cache"),
                 replace("/spec/template/spec/volumes/0", {{"name", "settings"}, {"configMap", {{"name", "evil"}}}}));
  site.expect_restored(2);
}

TEST_CASE("Another update strategy, whose settings make ours invalid, is set back") {
  DriftSite site("drift-strategy");
  site.repo.write("app/one.yaml",
                  replaced(deployment_yaml("one"), "spec:\n  selector:", "spec:\n  strategy: {type: Recreate}\n  selector:"));
  site.push();
  site.watch(deployment(site.ns, "one"));
  site.api.merge(deployment(site.ns, "one"),
                 {{"spec", {{"strategy", {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", 2}}}}}}}});
  site.expect_restored(2);
}

TEST_CASE("Changed arguments, an atomic list, are changed back") {
  DriftSite site("drift-args");
  site.watch(deployment(site.ns, "api"));
  site.api.patch(deployment(site.ns, "api"),
                 {{{"op", "add"}, {"path", "/spec/template/spec/containers/0/args/-"}, {"value", "--evil"}}});
  site.expect_restored(1);
}

TEST_CASE("A removed container comes back") {
  DriftSite site("drift-remove-container");
  site.watch(deployment(site.ns, "api"));
  site.api.patch(deployment(site.ns, "api"), {{{"op", "remove"}, {"path", "/spec/template/spec/containers/1"}}});
  site.expect_restored(2);
}

TEST_CASE("Quantities written differently are no drift, changed ones are") {
  DriftSite site("drift-quantity");
  const std::string path = deployment(site.ns, "api");
  site.watch(path);
  site.api.patch(path, replace("/spec/template/spec/containers/0/resources/requests/cpu", "70m"));
  site.expect_restored(1);
}

TEST_CASE("Undeclared additions are kept: a label, an annotation, replicas, another manager's container") {
  DriftSite site("undeclared");
  const std::string path = deployment(site.ns, "api");
  site.api.merge(path, {{"metadata", {{"labels", {{"extra", "label"}}}, {"annotations", {{"extra", "annotation"}}}}},
                        {"spec", {{"replicas", 3}}}});
  site.api.apply(
      path,
      {{"apiVersion", "apps/v1"},
       {"kind", "Deployment"},
       {"spec", {{"template", {{"spec", {{"containers", {{{"name", "injected"}, {"image", "registry.example/mesh:1"}}}}}}}}}}},
      "mesh");
  site.fence(config_map(site.ns, "fence"));
  // A correction of the same object must not take them along either.
  site.api.patch(path, replace("/spec/template/spec/containers/0/image", "registry.example/api:evil"));
  eventually("the image is back", [&] {
    return site.api.get(path)["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/api:1.0";
  });
  site.fence(config_map(site.ns, "fence"));
  const json after = site.api.get(path);
  CHECK(after["metadata"]["labels"]["extra"] == "label");
  CHECK(after["metadata"]["annotations"]["extra"] == "annotation");
  CHECK(after["spec"]["replicas"] == 3);
  const auto& containers = after["spec"]["template"]["spec"]["containers"];
  REQUIRE(containers.size() == 3);
  CHECK(names_of(json::array({{{"metadata", containers[2]}}})) == std::vector<std::string>{"injected"});
  // And so does a change in git.
  site.repo.write("app/api.yaml", deployment_yaml("api", "registry.example/api:2.0") + "---\n" + service_yaml());
  site.push();
  CHECK(site.api.get(path)["spec"]["replicas"] == 3);
  CHECK(site.api.get(path)["spec"]["template"]["spec"]["containers"].size() == 3);
}

TEST_CASE("Additions alone cause no write at all") {
  DriftSite site("undeclared-quiet");
  const auto mark = site.audit.mark();
  site.api.merge(deployment(site.ns, "api"),
                 {{"metadata", {{"annotations", {{"extra", "annotation"}}}}}, {"spec", {{"replicas", 2}}}});
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"extra", "key"}}}});
  eventually("the controllers have made the Pods",
             [&] { return site.api.get(deployment(site.ns, "api"))["status"].value("replicas", 0) == 2; });
  site.fence(config_map(site.ns, "fence"));
  const auto writes = to_managed_objects(site.audit.writes(site.op().user(), mark));
  INFO(to_text(writes));
  CHECK(writes.size() == 1); // the fence's
}

TEST_CASE("A hundred objects changed at once are all changed back, with one write each") {
  Site site("drift-many");
  constexpr int count = 100;
  const auto name = [](int i) { return "many-" + std::to_string(i); };
  for (int i = 0; i < count; ++i) site.repo.write("app/" + name(i) + ".yaml", config_map_yaml(name(i), {{"value", "right"}}));
  site.begin();
  const auto mark = site.audit.mark();
  for (int i = 0; i < count; ++i) {
    if (i % 4 == 0)
      site.api.remove(config_map(site.ns, name(i)));
    else
      site.api.merge(config_map(site.ns, name(i)), {{"data", {{"value", "wrong"}}}});
  }
  eventually("all are right", [&]() -> std::string {
    int right = 0;
    for (const auto& item : site.api.list(path_of("v1", "configmaps", site.ns)))
      right += text_at(item, "/data/value") == "right";
    return right == count ? "" : std::to_string(right) + " are";
  });
  site.fence(config_map(site.ns, name(0)));
  CHECK(to_managed_objects(site.audit.writes(site.op().user(), mark)).size() == count + 1);
  eventually("nothing is drifted", [&] { return site.sync()["status"].value("drift", -1) == 0; });
}

TEST_CASE("Somebody who undoes every correction is told, slowed down for, and corrected at last") {
  DriftSite site("drift-fight");
  const std::string path = config_map(site.ns, "settings");
  const auto color = [&] { return text_at(site.api.get(path), "/data/color"); };
  const auto fights = [&] { return site.op().metric("gitsync_fight_total", {site.ns}); };
  for (int round = 0; fights() == 0; ++round) {
    REQUIRE(round < 30);
    site.api.merge(path, {{"data", {{"color", "red"}}}}, "mallory");
    eventually("the value is back, or it is a fight", [&] { return fights() > 0 || color() == "blue"; });
  }
  // Who it is, and the rule that would settle it.
  site.await_event("app", "Fighting", "by mallory at /data/color");
  site.await_event("app", "Fighting",
                   "spec.drift.ignore: [{target: {kind: ConfigMap, name: settings}, paths: [\"/data/color\"]}]");
  eventually("the value is back for good", [&] { return color() == "blue"; });
}
