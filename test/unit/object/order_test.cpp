#include "object/order.h"
#include "support/catch.h"

using namespace gitsync;

TEST_CASE("stage_of", "[order]") {
  struct Row {
    GroupKind kind;
    Stage stage;
  };
  const Row rows[] = {
      {{"", "Namespace"}, Stage::Definitions},
      {{"apiextensions.k8s.io", "CustomResourceDefinition"}, Stage::Definitions},
      {{"x.io", "Namespace"}, Stage::Everything}, // somebody else's kind
      {{"", "Secret"}, Stage::Everything},
      {{"apps", "Deployment"}, Stage::Everything},
      {{"rbac.authorization.k8s.io", "ClusterRole"}, Stage::Everything},
      {{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration"}, Stage::Admission},
      {{"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"}, Stage::Admission},
      {{"apiregistration.k8s.io", "APIService"}, Stage::Admission},
  };
  for (const auto& row : rows) {
    INFO(row.kind.group << " " << row.kind.kind);
    CHECK(stage_of(row.kind) == row.stage);
  }
}
