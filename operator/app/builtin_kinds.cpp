#include "app/builtin_kinds.h"

#include "api/names.h"

#include <algorithm>
#include <array>

namespace gitsync::app {
namespace {

struct Group {
  std::string_view name;
  std::string_view namespaced, cluster; // kinds, each with a space before and behind it
};

constexpr auto groups = std::to_array<Group>({
    {"",
     " ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController "
     "ResourceQuota Secret Service ServiceAccount ",
     " Namespace Node PersistentVolume "},
    {"admissionregistration.k8s.io", "",
     " MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration "
     "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration "},
    {"apiextensions.k8s.io", "", " CustomResourceDefinition "},
    {"apiregistration.k8s.io", "", " APIService "},
    {"apps", " ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet ", ""},
    {"autoscaling", " HorizontalPodAutoscaler ", ""},
    {"batch", " CronJob Job ", ""},
    {"certificates.k8s.io", " PodCertificateRequest ", " CertificateSigningRequest ClusterTrustBundle "},
    {"coordination.k8s.io", " Lease LeaseCandidate ", ""},
    {"discovery.k8s.io", " EndpointSlice ", ""},
    {"events.k8s.io", " Event ", ""},
    {"flowcontrol.apiserver.k8s.io", "", " FlowSchema PriorityLevelConfiguration "},
    {"internal.apiserver.k8s.io", "", " StorageVersion "},
    {"networking.k8s.io", " Ingress NetworkPolicy ", " IPAddress IngressClass ServiceCIDR "},
    {"node.k8s.io", "", " RuntimeClass "},
    {"policy", " PodDisruptionBudget ", ""},
    {"rbac.authorization.k8s.io", " Role RoleBinding ", " ClusterRole ClusterRoleBinding "},
    {"resource.k8s.io", " ResourceClaim ResourceClaimTemplate ", " DeviceClass DeviceTaintRule ResourceSlice "},
    {"scheduling.k8s.io", " Workload ", " PriorityClass "},
    {"storage.k8s.io", " CSIStorageCapacity ", " CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass "},
    {"storagemigration.k8s.io", "", " StorageVersionMigration "},
});

bool has(std::string_view kinds, std::string_view kind) {
  for (size_t at = kinds.find(kind); at != std::string_view::npos; at = kinds.find(kind, at + 1))
    if (kinds[at - 1] == ' ' && kinds[at + kind.size()] == ' ') return true;
  return false;
}

const Group* find(std::string_view name) {
  const auto* found = std::ranges::find(groups, name, &Group::name);
  return found == groups.end() ? nullptr : found;
}

} // namespace

std::optional<bool> builtin_namespaced(std::string_view group, std::string_view kind) {
  if (group == api::api_group && (kind == api::git_sync_kind || kind == api::git_repository_kind)) return true;
  const Group* found = find(group);
  if (!found || kind.empty() || kind.find(' ') != std::string_view::npos) return std::nullopt;
  if (has(found->namespaced, kind)) return true;
  if (has(found->cluster, kind)) return false;
  return std::nullopt;
}

bool is_builtin_group(std::string_view group) { return find(group) != nullptr; }

} // namespace gitsync::app
