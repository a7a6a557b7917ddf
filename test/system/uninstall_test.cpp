// The end of the operator: what it managed stays, and nothing waits for an operator that is gone.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

/// One ConfigMap in a namespace of its own, managed by a GitSync of the operator's own namespace.
struct HomeSite : Site {
  explicit HomeSite(const std::string& name, const json& spec = json::object()) : Site(name), away(ns + "-away") {
    api.create("/api/v1/namespaces", {{"metadata", {{"name", away}}}});
    remove_at_end("/api/v1/namespaces/" + away);
    repo.write("app/one.yaml", config_map_yaml("one", {{"color", "blue"}}));
    json merged = {{"targetNamespace", away}};
    merged.merge_patch(spec);
    begin(merged);
  }
  std::string one() { return config_map(away, "one"); }
  bool is_labelled() { return !text_at(api.get(one()), "/metadata/labels/gitops.volaticloud.com~1sync").empty(); }
  bool has_finalizer() { return sync()["metadata"].contains("finalizers"); }
  void delete_home() { cluster.kubectl().must({"delete", "namespace", ns, "--wait=false"}); }
  void await_home_gone() { await_gone("/api/v1/namespaces/" + ns); }
  Output gitsync(std::vector<std::string> arguments) {
    Command command{.argv = {operator_binary().string()}};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.argv.insert(command.argv.end(), {"--kubeconfig", cluster.kubeconfig().string()});
    return run(command);
  }
  const std::string away;
};

} // namespace

TEST_CASE("The operator's namespace is deleted while it runs: its GitSyncs go, and what they manage stays") {
  HomeSite site("home-deleted");
  site.delete_home();
  site.await_home_gone();
  CHECK(text_at(site.api.get(site.one()), "/data/color") == "blue");
  CHECK_FALSE(site.is_labelled()); // released, as with deletionPolicy Orphan
}

TEST_CASE("The operator's namespace is deleted and its pod goes first: no finalizer is left to wait for it") {
  HomeSite site("home-pod-first");
  // Kubernetes deletes the pods of a namespace first; one that doesn't go holds back the rest.
  site.api.create(
      path_of("v1", "pods", site.ns),
      {{"metadata", {{"name", "holds"}, {"finalizers", {"example.com/holds"}}}},
       {"spec", {{"schedulerName", "nobody"}, {"containers", {{{"name", "c"}, {"image", "registry.example/c"}}}}}}});
  site.delete_home();
  eventually("the namespace is going",
             [&] { return !text_at(site.api.get("/api/v1/namespaces/" + site.ns), "/metadata/deletionTimestamp").empty(); });
  site.stop();
  const auto left = site.api.find(git_sync(site.ns, "app"));
  CHECK((!left || !(*left)["metadata"].contains("finalizers")));
  site.api.merge(path_of("v1", "pods", site.ns, "holds"), {{"metadata", {{"finalizers", nullptr}}}});
  site.await_home_gone();
  CHECK(text_at(site.api.get(site.one()), "/data/color") == "blue");
}

TEST_CASE("A stop that is no uninstallation leaves the finalizers where they are") {
  HomeSite site("home-stop");
  REQUIRE(site.has_finalizer());
  site.stop();
  CHECK(site.has_finalizer());
}

TEST_CASE("gitsync uninstall tells first, then ends the GitSyncs and leaves what they manage, with an operator and without") {
  const bool with_operator = GENERATE(true, false);
  HomeSite site(with_operator ? "uninstall" : "uninstall-alone");
  if (!with_operator) site.stop();
  const auto told = site.gitsync({"uninstall"});
  CHECK(told.code == 0);
  CHECK(told.out.find("GitSync " + site.ns + "/app") != std::string::npos);
  CHECK(site.sync()["spec"]["deletionPolicy"] == "Delete"); // nothing was done
  CHECK_FALSE(site.sync()["metadata"].contains("deletionTimestamp"));
  const auto done = site.gitsync({"uninstall", "--yes", "--timeout", with_operator ? "60s" : "0s"});
  INFO(done.out << done.err);
  CHECK(done.code == 0);
  site.await_gone(git_sync(site.ns, "app"));
  CHECK(text_at(site.api.get(site.one()), "/data/color") == "blue");
  CHECK(site.is_labelled() != with_operator); // nobody was there to release it
  CHECK((done.err.find("finalizers are removed") != std::string::npos) != with_operator);
}

TEST_CASE("A namespace with GitSyncs is deleted: what they manage elsewhere follows their deletionPolicy, nothing is stuck") {
  const std::string policy = GENERATE("Delete", "Orphan");
  HomeSite site(policy == "Delete" ? "tenant-delete" : "tenant-orphan");
  const std::string tenant = site.ns + "-tenant";
  site.api.create("/api/v1/namespaces", {{"metadata", {{"name", tenant}}}});
  site.remove_at_end("/api/v1/namespaces/" + tenant);
  site.repo.write("two/two.yaml", config_map_yaml("two", {}));
  site.repo.commit();
  site.request_poll();
  const auto make = [&](const std::string& path, const char* kind, const json& spec) {
    site.api.create(
        path,
        {{"apiVersion", "gitops.volaticloud.com/v1alpha1"}, {"kind", kind}, {"metadata", {{"name", "two"}}}, {"spec", spec}});
  };
  make(git_repository(tenant), "GitRepository", {{"url", site.repo.url()}, {"interval", "1s"}});
  make(git_sync(tenant), "GitSync",
       {{"sourceRef", {{"name", "two"}}}, {"path", "two"}, {"targetNamespace", site.away}, {"deletionPolicy", policy}});
  site.await_condition(git_sync(tenant, "two"), "Ready", "True");
  site.cluster.kubectl().must({"delete", "namespace", tenant, "--timeout=60s"});
  CHECK(site.api.exists(config_map(site.away, "two")) == (policy == "Orphan"));
  CHECK(site.api.exists(site.one()));
}

TEST_CASE("The operator keeps its own installation as git declares it, adopts it in place, and doesn't saw off its branch") {
  Site site("self");
  // Stand-ins for the chart's objects: what counts is where they lie and their label.
  const std::string deployment = deployment_yaml("gitsync-operator") + "\n";
  const auto labelled = [](std::string yaml) {
    const std::string labels = "  labels:\n";
    return yaml.insert(yaml.find(labels) + labels.size(), "    app.kubernetes.io/name: gitsync-operator\n");
  };
  site.cluster.kubectl().must({"apply", "-n", site.ns, "-f", "-"}, labelled(deployment));
  const json before = site.api.get(gitsync::test::deployment(site.ns, "gitsync-operator"));
  site.repo.write("app/operator.yaml", labelled(deployment));
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin();
  CHECK(site.api.get(gitsync::test::deployment(site.ns, "gitsync-operator"))["metadata"]["uid"] == before["metadata"]["uid"]);
  site.repo.remove("app/operator.yaml");
  site.repo.commit();
  site.request_poll();
  site.await_message("belongs to the operator itself and is never pruned");
  CHECK(site.api.exists(gitsync::test::deployment(site.ns, "gitsync-operator")));
  site.cluster.kubectl().must({"-n", site.ns, "delete", "gitsync", "app", "--timeout=60s"});
  CHECK(site.api.exists(gitsync::test::deployment(site.ns, "gitsync-operator")));
}
