#include "plan/adoption.h"

#include "support/catch.h"

using namespace gitsync;
using nlohmann::json;

namespace {

const ObjectRef object{"apps", "Deployment", "shop", "api"};

std::optional<OtherOwner> owner_by(const char* metadata, const ObjectRef& ref = object) {
  return other_owner(ref, {{"metadata", json::parse(metadata)}});
}

} // namespace

TEST_CASE("other tools are known by the marks that they leave, and by nothing less", "[plan][adoption]") {
  struct Row {
    const char *metadata, *owner;
    bool at_work;
    GroupKind witness;
    const char *ns, *name;
  };
  const Row rows[] = {
      {R"({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}})",
       "Flux's Kustomization flux-system/apps",
       true,
       {"kustomize.toolkit.fluxcd.io", "Kustomization"},
       "flux-system",
       "apps"},
      {R"({"labels": {"helm.toolkit.fluxcd.io/name": "api", "helm.toolkit.fluxcd.io/namespace": "shop",
                      "app.kubernetes.io/managed-by": "Helm"},
           "annotations": {"meta.helm.sh/release-name": "api", "meta.helm.sh/release-namespace": "shop"}})",
       "Flux's HelmRelease shop/api",
       true,
       {"helm.toolkit.fluxcd.io", "HelmRelease"},
       "shop",
       "api"},
      {R"({"annotations": {"argocd.argoproj.io/tracking-id": "web:apps/Deployment:shop/api"}})",
       "Argo CD's Application web",
       true,
       {"argoproj.io", "Application"},
       "",
       "web"},
      {R"({"annotations": {"argocd.argoproj.io/tracking-id": "team_web:apps/Deployment:shop/api"}})",
       "Argo CD's Application team/web",
       true,
       {"argoproj.io", "Application"},
       "team",
       "web"},
      {R"({"labels": {"argocd.argoproj.io/instance": "web"}})",
       "Argo CD's Application web",
       true,
       {"argoproj.io", "Application"},
       "",
       "web"},
      {R"({"annotations": {"configmanagement.gke.io/managed": "enabled"}})",
       "Config Sync",
       true,
       {"configsync.gke.io", "RootSync"},
       "",
       ""},
      {R"({"ownerReferences": [{"kind": "Node", "name": "n"}, {"kind": "Rollout", "name": "api", "controller": true}]})",
       "a controller's Rollout api",
       true,
       {},
       "",
       ""},
      {R"({"labels": {"app.kubernetes.io/managed-by": "Helm"},
           "annotations": {"meta.helm.sh/release-name": "api", "meta.helm.sh/release-namespace": "shop"}})",
       "Helm's release shop/api",
       false,
       {},
       "",
       ""},
  };
  for (const auto& row : rows) {
    INFO(row.metadata);
    const auto owner = owner_by(row.metadata);
    REQUIRE(owner);
    CHECK(owner->text() == row.owner);
    CHECK(owner->at_work == row.at_work);
    CHECK(owner->witness == row.witness);
    CHECK(owner->ns == row.ns);
    CHECK(owner->name == row.name);
    CHECK(owner->way_out.empty() == !row.at_work);
  }
  const char* nobodys[] = {
      "{}",
      "null",
      "[]",
      R"({"labels": 7, "annotations": [], "ownerReferences": {"controller": true}})",
      R"({"labels": {"app.kubernetes.io/instance": "web", "app.kubernetes.io/managed-by": "Helm"}})",
      R"({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}})",
      R"({"annotations": {"argocd.argoproj.io/tracking-id": "web:apps/Deployment:shop/another"}})", // copied with a template
      R"({"annotations": {"argocd.argoproj.io/tracking-id": ":"}})",
      R"({"annotations": {"configmanagement.gke.io/managed": "disabled"}})",
      R"({"ownerReferences": [{"kind": "Node", "name": "n", "controller": false}, 3]})",
      R"({"annotations": {"meta.helm.sh/release-name": "api"}})"};
  for (const auto* metadata : nobodys) {
    INFO(metadata);
    CHECK_FALSE(owner_by(metadata));
  }
}

TEST_CASE("a tracking id of Argo CD names cluster-scoped objects with a namespace or without", "[plan][adoption]") {
  const ObjectRef space{"", "Namespace", "", "shop"};
  for (const auto* id : {"web:/Namespace:default/shop", "web:/Namespace:/shop"}) {
    INFO(id);
    CHECK(other_owner(space, {{"metadata", {{"annotations", {{"argocd.argoproj.io/tracking-id", id}}}}}}));
  }
  CHECK_FALSE(owner_by(R"({"annotations": {"argocd.argoproj.io/tracking-id": "web:/Namespace:/workshop"}})", space));
}

TEST_CASE("Flux's suspended objects do not act", "[plan][adoption]") {
  CHECK(is_at_rest(json::parse(R"({"spec": {"suspend": true}})")));
  for (const auto* text : {"{}", "null", R"({"spec": {"suspend": false}})", R"({"spec": {"suspend": "true"}})"})
    CHECK_FALSE(is_at_rest(json::parse(text)));
}

TEST_CASE("an object is ours from another life by label and by fields that we applied, not by one of them",
          "[plan][adoption]") {
  const json entry = {{"manager", "gitsync:shop/app"},
                      {"operation", "Apply"},
                      {"fieldsType", "FieldsV1"},
                      {"fieldsV1", {{"f:data", {{"f:a", json::object()}}}}}};
  const json labels = {{"gitops.volaticloud.com/sync", "abc"}};
  CHECK(is_own_already({{"metadata", {{"labels", labels}, {"managedFields", {entry}}}}}, "abc", "gitsync:shop/app"));
  CHECK_FALSE(is_own_already({{"metadata", {{"labels", labels}}}}, "abc", "gitsync:shop/app"));
  CHECK_FALSE(is_own_already({{"metadata", {{"managedFields", {entry}}}}}, "abc", "gitsync:shop/app"));
  CHECK_FALSE(is_own_already({{"metadata", {{"labels", labels}, {"managedFields", {entry}}}}}, "other", "gitsync:shop/app"));
}

TEST_CASE("a refusal begins with the manifest's place and says whose the object is and what to do", "[plan][adoption]") {
  const auto owner =
      owner_by(R"({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}})");
  const auto owned = refuse_owned({"app/api.yaml", 3}, object, *owner);
  CHECK(owned.code == Code::AdoptionRefused);
  CHECK(owned.retry == Retry::Backoff);
  CHECK(owned.message ==
        "app/api.yaml:3: Deployment.apps shop/api belongs to Flux's Kustomization flux/apps, and two would fight over "
        "it: suspend it (flux suspend kustomization apps -n flux), or take it over all the same with spec.adopt: Always");
  CHECK(refuse_existing({"app/api.yaml", 3}, object)
            .message.starts_with("app/api.yaml:3: Deployment.apps shop/api exists already"));
}
