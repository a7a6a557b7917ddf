#include "object/field_pattern.h"

#include "support/catch.h"

using namespace gitsync;
using nlohmann::json;

namespace {

const json deployment = json::parse(R"({
  "apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "api", "labels": {"app": "api"}, "annotations": {"a/b": "1", "c.d": "2"}},
  "spec": {"replicas": 3, "paused": false, "template": {"spec": {"containers": [
    {"name": "api", "image": "api:1", "ports": [{"containerPort": 80, "protocol": "TCP"}]},
    {"name": "proxy", "image": "proxy:1", "env": [{"name": "X", "value": "1"}]}]}}}})");

json without(std::string_view text) {
  json out = deployment;
  const auto pattern = FieldPattern::parse(text);
  INFO(text << ": " << (pattern ? "" : pattern.error().message));
  REQUIRE(pattern);
  CHECK(pattern->text() == text);
  CHECK(pattern->erase(out) == (out != deployment));
  return out;
}

/// The JSON pointers that are gone.
std::vector<std::string> erased(std::string_view text) {
  std::vector<std::string> out;
  for (const auto& change : json::diff(deployment, without(text)))
    if (change["op"] == "remove") out.push_back(change["path"]);
  return out;
}

} // namespace

TEST_CASE("a field is named by a JSON pointer or as jq writes it", "[object][pattern]") {
  using Paths = std::vector<std::string>;
  const std::string containers = "/spec/template/spec/containers";
  const std::pair<std::string_view, Paths> table[] = {
      {"/spec/replicas", {"/spec/replicas"}},
      {"/spec/nothing", {}},
      {"/spec/replicas/deeper", {}},
      {"/metadata/annotations/a~1b", {"/metadata/annotations/a~1b"}},
      {"/spec/template/spec/containers/1/image", {containers + "/1/image"}},
      {"/spec/template/spec/containers/7/image", {}},
      {"/spec/template/spec/containers/[name=proxy]/image", {containers + "/1/image"}},
      {"/spec/template/spec/containers/[name=none]/image", {}},
      {"/spec/template/spec/containers/*/image", {containers + "/1/image", containers + "/0/image"}},
      {"/spec/template/spec/containers/[name=api]/ports/[containerPort=80,protocol=TCP]/protocol",
       {containers + "/0/ports/0/protocol"}},
      {".spec.replicas", {"/spec/replicas"}},
      {".spec[\"replicas\"]", {"/spec/replicas"}},
      {".[\"spec\"].replicas", {"/spec/replicas"}},
      {".metadata.annotations[\"c.d\"]", {"/metadata/annotations/c.d"}},
      {".spec.template.spec.containers[0].image", {containers + "/0/image"}},
      {".spec.template.spec.containers[].image", {containers + "/1/image", containers + "/0/image"}},
      {".spec.template.spec.containers[] | select(.name == \"proxy\") | .image", {containers + "/1/image"}},
      {".spec.template.spec.containers[]|select(.name==\"proxy\").image", {containers + "/1/image"}},
      {".spec.template.spec.containers[] | select(.name == \"proxy\") | select(.image == \"other\") | .image", {}},
      {".spec.template.spec.containers[] | select(.name == \"api\") | .ports[] | select(.containerPort == 80)",
       {containers + "/0/ports/0"}},
  };
  for (const auto& [text, paths] : table) {
    INFO(text);
    auto found = erased(text);
    auto wanted = paths;
    std::ranges::sort(found);
    std::ranges::sort(wanted);
    CHECK(found == wanted);
  }
}

TEST_CASE("what no field is named by is refused, and so is what the object is known by", "[object][pattern]") {
  const std::pair<std::string, std::string_view> table[] = {
      {"", "must begin with / (a JSON pointer) or . (a path as jq writes it)"},
      {"spec.replicas", "must begin with"},
      {"/", "has an empty step"},
      {"/spec//replicas", "has an empty step"},
      {"/spec/a~2", "has a ~ that is neither"},
      {"/spec/a~", "has a ~ that is neither"},
      {"/spec/[name]", "should be [key=value]"},
      {".", "at character 2"},
      {".spec..replicas", "at character 7"},
      {".spec | map(.x)", "at character 9"},
      {".spec[-1]", "at character 10"},
      {".spec[", "at character 7"},
      {".spec.a[] | select(.name != \"x\")", "at character 26"},
      {".spec | select(.name == \"x\")", "does not follow []"},
      {".spec; import \"x\"", "at character 6"},
      {"/apiVersion", "known by"},
      {"/kind", "known by"},
      {"/*", "known by"},
      {".metadata", "known by"},
      {"/metadata/name", "known by"},
      {".metadata[\"namespace\"]", "known by"},
      {"/metadata/*", "known by"},
      {"/metadata/labels", "known by"},
      {"/metadata/labels/*", "known by"},
      {"/metadata/labels/gitops.volaticloud.com~1sync", "known by"},
      {"/metadata/annotations/gitops.volaticloud.com~1sync-name", "known by"},
      {"/" + std::string(2000, 'a'), "is longer than 1024 characters"},
      {std::string("/a") +
           [] {
             std::string s;
             for (int i = 0; i < 100; ++i) s += "/a";
             return s;
           }(),
       "more than 64 steps"},
  };
  for (const auto& [text, part] : table) {
    INFO(text);
    const auto pattern = FieldPattern::parse(text);
    REQUIRE_FALSE(pattern);
    INFO(pattern.error().message);
    CHECK(pattern.error().message.starts_with('"'));
    CHECK(pattern.error().message.find(part) != std::string::npos);
  }
}

TEST_CASE("any text is taken without throwing", "[object][pattern]") {
  const std::string alphabet = "./[]()|\"= ~*aselct0\\{";
  uint64_t state = 42;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = i % 2 ? "." : "/";
    for (int n = 0; n < i % 23; ++n) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      text += alphabet[(state >> 33) % alphabet.size()];
    }
    if (auto pattern = FieldPattern::parse(text)) {
      json copy = deployment;
      pattern->erase(copy);
      CHECK(copy.contains("kind"));
    }
  }
}

TEST_CASE("ownership of the same fields can be given up", "[object][pattern]") {
  const json fields = json::parse(R"({"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
    "k:{\"name\":\"api\"}": {".": {}, "f:name": {}, "f:image": {}},
    "k:{\"name\":\"proxy\"}": {"f:image": {}}}}}}})");
  const auto left = [&](std::string_view text) {
    json out = fields;
    const bool any = FieldPattern::parse(text)->disown(out, deployment);
    CHECK(any == (out != fields));
    return out;
  };
  CHECK_FALSE(left("/spec/replicas")["f:spec"].contains("f:replicas"));
  CHECK(left("/spec/nothing") == fields);
  const json one = left("/spec/template/spec/containers/[name=proxy]/image");
  // Left empty, the item would say that all of it is owned.
  CHECK(one["f:spec"]["f:template"]["f:spec"]["f:containers"].size() == 1);
  const json all = left(".spec.template.spec.containers[].image");
  CHECK(all["f:spec"]["f:template"]["f:spec"]["f:containers"] ==
        json::parse(R"({"k:{\"name\":\"api\"}": {".": {}, "f:name": {}}})"));
  CHECK(left("/spec/template/spec/containers/0").dump().find("api") == std::string::npos);
  CHECK_FALSE(left("/spec").contains("f:spec"));
}
