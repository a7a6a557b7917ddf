#include "object/order.h"

namespace gitsync {

Stage stage_of(const GroupKind& kind) {
  if (kind.group.empty() && kind.kind == "Namespace") return Stage::Definitions;
  if (kind.group == "apiextensions.k8s.io" && kind.kind == "CustomResourceDefinition") return Stage::Definitions;
  // The whole group decides over other requests: webhook configurations, admission policies and their bindings.
  if (kind.group == "admissionregistration.k8s.io") return Stage::Admission;
  if (kind.group == "apiregistration.k8s.io" && kind.kind == "APIService") return Stage::Admission;
  return Stage::Everything;
}

} // namespace gitsync
