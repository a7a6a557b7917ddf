#include "app/render.h"

#include "api/names.h"
#include "base/text.h"
#include "object/decode.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::app;
using nlohmann::json;

namespace {

/// Renders files as they would lie in a directory.
std::expected<Rendered, std::vector<Error>> render_files(const std::map<std::string, std::string>& files,
                                                         const RenderOptions& options = {}) {
  std::vector<Manifest> manifests;
  std::vector<Error> errors;
  for (const auto& [name, text] : files) {
    auto decoded = decode_file(name, text);
    if (decoded)
      std::ranges::move(*decoded, std::back_inserter(manifests));
    else
      std::ranges::move(decoded.error(), std::back_inserter(errors));
  }
  return render(std::move(manifests), std::move(errors), options);
}

std::string object(std::string_view api_version, std::string_view kind, std::string_view metadata) {
  return cat("apiVersion: ", api_version, "\nkind: ", kind, "\nmetadata: {", metadata, "}\n");
}

constexpr std::string_view widgets = R"(apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {kind: Widget, plural: widgets}
  versions: [{name: v1}]
)";

} // namespace

TEST_CASE("what is applied is printed in the order of applying") {
  const auto rendered =
      render_files({{"a.yaml", object("v1", "ConfigMap", "name: a") + "data: {k: null, on: yes}\nstatus: {x: 1}\n"},
                    {"b.yaml", object("v1", "Namespace", "name: shop, uid: x")}});
  REQUIRE(rendered);
  CHECK(rendered->notes.empty());
  CHECK(rendered_text(*rendered, Output::Yaml) == R"(---
# b.yaml:1
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
# a.yaml:1
apiVersion: v1
data:
  "true": true
kind: ConfigMap
metadata:
  name: a
  namespace: default
)");
}

TEST_CASE("both outputs are read back as what was rendered") {
  const auto rendered = render_files(
      {{"a.yaml", object("v1", "ConfigMap", "name: a, labels: {v: '1.0', y: 'yes'}") + "data: {text: \"two\\nlines\\n\"}\n"},
       {"b.yml", object("v1", "Namespace", "name: shop")}});
  REQUIRE(rendered);
  for (const auto& [file, output] : {std::pair{"out.yaml", Output::Yaml}, std::pair{"out.json", Output::Json}}) {
    const auto again = render_files({{file, rendered_text(*rendered, output)}});
    REQUIRE(again);
    CHECK(rendered_text(*again, Output::Json) == rendered_text(*rendered, Output::Json));
  }
  CHECK(rendered_text({}, Output::Json) == "[]\n");
  CHECK(rendered_text({}, Output::Yaml).empty());
}

TEST_CASE("an owner adds its label and annotation; nobody adds none") {
  const std::map<std::string, std::string> files = {{"a.yaml", object("v1", "ConfigMap", "name: a, labels: {mine: x}")}};
  const auto owned = render_files(files, {.owner = "shop/api"});
  REQUIRE(owned);
  const auto& metadata = owned->objects.at(0).body["metadata"];
  CHECK(metadata["labels"] == json{{"mine", "x"}, {api::owner_label_key, api::owner_label("shop", "api")}});
  CHECK(metadata["annotations"] == json{{api::owner_annotation_key, "shop/api"}});

  const auto plain = render_files(files);
  REQUIRE(plain);
  CHECK(plain->objects.at(0).body["metadata"] == json{{"name", "a"}, {"namespace", "default"}, {"labels", {{"mine", "x"}}}});
}

TEST_CASE("the target namespace is a default") {
  const auto rendered = render_files(
      {{"a.yaml", object("v1", "ConfigMap", "name: a") + "---\n" + object("v1", "ConfigMap", "name: b, namespace: own") +
                      "---\n" + object("v1", "Namespace", "name: c")}},
      {.target_namespace = "shop"});
  REQUIRE(rendered);
  std::vector<std::string> namespaces;
  for (const auto& one : rendered->objects) namespaces.push_back(one.body["metadata"].value("namespace", "-"));
  CHECK(namespaces == std::vector<std::string>{"-", "shop", "own"});
}

TEST_CASE("a definition in the directory tells the scope, wherever it stands") {
  const auto rendered =
      render_files({{"a.yaml", object("example.com/v1", "Widget", "name: w")}, {"z.yaml", std::string(widgets)}});
  REQUIRE(rendered);
  CHECK(rendered->notes.empty());
  REQUIRE(rendered->objects.size() == 2);
  CHECK(rendered->objects[0].body["kind"] == "CustomResourceDefinition");
  CHECK(rendered->objects[1].body["metadata"] == json{{"name", "w"}});
}

TEST_CASE("an unknown kind is assumed to be namespaced, and said so once") {
  const auto rendered = render_files(
      {{"a.yaml", object("example.com/v1", "Widget", "name: w") + "---\n" + object("example.com/v1", "Widget", "name: v")},
       {"b.yaml", object("apps/v1", "Deploymnt", "name: d")}});
  REQUIRE(rendered);
  CHECK(rendered->notes ==
        std::vector<std::string>{
            "b.yaml:1: Deploymnt.apps default/d: Kubernetes has no Deploymnt in apps that can be applied, as far as is "
            "known offline: check the spelling",
            "a.yaml:1: Widget.example.com default/w: no CustomResourceDefinition for it was read: taken as namespaced"});
  REQUIRE(rendered->objects.size() == 3);
  for (const auto& one : rendered->objects) CHECK(one.body["metadata"]["namespace"] == "default");
}

TEST_CASE("everything that is wrong is told with file and line") {
  struct Row {
    const char* name;
    std::string text;
    Code code;
    const char* begins;
  };
  const auto row = GENERATE(values<Row>({
      {"a.yaml", "kind: ConfigMap\nkind: Secret\n", Code::YamlDuplicateKey, "a.yaml:2: "},
      {"a.yaml", "# x\n\nkind: [\n", Code::YamlSyntax, "a.yaml:"},
      {"a.yaml", "apiVersion: v1\nmetadata: {name: a}\n", Code::InvalidManifest, "a.yaml:1: "},
      {"a.yaml", object("v1", "ConfigMap", "name: 1"), Code::InvalidManifest, "a.yaml:1: "},
      {"a.yaml", object("v1", "Namespace", "name: a, namespace: b"), Code::InvalidScope, "a.yaml:1: Namespace b/a"},
      {"a.yaml", object("v1", "ConfigMap", "name: a") + "---\n" + object("v1", "ConfigMap", "name: a, namespace: default"),
       Code::DuplicateObject, "a.yaml:5: ConfigMap default/a is declared already at a.yaml:1"},
      {"a.yaml", object("v1", "Secret", "name: a") + "stringData: {k: 1}\n", Code::InvalidManifest,
       "a.yaml:1: Secret a: stringData.k"},
      {"a.yaml", "a: &a [*a]\n", Code::YamlBudget, "a.yaml:1: "},
      {"a.json", "{\"a\": }", Code::YamlSyntax, "a.json:1: "},
  }));
  CAPTURE(row.text);
  const auto rendered = render_files({{row.name, row.text}, {"good.yaml", object("v1", "ConfigMap", "name: good")}});
  REQUIRE(!rendered);
  REQUIRE(rendered.error().size() == 1);
  CAPTURE(rendered.error()[0].text());
  CHECK(rendered.error()[0].code == row.code);
  CHECK(rendered.error()[0].message.starts_with(row.begins));
}

TEST_CASE("errors of reading and of preparing come together") {
  const auto rendered = render_files({{"a.yaml", "a: [\n"}, {"b.yaml", object("v1", "Namespace", "name: a, namespace: b")}});
  REQUIRE(!rendered);
  CHECK(rendered.error().size() == 2);
}
