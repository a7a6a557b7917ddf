#include "app/import.h"

#include "object/decode.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::app;
using nlohmann::json;

namespace {

std::vector<json> objects(std::string_view yaml) {
  std::vector<json> out;
  auto manifests = decode_file("test.yaml", yaml);
  REQUIRE(manifests);
  for (auto& manifest : *manifests) out.push_back(std::move(manifest.body));
  return out;
}

json kustomization(const std::string& spec) {
  return {{"apiVersion", "kustomize.toolkit.fluxcd.io/v1"},
          {"kind", "Kustomization"},
          {"metadata", {{"name", "apps"}, {"namespace", "flux-system"}}},
          {"spec", json::parse(spec)}};
}

json application(const std::string& spec, const json& metadata = json::object()) {
  json out = {{"apiVersion", "argoproj.io/v1alpha1"},
              {"kind", "Application"},
              {"metadata", {{"name", "web"}, {"namespace", "argocd"}}},
              {"spec", json::parse(spec)}};
  out["metadata"].merge_patch(metadata);
  return out;
}

bool noted(const Imported& imported, std::string_view part) {
  return std::ranges::any_of(imported.notes, [&](const auto& note) { return note.find(part) != std::string::npos; });
}

/// The last one written.
Imported flux_sync(const std::string& spec) { return import_flux({kustomization(spec)}).back(); }
Imported argo_sync(const std::string& spec) { return import_argo({application(spec)}).back(); }

} // namespace

TEST_CASE("Flux's GitRepository and Kustomization become a GitRepository and a GitSync", "[app][import]") {
  const auto out = import_flux(objects(R"(
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system, labels: {a: b}}
spec:
  url: https://example.com/fleet.git
  interval: 1m
  timeout: 30s
  ref: {branch: main}
  secretRef: {name: fleet-auth}
  ignore: "*.md"
  verify: {mode: head, secretRef: {name: keys}, other: 1}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  sourceRef: {kind: GitRepository, name: fleet}
  path: /apps/prod
  interval: 10m
  retryInterval: 1m
  prune: true
  wait: true
  timeout: 3m
  suspend: true
  force: true
  targetNamespace: shop
  dependsOn: [{name: infra}, {name: other, namespace: elsewhere}, {name: db, readyExpr: dep.status.objects > 1}]
  healthCheckExprs: [{apiVersion: example.com/v1, kind: Widget, current: status.ok}]
  postBuild: {substitute: {a: b}}
)"));
  REQUIRE(out.size() == 2);
  CHECK(out[0].object == json::parse(R"({"apiVersion": "gitops.volaticloud.com/v1alpha1", "kind": "GitRepository",
    "metadata": {"name": "fleet", "namespace": "flux-system"},
    "spec": {"url": "https://example.com/fleet.git", "interval": "1m", "timeout": "30s", "ref": {"branch": "main"}, "secretRef": {"name": "fleet-auth"},
             "verify": {"mode": "HEAD", "secretRef": {"name": "keys"}}}})"));
  CHECK(noted(out[0], "spec.ignore: has no counterpart"));
  CHECK(noted(out[0], "every key of Secret keys"));
  CHECK(noted(out[0], "spec.verify.other"));
  CHECK(noted(out[0], "tls.crt"));
  json expected = json::parse(
      R"({"sourceRef": {"name": "fleet"}, "path": "apps/prod", "interval": "10m", "suspend": true, "targetNamespace": "shop",
    "prune": {"enabled": true}, "deletionPolicy": "Delete",
    "health": {"wait": true, "timeout": "3m", "healthChecks": [{"apiVersion": "example.com/v1", "kind": "Widget", "current": "status.ok"}]},
    "dependsOn": [{"name": "infra"}, {"name": "db", "readyExpr": "dep.status.objects > 1"}]})");
  CHECK(out[1].object["spec"] == expected);
  for (const auto* part :
       {"spec.retryInterval: has no counterpart", "spec.postBuild: has no counterpart", "spec.force: annotate",
        "elsewhere/other is left out", "readyExpr", "kustomization.yaml", "spec.targetNamespace"}) {
    INFO(part);
    CHECK(noted(out[1], part));
  }
  for (const auto& each : out) CHECK_FALSE(noted(each, "would refuse"));
}

TEST_CASE("refs of Flux: one is chosen as Flux does, ranges are told", "[app][import]") {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"branch": "main", "tag": "v1"})", R"({"tag": "v1"})"},
      {R"({"branch": "main", "commit": "0123456789012345678901234567890123456789"})",
       R"({"commit": "0123456789012345678901234567890123456789"})"},
      {R"({"name": "refs/heads/x", "tag": "v1"})", R"({"name": "refs/heads/x"})"},
      {R"({"semver": ">=1", "tag": "v1"})", "null"},
      {"null", R"({"branch": "master"})"}};
  for (const auto& [from, to] : rows) {
    INFO(from);
    json source = {{"apiVersion", "source.toolkit.fluxcd.io/v1"},
                   {"kind", "GitRepository"},
                   {"metadata", {{"name", "a"}, {"namespace", "b"}}}};
    source["spec"] = {{"url", "https://example.com/a"}};
    if (const auto ref = json::parse(from); !ref.is_null()) source["spec"]["ref"] = ref;
    const auto out = import_flux({source});
    CHECK(out.at(0).object["spec"].value("ref", json()) == json::parse(to));
    CHECK(noted(out[0], "semver") == (json::parse(from).is_object() && json::parse(from).contains("semver")));
  }
}

TEST_CASE("pruning and deletion of Flux keep their meaning", "[app][import]") {
  struct Row {
    const char* spec;
    bool prune;
    const char* policy;
  };
  for (const auto& [spec, prune, policy] : {Row{R"("prune": true)", true, "Delete"},
                                            {R"("prune": false)", false, "Orphan"},
                                            {R"("prune": true, "deletionPolicy": "Orphan")", true, "Orphan"},
                                            {R"("prune": false, "deletionPolicy": "Delete")", false, "Delete"},
                                            {R"("prune": false, "deletionPolicy": "MirrorPrune")", false, "Orphan"}}) {
    INFO(spec);
    const auto out = flux_sync(std::string(R"({"sourceRef": {"kind": "GitRepository", "name": "a"}, )") + spec + "}");
    CHECK(out.object["spec"]["prune"]["enabled"] == prune);
    CHECK(out.object["spec"]["deletionPolicy"] == policy);
    CHECK(out.object["spec"]["health"]["wait"] == false);
  }
}

TEST_CASE("a source of Flux in another namespace is written beside the GitSync, and other kinds of source are told",
          "[app][import]") {
  const json source = {{"apiVersion", "source.toolkit.fluxcd.io/v1"},
                       {"kind", "GitRepository"},
                       {"metadata", {{"name", "fleet"}, {"namespace", "sources"}}},
                       {"spec", {{"url", "https://example.com/a"}, {"secretRef", {{"name", "auth"}}}}}};
  const auto out = import_flux(
      {kustomization(R"({"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "sources"}})"), source});
  REQUIRE(out.size() == 3);
  CHECK(out[0].object["metadata"]["namespace"] == "sources");
  CHECK(out[1].object["metadata"]["namespace"] == "flux-system");
  CHECK(noted(out[1], "copy Secret sources/auth to namespace flux-system"));
  CHECK_FALSE(noted(out[2], "spec.sourceRef.namespace"));
  CHECK(noted(flux_sync(R"({"sourceRef": {"kind": "GitRepository", "name": "a", "namespace": "sources"}})"),
              "spec.sourceRef.namespace"));
  const auto bucket = flux_sync(R"({"sourceRef": {"kind": "Bucket", "name": "a"}})");
  CHECK(bucket.object.is_null());
  CHECK(noted(bucket, "nothing is written"));
}

TEST_CASE("Argo CD's Application becomes a GitRepository and a GitSync", "[app][import]") {
  const auto out = import_argo({application(R"({
    "project": "team", "source": {"repoURL": "https://example.com/team/Shop.git", "targetRevision": "main", "path": "deploy", "directory": {"recurse": true}},
    "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
    "syncPolicy": {"automated": {"prune": true, "selfHeal": true, "allowEmpty": true},
                   "syncOptions": ["CreateNamespace=true", "ServerSideApply=true", "Replace=true", "Validate=false"], "retry": {"limit": 3}},
    "ignoreDifferences": [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"],
                           "jqPathExpressions": [".spec.template.spec.containers[] | select(.name == \"api\") | .image", "to_entries"],
                           "managedFieldsManagers": ["hpa"]}],
    "revisionHistoryLimit": 3})",
                                            {{"finalizers", {"resources-finalizer.argocd.argoproj.io"}}})});
  REQUIRE(out.size() == 2);
  CHECK(out[0].object["metadata"] == json({{"name", "shop"}, {"namespace", "argocd"}}));
  CHECK(out[0].object["spec"] == json({{"url", "https://example.com/team/Shop.git"}, {"ref", {{"branch", "main"}}}}));
  CHECK(noted(out[0], "is taken for a branch"));
  CHECK(noted(out[0], "sshPrivateKey"));
  CHECK(out[1].object["spec"] == json::parse(R"({"sourceRef": {"name": "shop"}, "path": "deploy", "targetNamespace": "shop",
    "drift": {"mode": "Correct", "ignore": [{"target": {"group": "apps", "kind": "Deployment"},
       "paths": ["/spec/replicas", ".spec.template.spec.containers[] | select(.name == \"api\") | .image"], "managers": ["hpa"]}]},
    "prune": {"enabled": true, "allowEmpty": true}, "deletionPolicy": "Delete"})"));
  for (const auto* part :
       {"CreateNamespace=true: declare", "Replace=true: annotate", "Validate=false: has no counterpart", "spec.project: team",
        "to_entries", "spec.syncPolicy.retry: has no counterpart", "spec.revisionHistoryLimit: has no counterpart"}) {
    INFO(part);
    CHECK(noted(out[1], part));
  }
  CHECK_FALSE(noted(out[1], "ServerSideApply"));
  for (const auto& each : out) CHECK_FALSE(noted(each, "would refuse"));
}

TEST_CASE("policies of Argo CD keep their meaning", "[app][import]") {
  struct Row {
    const char *policy, *drift;
    bool prune, approval;
    const char* deletion = "Orphan"; // no finalizer: its objects stay
  };
  for (const auto& row :
       {Row{R"({"automated": {"prune": true, "selfHeal": true}})", "Correct", true, false},
        Row{R"({"automated": {}})", "Report", false, false}, Row{"{}", "Report", false, true},
        Row{"null", "Report", false, true},
        Row{R"({"automated": {"enabled": false, "prune": true, "selfHeal": true}})", "Report", false, true}}) {
    INFO(row.policy);
    const auto spec = argo_sync(std::string(R"({"source": {"repoURL": "https://example.com/a", "path": "."}, "syncPolicy": )") +
                                row.policy + "}")
                          .object["spec"];
    CHECK(spec["drift"]["mode"] == row.drift);
    CHECK(spec["prune"]["enabled"] == row.prune);
    CHECK(spec.contains("approval") == row.approval);
    CHECK(spec["deletionPolicy"] == row.deletion);
  }
}

TEST_CASE("what an Application has that a GitSync cannot do is told, and nothing half is written", "[app][import]") {
  for (const auto* source : {R"("source": {"repoURL": "https://charts.example.com", "chart": "redis"})",
                             R"("sources": [{"repoURL": "https://a"}, {"repoURL": "https://b"}])", R"("project": "x")"}) {
    INFO(source);
    const auto out = argo_sync(std::string("{") + source + "}");
    CHECK(out.object.is_null());
    CHECK(noted(out, "nothing is written"));
  }
  const auto out = argo_sync(
      R"({"sources": [{"repoURL": "https://example.com/a", "path": "x", "helm": {"values": "secret"}, "kustomize": {}, "plugin": {}}],
    "destination": {"name": "prod"}})");
  CHECK(out.object["spec"]["path"] == "x");
  for (const auto* part : {"spec.source.helm", "spec.source.kustomize", "spec.source.plugin", "prod is another cluster"})
    CHECK(noted(out, part));
  CHECK_FALSE(noted(out, "secret")); // values are not quoted
}

TEST_CASE("Applications of one repository share a source where the revision is the same, and names don't collide",
          "[app][import]") {
  const auto of = [](const char* url, const char* revision) {
    return application(std::string(R"({"source": {"repoURL": ")") + url + R"(", "path": ".", "targetRevision": ")" + revision +
                       "\"}}");
  };
  const auto out = import_argo({of("https://example.com/shop", "HEAD"), of("https://example.com/shop", "HEAD"),
                                of("https://example.com/shop", "v1.2.3"), of("git@example.org:other/shop.git", "refs/heads/x"),
                                of("https://example.com/_/", "1.*")});
  REQUIRE(out.size() == 4 + 5);
  const char* names[] = {"shop", "shop-2", "shop-3", "source"};
  for (size_t i = 0; i < 4; ++i) CHECK(out[i].object["metadata"]["name"] == names[i]);
  CHECK_FALSE(out[0].object["spec"].contains("ref"));
  CHECK(out[1].object["spec"]["ref"]["tag"] == "v1.2.3");
  CHECK(out[2].object["spec"]["ref"]["name"] == "refs/heads/x");
  CHECK(noted(out[3], "ranges"));
  CHECK(out[5].object["spec"]["sourceRef"]["name"] == "shop");
}

TEST_CASE("anything is imported without a crash, what would be refused is said, and a note stays a comment", "[app][import]") {
  for (const auto& object : {json(), json::array(), json(7), json{{"kind", "Application"}, {"apiVersion", "argoproj.io/v1"}},
                             json{{"kind", "Kustomization"}, {"apiVersion", "kustomize.toolkit.fluxcd.io/v1"}, {"spec", 3}}}) {
    import_flux({object});
    import_argo({object});
  }
  const auto out =
      import_argo({application(R"({"source": {"repoURL": "https://user:pa55word@example.com/a", "path": "../x"}})")});
  CHECK(noted(out[0], "would refuse"));
  CHECK(noted(out[1], "would refuse"));
  const auto text = imported_yaml({{nullptr, {"a\nkind: Secret"}}});
  CHECK(text == "# a kind: Secret\n");
  const auto documents = decode_file(
      "out.yaml",
      imported_yaml(import_argo({application(R"({"source": {"repoURL": "https://example.com/a", "path": "x"}})")})));
  REQUIRE(documents);
  CHECK(documents->size() == 2);
  CHECK(imported_list(out)["items"].size() == 2);
}
