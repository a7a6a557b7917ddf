// A GitSync is deleted: its policy is carried out, and nothing hangs.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

struct DeletionSite : Site {
  explicit DeletionSite(const std::string& name, const json& spec = json::object()) : Site(name) {
    repo.write("app/one.yaml", config_map_yaml("one", {{"color", "blue"}}));
    repo.write("app/api.yaml", deployment_yaml() + "---\n" + service_yaml());
    begin(spec);
  }
  void delete_sync(const std::string& name = "app") {
    cluster.kubectl().must({"-n", ns, "delete", "gitsync", name, "--timeout=60s"});
  }
  size_t inventories() {
    size_t count = 0;
    for (const auto& name : names_of(api.list(path_of("v1", "secrets", ns)))) count += name.starts_with("gitsync-");
    return count;
  }
};

} // namespace

TEST_CASE("With deletionPolicy Delete the objects go with their GitSync, and nothing else does") {
  DeletionSite site("delete");
  site.api.create(path_of("v1", "configmaps", site.ns), {{"metadata", {{"name", "somebody-elses"}}}});
  REQUIRE(site.inventories() > 0);
  site.delete_sync();
  for (const auto& path : {config_map(site.ns, "one"), service(site.ns, "api"), deployment(site.ns, "api")})
    site.await_gone(path);
  CHECK(site.api.exists(config_map(site.ns, "somebody-elses")));
  eventually("the inventory is gone", [&] { return site.inventories() == 0; });
  CHECK(site.op().get("/metrics").body.find(R"(kind="GitSync",name="app",namespace=")" + site.ns) == std::string::npos);
}

TEST_CASE("With deletionPolicy Orphan the objects stay, without our label, annotation and field manager") {
  DeletionSite site("orphan", {{"deletionPolicy", "Orphan"}});
  site.delete_sync();
  for (const auto& path : {config_map(site.ns, "one"), service(site.ns, "api"), deployment(site.ns, "api")}) {
    INFO(path);
    const json object = site.api.get(path);
    CHECK(text_at(object, "/metadata/labels/gitops.volaticloud.com~1sync").empty());
    CHECK(text_at(object, "/metadata/annotations/gitops.volaticloud.com~1sync-name").empty());
    CHECK(managed_by(object, site.manager()).is_null());
  }
  CHECK(site.api.get(config_map(site.ns, "one"))["data"]["color"] == "blue");
  CHECK(site.api.get(deployment(site.ns, "api"))["spec"]["template"]["spec"]["containers"].size() == 2);
  eventually("the inventory is gone", [&] { return site.inventories() == 0; });
  site.api.merge(config_map(site.ns, "one"), {{"data", {{"color", "red"}}}});
  site.repo.write("witness/fence.yaml", config_map_yaml("fence", {}));
  site.repo.commit();
  site.add_sync("witness", {{"path", "witness"}});
  site.await_condition(git_sync(site.ns, "witness"), "Ready", "True");
  site.fence(config_map(site.ns, "fence"));
  CHECK(site.api.get(config_map(site.ns, "one"))["data"]["color"] == "red"); // nobody enforces it any more
}

TEST_CASE("A GitSync deleted while the operator is down is cleaned up at its start") {
  DeletionSite site("delete-down");
  site.stop();
  site.cluster.kubectl().must({"-n", site.ns, "delete", "gitsync", "app", "--wait=false"});
  site.repo.go_away();
  site.start(false, "mirrors-new");
  site.await_gone(git_sync(site.ns, "app"));
  for (const auto& path : {config_map(site.ns, "one"), service(site.ns, "api"), deployment(site.ns, "api")})
    site.await_gone(path);
}

TEST_CASE("An object that somebody made anew is not deleted with the GitSync") {
  DeletionSite site("delete-stranger");
  site.stop();
  site.api.remove(config_map(site.ns, "one"));
  site.api.create(path_of("v1", "configmaps", site.ns), {{"metadata", {{"name", "one"}}}, {"data", {{"whose", "theirs"}}}});
  site.cluster.kubectl().must({"-n", site.ns, "delete", "gitsync", "app", "--wait=false"});
  site.start();
  site.await_gone(git_sync(site.ns, "app"));
  CHECK(site.api.get(config_map(site.ns, "one"))["data"]["whose"] == "theirs");
}

TEST_CASE("No GitSync gets stuck in its deletion: without a source, refused, suspended, its source deleted first") {
  DeletionSite site("delete-odd");
  site.add_sync("nowhere", {{"sourceRef", {{"name", "nowhere"}}}});
  site.await_condition(git_sync(site.ns, "nowhere"), "Ready", "False", "SourceNotFound");
  site.delete_sync("nowhere");
  site.repo.write("refused/bad.yaml", "a: [");
  site.repo.commit();
  site.add_sync("refused", {{"path", "refused"}});
  site.await_condition(git_sync(site.ns, "refused"), "Ready", "False");
  site.delete_sync("refused");
  site.add_sync("suspended", {{"path", "other"}, {"suspend", true}});
  site.await_condition(git_sync(site.ns, "suspended"), "Ready", "False", "Suspended");
  site.delete_sync("suspended");
  site.api.remove(git_repository(site.ns, "source"));
  site.await_gone(git_repository(site.ns, "source"));
  site.delete_sync();
  site.await_gone(config_map(site.ns, "one"));
}

TEST_CASE("A namespace with a GitSync and its objects in it can be deleted") {
  Site site("tenants");
  const std::string tenant = site.ns + "-tenant";
  site.remove_at_end("/api/v1/namespaces/" + tenant);
  site.api.create("/api/v1/namespaces", {{"metadata", {{"name", tenant}}}});
  site.repo.write("app/one.yaml", config_map_yaml("one", {}));
  site.repo.commit();
  for (auto [path, spec] :
       {std::pair{git_repository(tenant), json{{"url", site.repo.url()}, {"interval", "1s"}}},
        std::pair{git_sync(tenant), json{{"sourceRef", {{"name", "app"}}}, {"path", "app"}, {"targetNamespace", tenant}}}})
    site.api.create(path, {{"apiVersion", "gitops.volaticloud.com/v1alpha1"},
                           {"kind", path.ends_with("gitsyncs") ? "GitSync" : "GitRepository"},
                           {"metadata", {{"name", "app"}, {"namespace", tenant}}},
                           {"spec", spec}});
  site.start();
  site.await_condition(git_sync(tenant, "app"), "Ready", "True");
  site.cluster.kubectl().must({"delete", "namespace", tenant, "--timeout=60s"});
}

TEST_CASE("A GitSync made anew under the same name takes its objects back") {
  DeletionSite site("delete-again", {{"deletionPolicy", "Orphan"}});
  const json one = site.api.get(config_map(site.ns, "one"));
  site.delete_sync();
  site.add_sync();
  site.await_applied(site.repo.git({"rev-parse", "HEAD"}));
  const json after = site.api.get(config_map(site.ns, "one"));
  CHECK(after["metadata"]["uid"] == one["metadata"]["uid"]);
  CHECK(after["metadata"]["labels"] == one["metadata"]["labels"]);
  site.fence(config_map(site.ns, "one"));
}

TEST_CASE(
    "With deletionPolicy WaitForTermination the GitSync stays until its objects are really gone, and tells what holds them") {
  DeletionSite site("delete-wait", {{"deletionPolicy", "WaitForTermination"}});
  const std::string one = config_map(site.ns, "one");
  site.api.merge(one, {{"metadata", {{"finalizers", {"example.com/hold"}}}}});
  site.api.remove(git_sync(site.ns, "app"));
  site.await_message("Waiting until 1 object is gone: ConfigMap " + site.ns + "/one (finalizers example.com/hold)");
  site.await_gone(deployment(site.ns, "api"));
  CHECK_FALSE(text_at(site.api.get(one), "/metadata/deletionTimestamp").empty());
  // Nor does a restart forget what is awaited.
  site.stop();
  site.start();
  site.await_message("Waiting until 1 object is gone");
  CHECK(site.api.exists(git_sync(site.ns, "app")));
  site.api.merge(one, {{"metadata", {{"finalizers", nullptr}}}});
  site.await_gone(git_sync(site.ns, "app"));
  CHECK_FALSE(site.api.exists(one));
  CHECK(site.inventories() == 0);
}

TEST_CASE("The wait for termination ends with the policy") {
  const std::string policy = GENERATE("Orphan", "Delete");
  DeletionSite site("delete-unwait", {{"deletionPolicy", "WaitForTermination"}});
  const std::string one = config_map(site.ns, "one");
  site.api.merge(one, {{"metadata", {{"finalizers", {"example.com/hold"}}}}});
  site.api.remove(git_sync(site.ns, "app"));
  site.await_message("Waiting until 1 object is gone");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"deletionPolicy", policy}}}});
  site.await_gone(git_sync(site.ns, "app"));
  CHECK(site.api.exists(one));
  site.api.merge(one, {{"metadata", {{"finalizers", nullptr}}}});
}
