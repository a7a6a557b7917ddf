// What is applied before what, inside a GitSync and between GitSyncs.
//
// Pods with a scheduler that doesn't exist are never run, so a Deployment stays unavailable until the test lets it be.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

std::string annotated(std::string manifest, const std::string& key, const std::string& value) {
  return replaced(std::move(manifest),
                  "metadata:\n  name:", "metadata:\n  annotations:\n    " + key + ": \"" + value + "\"\n  name:");
}
const std::string wave = "gitops.volaticloud.com/wave", depends_on = "config.kubernetes.io/depends-on";

void start(Site& site, const json& spec = json::object()) {
  site.repo.commit();
  site.add_source();
  site.add_sync("app", spec);
  site.start();
}

} // namespace

TEST_CASE("A later wave is applied when the earlier one is healthy, and not before; a newer commit goes ahead meanwhile") {
  Site site("order-waves");
  site.repo.write("app/a-last.yaml", annotated(config_map_yaml("last", {}), wave, "1"));
  site.repo.write("app/api.yaml", stuck_deployment_yaml("api"));
  site.repo.write("app/z-first.yaml", annotated(config_map_yaml("first", {}), wave, "-1"));
  start(site);
  site.await_message("1 object of main@");
  site.await_message("waits for Deployment " + site.ns + "/api: 0/1 available");
  CHECK(site.api.exists(config_map(site.ns, "first")));
  CHECK_FALSE(site.api.exists(config_map(site.ns, "last")));
  CHECK(condition_status(site.sync(), "Ready") == "Unknown");
  // Drift of what is applied already is corrected while the rest waits.
  site.fence(config_map(site.ns, "first"));

  site.repo.write("app/api.yaml", deployment_yaml());
  site.push();
  CHECK(site.api.exists(config_map(site.ns, "last")));
  CHECK(text_at(site.api.get(config_map(site.ns, "first")), "/metadata/creationTimestamp") <=
        text_at(site.api.get(config_map(site.ns, "last")), "/metadata/creationTimestamp"));
}

TEST_CASE("An object waits for what its depends-on names, others do not, and health lets it go on by itself") {
  Site site("order-depends");
  site.repo.write("app/database.yaml", stuck_deployment_yaml("database"));
  site.repo.write("app/api.yaml",
                  annotated(config_map_yaml("api", {}), depends_on, "apps/namespaces/" + site.ns + "/Deployment/database"));
  site.repo.write("app/other.yaml", config_map_yaml("other", {}));
  start(site);
  site.await_message("waits for Deployment " + site.ns + "/database");
  CHECK(site.api.exists(config_map(site.ns, "other")));
  CHECK_FALSE(site.api.exists(config_map(site.ns, "api")));
  // Somebody lets the pod run: nothing else has to happen.
  site.run_pod(site.await_pod());
  site.await_exists(config_map(site.ns, "api"));
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
}

TEST_CASE("A wait that takes too long is told, is cancelled by suspend, and goes on afterwards") {
  Site site("order-late");
  site.repo.write("app/api.yaml", stuck_deployment_yaml("api"));
  site.repo.write("app/last.yaml", annotated(config_map_yaml("last", {}), wave, "1"));
  start(site, {{"health", {{"timeout", "1s"}}}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "HealthCheckFailed");
  site.await_message("not healthy within 1s");
  site.await_event("app", "HealthCheckFailed", "api");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"suspend", true}}}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "Suspended");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"suspend", false}}}});
  site.await_message("waits for Deployment");
  site.api.remove(git_sync(site.ns, "app"));
  site.await_gone(git_sync(site.ns, "app"));
  site.await_gone(deployment(site.ns, "api"));
}

TEST_CASE("An order that cannot be is refused before anything is applied, with file and line") {
  Site site("order-wrong");
  const auto cm = [&](const std::string& name) { return "/namespaces/" + site.ns + "/ConfigMap/" + name; };
  site.repo.write("app/a.yaml", annotated(config_map_yaml("a", {}), depends_on, cm("b")));
  site.repo.write("app/b.yaml", annotated(config_map_yaml("b", {}), depends_on, cm("a")));
  site.repo.write("app/c.yaml", annotated(config_map_yaml("c", {}), depends_on, cm("missing")));
  site.repo.write("app/d.yaml", annotated(config_map_yaml("d", {}), wave, "first"));
  start(site);
  json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "RevisionRefused");
  CHECK(sync["status"]["errors"].dump().find("app/d.yaml:1: ConfigMap " + site.ns +
                                             "/d: annotation gitops.volaticloud.com/wave") != std::string::npos);
  site.repo.remove("app/d.yaml");
  site.push_refused();
  const std::string errors = site.sync()["status"]["errors"].dump();
  INFO(errors);
  CHECK(errors.find("app/a.yaml:1: ConfigMap " + site.ns + "/a: config.kubernetes.io/depends-on goes in a circle") !=
        std::string::npos);
  CHECK(errors.find("app/c.yaml:1: ConfigMap " + site.ns + "/c: config.kubernetes.io/depends-on names ConfigMap " + site.ns +
                    "/missing") != std::string::npos);
  CHECK_FALSE(site.api.exists(config_map(site.ns, "a")));
}

TEST_CASE("With onError Stop nothing later is applied; with Continue one bad object blocks only what depends on it") {
  Site site("order-error");
  site.repo.write("app/bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\ndata:\n  key: 7\n");
  site.repo.write("app/bad2.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad2\ndata: [wrong]\n");
  site.repo.write("app/needs.yaml",
                  annotated(config_map_yaml("needs", {}), depends_on, "/namespaces/" + site.ns + "/ConfigMap/bad"));
  site.repo.write("app/service.yaml", service_yaml());
  start(site);
  json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "ApplyFailed");
  const std::string errors = sync["status"]["errors"].dump();
  INFO(errors);
  CHECK(errors.find("app/bad.yaml:1") != std::string::npos); // all of them at once
  CHECK(errors.find("app/bad2.yaml:1") != std::string::npos);
  CHECK_FALSE(site.api.exists(service(site.ns, "api")));
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"onError", "Continue"}}}});
  site.await_exists(service(site.ns, "api"));
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "ApplyFailed");
  CHECK_FALSE(site.api.exists(config_map(site.ns, "needs")));
  site.repo.write("app/bad.yaml", config_map_yaml("bad", {{"key", "7"}}));
  site.repo.remove("app/bad2.yaml");
  site.push();
  CHECK(site.api.exists(config_map(site.ns, "needs")));
}

TEST_CASE("A definition, its custom resource, a namespace and what lies in it arrive in one commit") {
  Site site("order-crd");
  const std::string group = site.ns + ".example.com", inner = site.ns + "-inner";
  site.remove_at_end("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets." + group);
  site.remove_at_end("/api/v1/namespaces/" + inner);
  site.repo.write("app/a.yaml", widget_yaml(group, "one", inner, 3));
  site.repo.write("app/b.yaml",
                  replaced(config_map_yaml("inside", {}), "  name: inside", "  name: inside\n  namespace: " + inner));
  site.repo.write("app/y.yaml", widget_definition_yaml(group));
  site.repo.write("app/z.yaml", namespace_yaml(inner));
  site.begin();
  CHECK(site.api.exists(path_of(group + "/v1", "widgets", inner, "one")));
  CHECK(site.api.exists(config_map(inner, "inside")));
}

TEST_CASE("A GitSync waits until those it depends on are ready with the same commit, and is woken then") {
  Site site("order-syncs");
  site.repo.write("infra/api.yaml", stuck_deployment_yaml("infra"));
  site.repo.write("app/one.yaml", config_map_yaml("one", {{"v", "1"}}));
  site.repo.commit();
  site.add_source();
  site.add_sync("infra", {{"path", "infra"}});
  site.add_sync("app", {{"dependsOn", {{{"name", "infra"}}}}});
  site.start();
  json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "Unknown", "DependencyNotReady");
  CHECK(ready_message(sync).find("Waiting for GitSync " + site.ns + "/infra") != std::string::npos);
  CHECK_FALSE(site.api.exists(config_map(site.ns, "one")));
  site.repo.write("infra/api.yaml", deployment_yaml("infra"));
  site.push("app");
  CHECK(site.api.exists(config_map(site.ns, "one")));
  CHECK(text_at(site.sync("infra"), "/status/lastHealthyRevision") == text_at(site.sync("app"), "/status/lastAppliedRevision"));

  // A commit that touches only the dependency is none of the dependent's business: it writes nothing.
  const std::string before = text_at(site.sync("app"), "/metadata/resourceVersion");
  site.repo.write("infra/more.yaml", config_map_yaml("more", {}));
  site.push("infra");
  site.fence(config_map(site.ns, "more"));
  CHECK(text_at(site.sync("app"), "/metadata/resourceVersion") == before);

  // What is enforced already stays enforced while a newer revision waits.
  site.repo.write("infra/api.yaml", stuck_deployment_yaml("infra"));
  site.repo.write("app/one.yaml", config_map_yaml("one", {{"v", "2"}}));
  site.repo.commit();
  site.request_poll();
  site.await_condition(git_sync(site.ns, "app"), "Ready", "Unknown", "DependencyNotReady");
  site.fence(config_map(site.ns, "one"));
  CHECK(text_at(site.api.get(config_map(site.ns, "one")), "/data/v") == "1");
}

TEST_CASE("A circle of dependencies and a missing one are said, and ended by an edit") {
  Site site("order-circle");
  site.repo.write("a/one.yaml", config_map_yaml("one", {}));
  site.repo.write("b/two.yaml", config_map_yaml("two", {}));
  site.repo.write("app/three.yaml", config_map_yaml("three", {}));
  site.repo.commit();
  site.add_source();
  site.add_sync("a", {{"path", "a"}, {"dependsOn", {{{"name", "b"}}}}});
  site.add_sync("b", {{"path", "b"}, {"dependsOn", {{{"name", "a"}}}}});
  site.add_sync("app", {{"dependsOn", {{{"name", "nobody"}}}}});
  site.start();
  site.await_message("a circle: " + site.ns + "/a → " + site.ns + "/b → " + site.ns + "/a", "a");
  site.await_message("a circle: ", "b");
  site.await_message(site.ns + "/nobody (there is none)");
  site.api.merge(git_sync(site.ns, "b"), {{"spec", {{"dependsOn", nullptr}}}});
  site.await_exists(config_map(site.ns, "two"));
  site.await_exists(config_map(site.ns, "one"));
}
