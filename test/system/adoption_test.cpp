// What runs already becomes a GitSync's: from kubectl and Helm without a word, from a living tool only when it is told so.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

const std::string flux_group = "kustomize.toolkit.fluxcd.io";

struct AdoptionSite : Site {
  explicit AdoptionSite(const std::string& name) : Site(name) {
    repo.write("app/fence.yaml", config_map_yaml("fence", {}));
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  }
  /// The ConfigMap settings, as somebody else has made it.
  json exists(const json& metadata = json::object()) {
    json object = {{"metadata", {{"name", "settings"}}}, {"data", {{"color", "red"}, {"old", "yes"}}}};
    object["metadata"].merge_patch(metadata);
    return api.create(path_of("v1", "configmaps", ns), object);
  }
  json settings() { return api.get(config_map(ns, "settings")); }
  std::string color() { return text_at(settings(), "/data/color"); }
  bool is_ours() { return !managed_by(settings(), manager()).is_null(); }
  json refused() { return await_message("GS220"); }
  Output gitsync(std::vector<std::string> arguments, const std::string& input = {}) {
    Command command{.argv = {operator_binary().string()}, .input = input};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.argv.insert(command.argv.end(), {"--kubeconfig", cluster.kubeconfig().string()});
    return run(command);
  }

  /// A stand-in for Flux's CustomResourceDefinition: the group and kind, and an open spec. No Flux runs here.
  void serve_stand_in_for_flux() {
    const std::string definition = R"(apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kustomizations.kustomize.toolkit.fluxcd.io}
spec:
  group: kustomize.toolkit.fluxcd.io
  scope: Namespaced
  names: {kind: Kustomization, listKind: KustomizationList, plural: kustomizations, singular: kustomization}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
)";
    cluster.kubectl().must({"apply", "-f", "-"}, definition);
    cluster.kubectl().must({"wait", "--for=condition=Established", "crd/kustomizations." + flux_group, "--timeout=60s"});
    remove_at_end(path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "", "kustomizations." + flux_group));
  }
  std::string kustomization(const std::string& name = "apps") {
    return path_of(flux_group + "/v1", "kustomizations", ns, name);
  }
  json flux_labels() { return {{"labels", {{flux_group + "/name", "apps"}, {flux_group + "/namespace", ns}}}}; }
};

} // namespace

TEST_CASE("What kubectl has applied and what Helm has installed is adopted in place") {
  AdoptionSite site("adopt");
  site.cluster.kubectl().must({"apply", "-n", site.ns, "-f", "-"}, config_map_yaml("by-hand", {{"color", "red"}}));
  site.repo.write("app/by-hand.yaml", config_map_yaml("by-hand", {{"color", "blue"}}));
  const json before =
      site.exists({{"labels", {{"app.kubernetes.io/managed-by", "Helm"}}},
                   {"annotations", {{"meta.helm.sh/release-name", "shop"}, {"meta.helm.sh/release-namespace", site.ns}}}});
  site.begin();
  CHECK(site.settings()["metadata"]["uid"] == before["metadata"]["uid"]); // never deleted and made anew
  CHECK(site.color() == "blue");
  CHECK(site.is_ours());
  CHECK(text_at(site.api.get(config_map(site.ns, "by-hand")), "/data/color") == "blue");
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"color", "green"}}}});
  eventually("drift of what was adopted is corrected", [&] { return site.color() == "blue"; });
}

TEST_CASE("An object of another tool that is at work is refused before anything is written, and taken when the tool lets go") {
  AdoptionSite site("adopt-flux");
  site.serve_stand_in_for_flux();
  site.api.create(path_of(flux_group + "/v1", "kustomizations", site.ns), {{"apiVersion", flux_group + "/v1"},
                                                                           {"kind", "Kustomization"},
                                                                           {"metadata", {{"name", "apps"}}},
                                                                           {"spec", {{"path", "./apps"}}}});
  const json before = site.exists(site.flux_labels());
  site.repo.commit();
  site.add_source();
  site.add_sync();
  site.start();
  const auto message = ready_message(site.refused());
  INFO(message);
  CHECK(message.find("app/settings.yaml:1: ConfigMap " + site.ns + "/settings belongs to Flux's Kustomization " + site.ns +
                     "/apps") != std::string::npos);
  CHECK(message.find("flux suspend kustomization apps") != std::string::npos);
  CHECK(site.settings() == before);
  CHECK_FALSE(site.api.exists(config_map(site.ns, "fence"))); // a revision is atomic up to the plan
  site.api.merge(site.kustomization(), {{"spec", {{"suspend", true}}}});
  site.request(git_sync(site.ns, "app"));
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  CHECK(site.color() == "blue");
  CHECK(site.settings()["metadata"]["uid"] == before["metadata"]["uid"]);
}

TEST_CASE("What a tool has left behind is nobody's, and spec.adopt: Always takes what is somebody's") {
  AdoptionSite site("adopt-always");
  site.exists(site.flux_labels()); // of a Flux that this cluster doesn't have
  site.repo.write("app/child.yaml", config_map_yaml("child", {{"color", "blue"}}));
  const json owner = site.api.create(path_of("v1", "configmaps", site.ns), {{"metadata", {{"name", "owner"}}}});
  site.api.create(path_of("v1", "configmaps", site.ns), {{"metadata",
                                                          {{"name", "child"},
                                                           {"ownerReferences",
                                                            {{{"apiVersion", "v1"},
                                                              {"kind", "ConfigMap"},
                                                              {"name", "owner"},
                                                              {"uid", owner["metadata"]["uid"]},
                                                              {"controller", true}}}}}}});
  site.repo.commit();
  site.add_source();
  site.add_sync();
  site.start();
  const auto message = ready_message(site.refused());
  INFO(message);
  CHECK(message.find("app/child.yaml:1: ConfigMap " + site.ns + "/child belongs to a controller's ConfigMap owner") !=
        std::string::npos);
  CHECK(message.find("settings") == std::string::npos);
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"adopt", "Always"}}}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  CHECK(text_at(site.api.get(config_map(site.ns, "child")), "/data/color") == "blue");
  CHECK(site.color() == "blue");
}

TEST_CASE("With spec.adopt: Never only what does not exist is made") {
  AdoptionSite site("adopt-never");
  const json before = site.exists();
  site.repo.commit();
  site.add_source();
  site.add_sync("app", {{"adopt", "Never"}});
  site.start();
  site.refused();
  CHECK(site.settings() == before);
  CHECK_FALSE(site.api.exists(config_map(site.ns, "fence")));
  site.api.remove(config_map(site.ns, "settings"));
  site.request(git_sync(site.ns, "app"));
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  site.repo.write("app/more.yaml", config_map_yaml("more", {}));
  site.push(); // what was made since is its own, also over a restart
  site.stop();
  site.start(false, "mirrors-new");
  site.fence(config_map(site.ns, "fence"));
  CHECK(condition_status(site.sync(), "Ready") == "True");
}

TEST_CASE("Many objects at once are looked at together, and each that isn't to be taken is named") {
  AdoptionSite site("adopt-many");
  for (int i = 0; i < 40; ++i)
    site.repo.write("app/many-" + std::to_string(i) + ".yaml", config_map_yaml("many-" + std::to_string(i), {}));
  site.exists();
  site.repo.commit();
  site.add_source();
  const auto mark = site.audit.mark();
  site.add_sync("app", {{"adopt", "Never"}});
  site.start();
  site.refused();
  CHECK(to_managed_objects(site.audit.writes(site.op().user(), mark)).empty());
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"adopt", "IfUnowned"}}}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  CHECK(site.color() == "blue");
}

TEST_CASE("Adoption with a preview: with approval required the plan shows what is adopted and what would change") {
  AdoptionSite site("adopt-preview");
  site.exists({{"labels", {{"app.kubernetes.io/managed-by", "Helm"}}},
               {"annotations", {{"meta.helm.sh/release-name", "shop"}, {"meta.helm.sh/release-namespace", "shop"}}}});
  site.repo.commit();
  site.add_source();
  site.add_sync("app", {{"approval", {{"required", true}}}});
  site.start();
  eventually("a plan waits", [&] { return !text_at(site.sync(), "/status/planDigest").empty(); });
  const auto shown = site.gitsync({"plan", "app", "-n", site.ns});
  INFO(shown.out << shown.err);
  CHECK(shown.code == 1);
  CHECK(shown.out.find("> ConfigMap " + site.ns + "/settings  (from Helm's release shop/shop)") != std::string::npos);
  CHECK(shown.out.find("~ /data/color: \"red\" → \"blue\"") != std::string::npos);
  CHECK(shown.out.find("+ ConfigMap " + site.ns + "/fence") != std::string::npos);
  CHECK(site.color() == "red");
  site.consent();
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  CHECK(site.color() == "blue");
}

TEST_CASE("What gitsync import writes is what the API server takes, from files and from the cluster") {
  AdoptionSite site("adopt-import");
  site.serve_stand_in_for_flux();
  site.api.create(path_of(flux_group + "/v1", "kustomizations", site.ns),
                  {{"apiVersion", flux_group + "/v1"},
                   {"kind", "Kustomization"},
                   {"metadata", {{"name", "apps"}}},
                   {"spec",
                    {{"sourceRef", {{"kind", "GitRepository"}, {"name", "fleet"}}},
                     {"path", "./apps"},
                     {"interval", "10m"},
                     {"prune", true},
                     {"postBuild", {{"substitute", {{"a", "b"}}}}},
                     {"dependsOn", {{{"name", "infra"}}}}}}});
  const std::string source =
      "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet}\n"
      "spec: {url: https://example.com/fleet.git, interval: 1m, ref: {branch: main}, secretRef: {name: auth}}\n";
  const auto kustomization =
      site.cluster.kubectl().must({"get", "kustomizations." + flux_group, "apps", "-n", site.ns, "-o", "yaml"});
  const auto from_files = site.gitsync({"import", "flux", "-"}, source + "---\n" + kustomization);
  INFO(from_files.out << from_files.err);
  REQUIRE(from_files.code == 0);
  CHECK(from_files.out.find("# spec.postBuild: has no counterpart") != std::string::npos);
  const auto application = site.gitsync({"import", "argocd", "-"}, R"(apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
  source: {repoURL: https://example.com/web.git, path: deploy, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: web}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
  ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]
)");
  INFO(application.out << application.err);
  REQUIRE(application.code == 0);
  for (const auto& yaml : {from_files.out, application.out})
    site.cluster.kubectl().must({"create", "--dry-run=server", "--validate=strict", "-n", site.ns, "-f", "-"}, yaml);
  // The cluster serves no GitRepositories of Flux: that is told, and nothing half is written.
  const auto from_cluster = site.gitsync({"import", "flux", "-n", site.ns});
  CHECK(from_cluster.code == 1);
  CHECK(from_cluster.out.empty());
  CHECK(from_cluster.err.find("GitRepository.source.toolkit.fluxcd.io") != std::string::npos);
}
