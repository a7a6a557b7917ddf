#include "plan/prepare.h"

#include "api/names.h"
#include "base/text.h"
#include "object/decode.h"
#include "support/catch.h"

#include <algorithm>

using namespace gitsync;
using nlohmann::json;

namespace {

const Stamp stamp{"shop/web", "label-of-web", "team", "salt"};

/// A server that knows ConfigMap, Deployment, Namespace and CustomResourceDefinition.
std::optional<KindFacts> server(const std::string& group, const std::string& version, const std::string& kind) {
  if (group.empty() && version == "v1" && kind == "ConfigMap") return KindFacts{true};
  if (group == "apps" && version == "v1" && kind == "Deployment") return KindFacts{true};
  if (group.empty() && version == "v1" && kind == "Namespace") return KindFacts{false};
  if (group == "apiextensions.k8s.io" && version == "v1" && kind == "CustomResourceDefinition") return KindFacts{false};
  return {};
}

void add(Preparer& preparer, const std::string& file, const std::string& yaml) {
  auto manifests = decode_file(file, yaml);
  REQUIRE(manifests);
  for (auto& manifest : *manifests) preparer.add(std::move(manifest));
}

std::vector<std::string> codes(const std::vector<Error>& errors) {
  std::vector<std::string> out;
  for (const auto& error : errors) out.emplace_back(code_text(error.code));
  std::ranges::sort(out);
  return out;
}

std::string config(const std::string& name, const std::string& more = "") {
  return "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + more + "}}\n";
}

std::string crd(const std::string& scope, const std::string& versions) {
  return "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.example.com}, spec: "
         "{group: example.com, scope: " +
         scope + ", names: {kind: Widget, plural: widgets}, versions: " + versions + "}}\n";
}
const std::string widget = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}\n";

} // namespace

TEST_CASE("a prepared object is normalised, placed, labelled and annotated", "[plan]") {
  Preparer preparer(stamp, server);
  add(preparer, "a.yaml",
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, uid: x, labels: {tier: front}}\ndata: {k: v, gone: null}\nstatus: "
      "{}\n");
  CHECK_FALSE(preparer.has_unknown_kinds());
  const auto objects = preparer.finish();
  REQUIRE(objects);
  REQUIRE(objects->size() == 1);
  const auto& object = objects->front();
  CHECK(object.ref == ObjectRef{"", "ConfigMap", "team", "a"});
  CHECK(object.version == "v1");
  CHECK(object.at.text() == "a.yaml:1");
  const json expected = {{"apiVersion", "v1"},
                         {"kind", "ConfigMap"},
                         {"metadata",
                          {{"name", "a"},
                           {"namespace", "team"},
                           {"labels", {{"tier", "front"}, {std::string(api::owner_label_key), "label-of-web"}}},
                           {"annotations", {{std::string(api::owner_annotation_key), "shop/web"}}}}},
                         {"data", {{"k", "v"}}}};
  CHECK(json::parse(object.body.json()) == expected);
  CHECK(object.content == digest("salt", object.body.json()));
}

TEST_CASE("an object that claims another owner's label gets ours", "[plan]") {
  Preparer preparer(stamp, server);
  add(preparer, "a.yaml",
      config("a", cat(", labels: {", api::owner_label_key, ": other}, annotations: {", api::owner_annotation_key, ": x/y}")));
  const auto objects = preparer.finish();
  REQUIRE(objects);
  const auto body = json::parse(objects->front().body.json());
  CHECK(body["metadata"]["labels"][std::string(api::owner_label_key)] == "label-of-web");
  CHECK(body["metadata"]["annotations"][std::string(api::owner_annotation_key)] == "shop/web");
}

TEST_CASE("the content tells what changed, not how it is written", "[plan]") {
  const auto content = [](const std::string& yaml, const Stamp& with = stamp) {
    Preparer preparer(with, server);
    add(preparer, "a.yaml", yaml);
    const auto objects = preparer.finish();
    REQUIRE(objects);
    return objects->front().content;
  };
  const auto base = content("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v, l: w}}");
  CHECK(content("# comment\napiVersion: v1\ndata:\n  l: w\n  k: 'v'\nmetadata:\n  name: a\nkind: ConfigMap\n") == base);
  CHECK(content("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, uid: 'x'}, data: {k: v, l: w, m: null}}") == base);
  CHECK(content("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v, l: x}}") != base);
  CHECK(content("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {x: z}}, data: {k: v, l: w}}") != base);
  CHECK(content("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v, l: w}}",
                {"shop/web", "label-of-web", "team", "pepper"}) != base);
}

TEST_CASE("namespaces: default, given, none", "[plan]") {
  struct Row {
    const char* what;
    const char* target;
    const char* yaml;
    const char* ns; // nullptr: refused
  };
  const auto row = GENERATE(values<Row>({
      {"the target", "team", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", "team"},
      {"none given", "", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", "default"},
      {"the object's own", "team", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: own}}", "own"},
      {"cluster-scoped", "team", "{apiVersion: v1, kind: Namespace, metadata: {name: a}}", ""},
      {"cluster-scoped with one", "team", "{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: own}}", nullptr},
  }));
  INFO(row.what);
  Preparer preparer({"shop/web", "l", row.target, "s"}, server);
  add(preparer, "a.yaml", row.yaml);
  const auto objects = preparer.finish();
  REQUIRE(objects.has_value() == (row.ns != nullptr));
  if (row.ns)
    CHECK(objects->front().ref.ns == row.ns);
  else
    CHECK(codes(objects.error()) == std::vector<std::string>{"GS214"});
}

TEST_CASE("all that is wrong is told at once, each with its file and line", "[plan]") {
  Preparer preparer(stamp, server);
  add(preparer, "good.yaml", config("good"));
  add(preparer, "scope.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}");
  add(preparer, "unknown.yaml", "---\n---\n" + widget);
  add(preparer, "one.yaml", config("twice"));
  add(preparer, "two.yaml", "\n\n" + config("twice"));
  preparer.add_error(fail(Code::YamlSyntax, "broken.yaml:1: no").error());
  const auto objects = preparer.finish();
  REQUIRE_FALSE(objects);
  CHECK(codes(objects.error()) == std::vector<std::string>{"GS201", "GS212", "GS213", "GS214"});
  for (const auto& error : objects.error()) {
    INFO(error.text());
    switch (error.code) {
    case Code::DuplicateObject:
      CHECK(error.message.starts_with("two.yaml:3: ConfigMap team/twice "));
      CHECK(error.message.find("one.yaml:1") != std::string::npos);
      break;
    case Code::UnknownKind:
      CHECK(error.message.starts_with("unknown.yaml:3: Widget.example.com "));
      CHECK(error.message.find("example.com/v1 Widget") != std::string::npos);
      CHECK(error.retry == Retry::Backoff); // it may be installed at any time
      break;
    case Code::InvalidScope: CHECK(error.message.starts_with("scope.yaml:1: ")); break;
    default: CHECK(error.message == "broken.yaml:1: no");
    }
  }
}

TEST_CASE("three of the same are two errors, and names differ by what makes an identity", "[plan]") {
  Preparer preparer(stamp, server);
  for (const auto* file : {"1.yaml", "2.yaml", "3.yaml"}) add(preparer, file, config("a"));
  const auto objects = preparer.finish();
  REQUIRE_FALSE(objects);
  CHECK(codes(objects.error()) == std::vector<std::string>{"GS212", "GS212"});

  Preparer other(stamp, server);
  add(other, "a.yaml",
      config("a") + "---\n" + config("a", ", namespace: elsewhere") +
          "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}");
  const auto different = other.finish();
  REQUIRE(different);
  CHECK(different->size() == 3);

  Preparer same(stamp, server); // the default and the same namespace spelled out
  add(same, "a.yaml", config("a") + "---\n" + config("a", ", namespace: team"));
  CHECK_FALSE(same.finish());
}

TEST_CASE("a CustomResourceDefinition of the same revision defines its kinds, wherever it stands", "[plan]") {
  const bool definition_first = GENERATE(true, false);
  const std::string scope = GENERATE("Namespaced", "Cluster");
  Preparer preparer(stamp, server);
  const std::string definition = crd(scope, "[{name: v1}, {name: v2}]");
  add(preparer, "a.yaml", definition_first ? definition : widget);
  CHECK(preparer.has_unknown_kinds() == !definition_first);
  add(preparer, "b.yaml", definition_first ? widget : definition);
  CHECK_FALSE(preparer.has_unknown_kinds());
  const auto objects = preparer.finish();
  REQUIRE(objects);
  REQUIRE(objects->size() == 2);
  for (const auto& object : *objects)
    if (object.ref.kind == "Widget") CHECK(object.ref.ns == (scope == "Cluster" ? "" : "team"));
}

TEST_CASE("a CustomResourceDefinition defines only the versions that it names", "[plan]") {
  Preparer preparer(stamp, server);
  add(preparer, "a.yaml", crd("Namespaced", "[{name: v2}]") + "---\n" + widget);
  CHECK(preparer.has_unknown_kinds());
  const auto objects = preparer.finish();
  REQUIRE_FALSE(objects);
  CHECK(codes(objects.error()) == std::vector<std::string>{"GS213"});
}

TEST_CASE("the revision's scope wins over the server's", "[plan]") {
  const auto namespaced = [](const std::string& group, const std::string& version, const std::string& kind) {
    return group == "example.com" ? std::optional(KindFacts{true}) : server(group, version, kind);
  };
  Preparer preparer(stamp, namespaced);
  add(preparer, "a.yaml", crd("Cluster", "[{name: v1}]") + "---\n" + widget);
  const auto objects = preparer.finish();
  REQUIRE(objects);
  CHECK(objects->back().ref.ns == "");
}

TEST_CASE("odd CustomResourceDefinitions are left to the API server", "[plan]") {
  for (const std::string spec :
       {"", ", spec: null", ", spec: x", ", spec: {}", ", spec: {names: x}", ", spec: {names: {kind: 5}, versions: x}",
        ", spec: {group: [], scope: {}, names: {kind: W}, versions: [1, {}, {name: 2}, null]}",
        ", spec: {group: example.com, names: {}, versions: {}}"}) {
    INFO(spec);
    Preparer preparer(stamp, server);
    add(preparer, "a.yaml",
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: w}" + spec + "}");
    const auto objects = preparer.finish();
    REQUIRE(objects);
    CHECK(objects->size() == 1);
  }
}

TEST_CASE("a kind that was discovered meanwhile is known at the end", "[plan]") {
  Preparer preparer(stamp, server);
  add(preparer, "a.yaml", widget);
  CHECK(preparer.has_unknown_kinds());
  preparer.set_lookup([](const std::string& group, const std::string&, const std::string&) {
    return group == "example.com" ? std::optional(KindFacts{false}) : std::nullopt;
  });
  CHECK_FALSE(preparer.has_unknown_kinds());
  const auto objects = preparer.finish();
  REQUIRE(objects);
  CHECK(objects->front().ref.ns == "");
}

TEST_CASE("labels or annotations that are no mapping are refused with their place", "[plan]") {
  // The decoder refuses them too; this is for whoever makes manifests in another way.
  for (const std::string field : {"labels", "annotations"}) {
    Preparer preparer(stamp, server);
    preparer.add({{"", "ConfigMap", "", "a"},
                  "v1",
                  {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", "a"}, {field, json::array({"x"})}}}},
                  {"a.yaml", 1}});
    const auto objects = preparer.finish();
    REQUIRE_FALSE(objects);
    CHECK(codes(objects.error()) == std::vector<std::string>{"GS211"});
    CHECK(objects.error().front().message.starts_with("a.yaml:1: ConfigMap "));
    CHECK(objects.error().front().message.find("metadata." + field) != std::string::npos);
  }
}

TEST_CASE("nothing in, nothing out", "[plan]") {
  Preparer preparer(stamp, server);
  CHECK_FALSE(preparer.has_unknown_kinds());
  const auto objects = preparer.finish();
  REQUIRE(objects);
  CHECK(objects->empty());
}
