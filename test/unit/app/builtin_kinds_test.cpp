#include "app/builtin_kinds.h"

#include "support/catch.h"

using namespace gitsync::app;

TEST_CASE("Kubernetes' kinds are known by heart") {
  struct Row {
    std::string_view group, kind;
    std::optional<bool> namespaced;
  };
  const auto row = GENERATE(values<Row>({
      {"", "ConfigMap", true},
      {"", "Secret", true},
      {"", "ServiceAccount", true},
      {"", "Namespace", false},
      {"", "Node", false},
      {"", "PersistentVolume", false},
      {"", "PersistentVolumeClaim", true},
      {"apps", "Deployment", true},
      {"rbac.authorization.k8s.io", "Role", true},
      {"rbac.authorization.k8s.io", "ClusterRole", false},
      {"rbac.authorization.k8s.io", "ClusterRoleBinding", false},
      {"apiextensions.k8s.io", "CustomResourceDefinition", false},
      {"apiregistration.k8s.io", "APIService", false},
      {"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false},
      {"networking.k8s.io", "Ingress", true},
      {"networking.k8s.io", "IngressClass", false},
      {"storage.k8s.io", "StorageClass", false},
      {"storage.k8s.io", "CSIStorageCapacity", true},
      {"scheduling.k8s.io", "PriorityClass", false},
      {"node.k8s.io", "RuntimeClass", false},
      {"gitops.volaticloud.com", "GitSync", true},
      {"apps", "Deploymnt", std::nullopt},
      {"apps", "ConfigMap", std::nullopt}, // another group's
      {"", "Deployment", std::nullopt},
      {"", "Config", std::nullopt}, // a part of a word is no word
      {"", "Map", std::nullopt},
      {"", "", std::nullopt},
      {"", "ConfigMap Endpoints", std::nullopt},
      {"cert-manager.io", "ClusterIssuer", std::nullopt},
  }));
  CAPTURE(row.group, row.kind);
  CHECK(builtin_namespaced(row.group, row.kind) == row.namespaced);
}

TEST_CASE("Kubernetes' groups") {
  CHECK(is_builtin_group(""));
  CHECK(is_builtin_group("apps"));
  CHECK(is_builtin_group("storage.k8s.io"));
  CHECK(!is_builtin_group("cert-manager.io"));
  CHECK(!is_builtin_group("gateway.networking.k8s.io"));
}
