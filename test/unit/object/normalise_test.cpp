#include "object/decode.h"
#include "object/normalise.h"
#include "support/catch.h"

using namespace gitsync;
using nlohmann::json;

namespace {

Manifest manifest(const std::string& text) {
  auto result = decode_file("f.yaml", text);
  REQUIRE(result);
  REQUIRE(result->size() == 1);
  return std::move(result->front());
}

} // namespace

TEST_CASE("normalise: what is sent", "[normalise]") {
  struct Row {
    const char* what;
    const char* text;
    const char* body; // as JSON; nullptr: refused
  };
  const Row rows[] = {
      {"plain objects stay", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}",
       R"({"apiVersion":"v1","data":{"k":"v"},"kind":"ConfigMap","metadata":{"name":"a"}})"},
      {"status and server metadata go",
       "{apiVersion: v1, kind: Pod, metadata: {name: a, uid: u, resourceVersion: '1', generation: 1, selfLink: x, "
       "creationTimestamp: x, deletionTimestamp: x, "
       "deletionGracePeriodSeconds: 1, managedFields: [], labels: {a: b}}, status: {phase: x}, spec: {status: kept}}",
       R"({"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"a":"b"},"name":"a"},"spec":{"status":"kept"}})"},
      {"nulls in mappings go, in lists stay",
       "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: ~}, spec: {a: ~, b: {c: ~}, d: [~, {e: ~}], f: []}}",
       R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"b":{},"d":[null,{}],"f":[]}})"},
      {"stringData wins over data",
       "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: b2xk, b: b2xk}, stringData: {a: new}}",
       R"({"apiVersion":"v1","data":{"a":"bmV3","b":"b2xk"},"kind":"Secret","metadata":{"name":"a"}})"},
      {"stringData alone", "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: ''}}",
       R"({"apiVersion":"v1","data":{"a":""},"kind":"Secret","metadata":{"name":"a"}})"},
      {"empty stringData", "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {}}",
       R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}})"},
      {"null stringData", "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: ~}",
       R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}})"},
      {"base64 with line ends", "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: \"b2\\nxk\\n\"}}",
       R"({"apiVersion":"v1","data":{"a":"b2\nxk\n"},"kind":"Secret","metadata":{"name":"a"}})"},
      {"a number in stringData", "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: 1}}", nullptr},
      {"plain text in data", "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: 'not base64!'}}", nullptr},
      {"data is a list", "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: [a]}", nullptr},
      {"somebody else's Secret", "{apiVersion: x.io/v1, kind: Secret, metadata: {name: a}, stringData: {a: 1}}",
       R"({"apiVersion":"x.io/v1","kind":"Secret","metadata":{"name":"a"},"stringData":{"a":1}})"},
      {"aggregated ClusterRole",
       "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a}, aggregationRule: {x: z}, rules: []}",
       R"({"aggregationRule":{"x":"z"},"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"a"}})"},
      {"plain ClusterRole",
       "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a}, aggregationRule: ~, rules: []}",
       R"({"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"a"},"rules":[]})"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    Manifest object = manifest(row.text);
    const auto result = normalise(object);
    REQUIRE(result.has_value() == (row.body != nullptr));
    if (!result) {
      CHECK(result.error().text().starts_with("GS211 f.yaml:1: Secret a: "));
      continue;
    }
    CHECK(object.body.dump() == row.body);
    const json once = object.body;
    REQUIRE(normalise(object)); // what is normalised stays as it is
    CHECK(object.body == once);
  }
}

TEST_CASE("normalise never quotes a secret's value", "[normalise]") {
  for (const char* text : {"{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: 'hunter2!'}}",
                           "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: [hunter2!]}}"}) {
    Manifest object = manifest(text);
    const auto result = normalise(object);
    REQUIRE_FALSE(result);
    CHECK(result.error().message.find("hunter2") == std::string::npos);
    CHECK(result.error().message.find("ata.a") != std::string::npos);
  }
}

TEST_CASE("set_namespace", "[normalise]") {
  struct Row {
    const char* written; // in metadata; "" for none
    bool namespaced;
    const char* target;
    const char* result; // nullptr: refused
  };
  const Row rows[] = {{"", true, "", "default"},
                      {"", true, "shop", "shop"},
                      {"own", true, "shop", "own"},
                      {"", false, "shop", ""},
                      {"own", false, "shop", nullptr}};
  for (const auto& row : rows) {
    INFO(row.written << " " << row.namespaced << " " << row.target);
    Manifest object = manifest(std::string("{apiVersion: v1, kind: X, metadata: {name: a, namespace: '") + row.written + "'}}");
    const auto result = set_namespace(object, row.namespaced, row.target);
    REQUIRE(result.has_value() == (row.result != nullptr));
    if (!result) {
      CHECK(result.error().text() == "GS214 f.yaml:1: X own/a: the kind is cluster-scoped: remove metadata.namespace");
      continue;
    }
    CHECK(object.ref.ns == row.result);
    CHECK(object.body["metadata"].value("namespace", "") == row.result);
    CHECK(object.body["metadata"].contains("namespace") == row.namespaced);
  }
}
