#include "kube/resource.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::kube;
using nlohmann::json;

namespace {

// Cut down from what a kube-apiserver v1.36.3 answered: built-in kinds leave responseKind's group empty, CRDs fill it, an
// APIService without a living server comes back "Stale" and without resources.
const char* const core = R"({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": [
 {"metadata": {}, "versions": [{"version": "v1", "resources": [
  {"resource": "bindings", "responseKind": {"group": "", "version": "", "kind": "Binding"}, "scope": "Namespaced",
   "singularResource": "binding", "verbs": ["create"]},
  {"resource": "configmaps", "responseKind": {"group": "", "version": "", "kind": "ConfigMap"}, "scope": "Namespaced",
   "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"], "shortNames": ["cm"]},
  {"resource": "namespaces", "responseKind": {"group": "", "version": "", "kind": "Namespace"}, "scope": "Cluster",
   "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"], "shortNames": ["ns"], "subresources": [
    {"subresource": "finalize", "responseKind": {"group": "", "version": "", "kind": "Namespace"}, "verbs": ["update"]}]}],
  "freshness": "Current"}]}]})";
const char* const groups =
    R"({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": [
 {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
  {"resource": "deployments", "responseKind": {"group": "", "version": "", "kind": "Deployment"}, "scope": "Namespaced",
   "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"], "categories": ["all"],
   "subresources": [{"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                     "verbs": ["get", "patch", "update"]}]}], "freshness": "Current"}]},
 {"metadata": {"name": "example.com"}, "versions": [
  {"version": "v1", "resources": [{"resource": "gizmos", "responseKind": {"group": "example.com", "version": "v1", "kind": "Gizmo"},
   "scope": "Cluster", "verbs": ["delete", "get", "list", "patch", "create", "update", "watch"]}], "freshness": "Current"},
  {"version": "v1alpha1", "resources": [{"resource": "gizmos", "responseKind": {"group": "example.com", "version": "v1alpha1",
   "kind": "Gizmo"}, "scope": "Cluster", "verbs": ["delete", "get", "list", "patch", "create", "update", "watch"]}],
   "freshness": "Current"}]},
 {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]}]})";
const char* const legacy_apps = R"({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "apps/v1", "resources": [
 {"name": "deployments", "singularName": "deployment", "namespaced": true, "kind": "Deployment",
  "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"], "shortNames": ["deploy"]},
 {"name": "deployments/scale", "namespaced": true, "group": "autoscaling", "version": "v1", "kind": "Scale",
  "verbs": ["get", "patch", "update"]},
 {"name": "deployments/status", "namespaced": true, "kind": "Deployment", "verbs": ["get", "patch", "update"]}]})";
const char* const legacy_reviews =
    R"({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "authentication.k8s.io/v1",
 "resources": [{"name": "tokenreviews", "namespaced": false, "kind": "TokenReview", "verbs": ["create"]}]})";

ResourceMap real() {
  ResourceMap map;
  REQUIRE(map.add(json::parse(core)));
  REQUIRE(map.add(json::parse(groups)));
  return map;
}

} // namespace

TEST_CASE("aggregated discovery: every patchable kind has its path", "[kube][resource]") {
  const auto map = real();
  struct Row {
    const char *group, *version, *kind, *ns, *name, *path;
  };
  const Row rows[] = {
      {"", "v1", "ConfigMap", "shop", "a", "/api/v1/namespaces/shop/configmaps/a"},
      {"", "v1", "ConfigMap", "shop", "", "/api/v1/namespaces/shop/configmaps"},
      {"", "v1", "ConfigMap", "", "", "/api/v1/configmaps"},
      {"", "v1", "Namespace", "", "shop", "/api/v1/namespaces/shop"},
      {"", "v1", "Namespace", "ignored", "shop", "/api/v1/namespaces/shop"},
      {"apps", "v1", "Deployment", "shop", "api", "/apis/apps/v1/namespaces/shop/deployments/api"},
      {"example.com", "v1alpha1", "Gizmo", "", "system:a", "/apis/example.com/v1alpha1/gizmos/system%3Aa"},
      {"", "v1", "ConfigMap", "shop", "../../secrets?x", "/api/v1/namespaces/shop/configmaps/..%2F..%2Fsecrets%3Fx"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.kind, row.name);
    const auto* resource = map.find(row.group, row.version, row.kind);
    REQUIRE(resource);
    CHECK(resource->path(row.ns, row.name) == row.path);
  }
  CHECK(map.size() == 5);
  CHECK(map.find("apps", "v1", "Deployment")->text() == "deployments.apps");
  CHECK(map.find("apps", "v1", "Deployment")->api_version() == "apps/v1");
  CHECK(map.find("", "v1", "Namespace")->text() == "namespaces");
  CHECK(map.find("", "v1", "Namespace")->api_version() == "v1");
}

TEST_CASE("aggregated discovery: what cannot be patched or is a subresource is not found", "[kube][resource]") {
  const auto map = real();
  CHECK(map.find("", "v1", "Binding") == nullptr);
  CHECK(map.find(GroupKind{"", "Binding"}) == nullptr);
  CHECK(map.known("", "v1", "Binding"));
  CHECK(map.known("apps", "v1", "Deployment"));
  for (const auto& [group, version, kind] : {std::array{"apps", "v1", "Scale"}, std::array{"autoscaling", "v1", "Scale"},
                                             std::array{"apps", "v1beta1", "Deployment"}, std::array{"apps", "v1", "Gizmo"},
                                             std::array{"metrics.k8s.io", "v1beta1", "PodMetrics"}}) {
    CAPTURE(group, version, kind);
    CHECK(map.find(group, version, kind) == nullptr);
    CHECK_FALSE(map.known(group, version, kind));
  }
}

TEST_CASE("the preferred version is the first that the server lists", "[kube][resource]") {
  const auto map = real();
  REQUIRE(map.find(GroupKind{"example.com", "Gizmo"}));
  CHECK(map.find(GroupKind{"example.com", "Gizmo"})->version == "v1");
  CHECK(map.find("example.com", "v1alpha1", "Gizmo")->version == "v1alpha1");

  SECTION("a version in which the kind cannot be patched is passed over") {
    auto list = json::parse(groups);
    list["items"][1]["versions"][0]["resources"][0]["verbs"] = {"get", "list"};
    ResourceMap other;
    REQUIRE(other.add(list));
    REQUIRE(other.find(GroupKind{"example.com", "Gizmo"}));
    CHECK(other.find(GroupKind{"example.com", "Gizmo"})->version == "v1alpha1");
  }
  SECTION("the same answer twice changes nothing") {
    auto again = real();
    REQUIRE(again.add(json::parse(groups)));
    CHECK(again.size() == map.size());
    CHECK(*again.find(GroupKind{"example.com", "Gizmo"}) == *map.find(GroupKind{"example.com", "Gizmo"}));
  }
}

TEST_CASE("a group whose discovery is stale or damaged is partial", "[kube][resource]") {
  const auto map = real();
  CHECK(map.partial() == std::vector<std::string>{"metrics.k8s.io"});
  CHECK(map.is_partial("metrics.k8s.io"));
  CHECK_FALSE(map.is_partial("apps"));

  auto list = json::parse(groups);
  SECTION("what was last known of a stale version can still be found") {
    list["items"][0]["versions"][0]["freshness"] = "Stale";
    ResourceMap stale;
    REQUIRE(stale.add(list));
    CHECK(stale.partial() == std::vector<std::string>{"apps", "metrics.k8s.io"});
    CHECK(stale.find("apps", "v1", "Deployment"));
  }
  SECTION("a damaged entry costs only its own group") {
    const json damaged[] = {nullptr,
                            1,
                            {{"resource", 3}},
                            {{"resource", "x"}},
                            {{"responseKind", {{"kind", "X"}}}},
                            {{"resource", "x"}, {"responseKind", nullptr}}};
    for (const auto& entry : damaged) {
      CAPTURE(entry.dump());
      auto copy = list;
      copy["items"][0]["versions"][0]["resources"].insert(copy["items"][0]["versions"][0]["resources"].begin(), entry);
      ResourceMap other;
      REQUIRE(other.add(copy));
      CHECK(other.is_partial("apps"));
      CHECK_FALSE(other.is_partial("example.com"));
      CHECK(other.find("apps", "v1", "Deployment"));
    }
  }
  SECTION("of a resource without a kind only subresources are served: nothing is missing") {
    list["items"][0]["versions"][0]["resources"].push_back(
        {{"resource", "ghosts"}, {"subresources", {{{"subresource", "status"}}}}});
    ResourceMap other;
    REQUIRE(other.add(list));
    CHECK_FALSE(other.is_partial("apps"));
  }
  SECTION("noted by hand, once and sorted") {
    ResourceMap other;
    for (const char* group : {"b", "", "a", "b"}) other.add_partial(group);
    CHECK(other.partial() == std::vector<std::string>{"", "a", "b"});
  }
}

TEST_CASE("what is not a discovery is an error and leaves the map alone", "[kube][resource]") {
  auto map = real();
  for (const char* text :
       {"null", "[]", "{}", R"({"kind": "APIGroupDiscoveryList"})", R"({"kind": "APIGroupList", "groups": []})",
        R"({"kind": "APIGroupDiscoveryList", "items": {}})", R"({"kind": 1, "items": []})"}) {
    CAPTURE(text);
    const auto added = map.add(json::parse(text));
    REQUIRE_FALSE(added);
    CHECK(added.error().code == Code::ApiServerError);
    CHECK_FALSE(map.add_legacy(json::parse(text)));
  }
  CHECK(map.size() == 5);
  CHECK(map.partial().size() == 1);
}

TEST_CASE("legacy discovery", "[kube][resource]") {
  ResourceMap map;
  REQUIRE(map.add_legacy(json::parse(legacy_apps)));
  REQUIRE(map.add_legacy(json::parse(legacy_reviews)));
  REQUIRE(map.find("apps", "v1", "Deployment"));
  CHECK(*map.find("apps", "v1", "Deployment") == Resource{"apps", "v1", "deployments", "Deployment", true});
  CHECK(*map.find(GroupKind{"apps", "Deployment"}) == *map.find("apps", "v1", "Deployment"));
  CHECK_FALSE(map.known("apps", "v1", "Scale"));
  CHECK(map.find("authentication.k8s.io", "v1", "TokenReview") == nullptr);
  CHECK(map.known("authentication.k8s.io", "v1", "TokenReview"));
  CHECK(map.size() == 1);
  CHECK(map.partial().empty());

  auto damaged = json::parse(legacy_apps);
  damaged["resources"][0].erase("namespaced");
  ResourceMap other;
  REQUIRE(other.add_legacy(damaged));
  CHECK(other.is_partial("apps"));
  CHECK(other.find("apps", "v1", "Deployment") == nullptr);
}

TEST_CASE("both kinds of discovery agree", "[kube][resource]") {
  const auto map = real();
  ResourceMap legacy;
  REQUIRE(legacy.add_legacy(json::parse(legacy_apps)));
  CHECK(*legacy.find("apps", "v1", "Deployment") == *map.find("apps", "v1", "Deployment"));
}
