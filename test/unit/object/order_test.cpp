#include "object/order.h"

#include "support/catch.h"

#include <nlohmann/json.hpp>

using namespace gitsync;
using nlohmann::json;

namespace {

json annotated(const std::string& key, const std::string& value) { return {{"metadata", {{"annotations", {{key, value}}}}}}; }
std::string wave_key() { return std::string(wave_annotation); }
std::string depends_key() { return std::string(depends_on_annotation); }
ObjectRef ref(const std::string& name) { return {"", "ConfigMap", "shop", name}; }

OrderNode node(int line, int wave, const std::vector<std::string>& names) {
  OrderNode out{{"app/all.yaml", line}, {wave, {}}};
  for (const auto& name : names) out.hints.depends_on.push_back(ref(name));
  return out;
}

} // namespace

TEST_CASE("stage_of", "[order]") {
  struct Row {
    GroupKind kind;
    Stage stage;
  };
  const Row rows[] = {
      {{"", "Namespace"}, Stage::Definitions},
      {{"apiextensions.k8s.io", "CustomResourceDefinition"}, Stage::Definitions},
      {{"x.io", "Namespace"}, Stage::Custom}, // somebody else's kind
      {{"", "Secret"}, Stage::Settings},
      {{"", "ServiceAccount"}, Stage::Settings},
      {{"rbac.authorization.k8s.io", "ClusterRole"}, Stage::Settings},
      {{"", "Service"}, Stage::Services},
      {{"apps", "Deployment"}, Stage::Workloads},
      {{"batch", "Job"}, Stage::Workloads},
      {{"networking.k8s.io", "Ingress"}, Stage::Other},
      {{"gateway.networking.k8s.io", "Gateway"}, Stage::Custom},
      {{"cert-manager.io", "Issuer"}, Stage::Custom},
      {{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration"}, Stage::Admission},
      {{"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"}, Stage::Admission},
      {{"apiregistration.k8s.io", "APIService"}, Stage::Admission},
  };
  for (const auto& row : rows) {
    INFO(row.kind.group << " " << row.kind.kind);
    CHECK(stage_of(row.kind) == row.stage);
  }
}

TEST_CASE("an object's annotations tell its wave and what it depends on", "[order]") {
  CHECK(order_hints(json::object())->empty());
  CHECK(order_hints(json(7))->empty());
  CHECK(order_hints(annotated(wave_key(), "0"))->empty());
  CHECK(order_hints(annotated(wave_key(), "-5"))->wave == -5);
  CHECK(order_hints(annotated(wave_key(), "1000"))->wave == 1000);
  for (const char* bad : {"one", "1001", "-1001", "1.5", " 1", "99999999999999999999"}) {
    INFO(bad);
    const auto hints = order_hints(annotated(wave_key(), bad));
    REQUIRE_FALSE(hints);
    CHECK(hints.error().code == Code::InvalidManifest);
    CHECK(hints.error().message.find("whole number") != std::string::npos);
  }
  const auto hints = order_hints(
      annotated(depends_key(),
                "apps/namespaces/shop/Deployment/api, /namespaces/shop/Secret/keys,rbac.authorization.k8s.io/ClusterRole/r, "
                "/Namespace/shop"));
  REQUIRE(hints);
  CHECK(hints->depends_on == std::vector<ObjectRef>{{"apps", "Deployment", "shop", "api"},
                                                    {"", "Secret", "shop", "keys"},
                                                    {"rbac.authorization.k8s.io", "ClusterRole", "", "r"},
                                                    {"", "Namespace", "", "shop"}});
  CHECK(order_hints(annotated(depends_key(), "  "))->empty());
  for (const char* bad :
       {"api", "apps/Deployment", "apps/namespaces/shop/Deployment", "apps/namespace/shop/Deployment/api",
        "apps/namespaces//Deployment/api", "/Namespace/shop,", "a/b/c/d/e/f", "apps/namespaces/shop/De ployment/api"}) {
    INFO(bad);
    const auto refused = order_hints(annotated(depends_key(), bad));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("group/namespaces/namespace/kind/name") != std::string::npos);
  }
}

TEST_CASE("an order that cannot be is refused with file and line", "[order]") {
  const auto all = [](const ObjectRef&) { return true; };
  const auto texts = [](const std::vector<Error>& errors) {
    std::string out;
    for (const auto& error : errors) out += error.message + "\n";
    return out;
  };
  CHECK(order_errors({{ref("a"), node(1, 0, {"b"})}, {ref("b"), node(2, 0, {"c"})}}, all).empty());
  CHECK(order_errors({{ref("a"), node(1, 1, {"b"})}, {ref("b"), node(2, 0, {})}}, all).empty());

  const auto circle =
      order_errors({{ref("a"), node(1, 0, {"b"})}, {ref("b"), node(2, 0, {"c"})}, {ref("c"), node(3, 0, {"a"})}}, all);
  REQUIRE(circle.size() == 1);
  CHECK(texts(circle).find("app/all.yaml:1: ConfigMap shop/a") == 0);
  CHECK(texts(circle).find("ConfigMap shop/a → ConfigMap shop/b → ConfigMap shop/c → ConfigMap shop/a") != std::string::npos);
  CHECK(order_errors({{ref("a"), node(1, 0, {"a"})}}, all).size() == 1);

  const auto missing =
      order_errors({{ref("a"), node(4, 0, {"gone"})}}, [](const ObjectRef& object) { return object == ref("a"); });
  REQUIRE(missing.size() == 1);
  CHECK(texts(missing).find("app/all.yaml:4: ConfigMap shop/a") == 0);
  CHECK(texts(missing).find("ConfigMap shop/gone") != std::string::npos);

  const auto later = order_errors({{ref("a"), node(1, -1, {"b"})}, {ref("b"), node(2, 3, {})}}, all);
  REQUIRE(later.size() == 1);
  CHECK(texts(later).find("later wave 3") != std::string::npos);
  CHECK(order_errors({{ref("a"), node(1, -1, {"b"})}}, all).size() == 1); // b is in wave 0
}
