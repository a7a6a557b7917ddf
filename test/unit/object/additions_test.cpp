#include "object/additions.h"

#include "object/fields_v1.h"
#include "support/catch.h"

using namespace gitsync;
using nlohmann::json;

namespace {

constexpr std::string_view us = "gitsync:shop/web";

json entry(std::string_view manager, const json& fields, std::string_view operation = "Update",
           std::string_view subresource = {}) {
  json out = {{"manager", manager},
              {"operation", operation},
              {"apiVersion", "apps/v1"},
              {"fieldsType", "FieldsV1"},
              {"fieldsV1", fields}};
  if (!subresource.empty()) out["subresource"] = subresource;
  return out;
}

const json ours =
    json::parse(R"({"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:selector": {}, "f:template": {"f:spec": {
  "f:containers": {"k:{\"name\":\"api\"}": {".": {}, "f:name": {}, "f:image": {}, "f:resources": {}}}}}}})");

json live_with(const std::vector<json>& others) {
  json live =
      json::parse(R"({"metadata": {"labels": {"app": "api", "team": "x"}}, "spec": {"replicas": 3, "selector": {"app": "api"},
    "template": {"spec": {"containers": [{"name": "api", "image": "api:1", "resources": {"limits": {"cpu": "1"}},
      "env": [{"name": "X", "value": "1"}]}, {"name": "shell", "image": "sh"}]}}}, "status": {"replicas": 3}})");
  live["metadata"]["managedFields"] = json::array({entry(us, ours, "Apply")});
  for (const auto& other : others) live["metadata"]["managedFields"].push_back(other);
  return live;
}

std::vector<std::string> paths(const json& live, const std::vector<FieldPattern>& fields = {},
                               const std::vector<std::string>& managers = {}) {
  std::vector<std::string> out;
  for (const auto& addition : additions(live, us, {fields, managers})) out.push_back(addition.manager + " " + addition.path);
  return out;
}

const json shell = json::parse(R"({"f:spec": {"f:template": {"f:spec": {"f:containers": {
  "k:{\"name\":\"shell\"}": {".": {}, "f:name": {}, "f:image": {}},
  "k:{\"name\":\"api\"}": {"f:env": {".": {}, "k:{\"name\":\"X\"}": {".": {}, "f:name": {}, "f:value": {}}}}}}}}})");
const std::string containers = "/spec/template/spec/containers";

} // namespace

TEST_CASE("an addition is what another manager owns beside our fields", "[object][additions]") {
  using Paths = std::vector<std::string>;
  CHECK(paths(live_with({})).empty());
  CHECK(paths(live_with({entry("mallory", shell)})) ==
        Paths{"mallory " + containers + "/[name=api]/env", "mallory " + containers + "/[name=shell]"});
  CHECK(paths(live_with({entry("mallory", shell, "Apply")})).size() == 2);
  CHECK(paths(live_with({entry("hand", {{"f:spec", {{"f:replicas", json::object()}}}})})) == Paths{"hand /spec/replicas"});
  // Ours as well, below what we own as a whole, gone by now, in metadata or status, through a subresource.
  for (
      const auto* fields :
      {R"({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"api\"}": {"f:image": {}}}}}}})",
       R"({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"api\"}": {"f:resources": {"f:limits": {}}}}}}}})",
       R"({"f:spec": {"f:gone": {}}})", R"({"f:metadata": {"f:labels": {"f:team": {}}}})",
       R"({"f:status": {"f:replicas": {}}})"})
    CHECK(paths(live_with({entry("hand", json::parse(fields))})).empty());
  CHECK(paths(live_with({entry("scaler", {{"f:spec", {{"f:replicas", json::object()}}}}, "Update", "scale")})).empty());
  CHECK(paths(live_with({entry("kube-controller-manager", shell)})).empty());
  // What is to be overlooked.
  CHECK(paths(live_with({entry("mesh", shell)}), {}, {"mesh"}).empty());
  const std::vector<FieldPattern> env{*FieldPattern::parse("/spec/template/spec/containers/*/env")};
  CHECK(paths(live_with({entry("mesh", shell)}), env) == Paths{"mesh " + containers + "/[name=shell]"});
  // Where we own nothing, nothing is beside it.
  json released = live_with({entry("mallory", shell)});
  released["metadata"]["managedFields"].erase(0);
  CHECK(paths(released).empty());
  CHECK(paths(json::object()).empty());
}

TEST_CASE("claiming moves exactly the additions to us and loses nothing", "[object][additions]") {
  const json both = json::parse(R"({"f:metadata": {"f:labels": {"f:team": {}}}})");
  json theirs = shell;
  theirs.merge_patch(both);
  const json live =
      live_with({entry("mallory", theirs), entry("scaler", {{"f:spec", {{"f:replicas", json::object()}}}}, "Update", "scale")});
  const auto claimed = claim_additions(live, us, {{}, {}});
  REQUIRE(claimed);
  REQUIRE(claimed->size() == 3);
  CHECK((*claimed)[1]["fieldsV1"] == both); // what lies beside
  CHECK((*claimed)[2] == live["metadata"]["managedFields"][2]);
  json after = live;
  after["metadata"]["managedFields"] = *claimed;
  CHECK(additions(after, us, {{}, {}}).empty());
  json union_of_ours = ours;
  union_of_ours.merge_patch(shell);
  CHECK((*claimed)[0]["fieldsV1"] == union_of_ours);
  CHECK_FALSE(claim_additions(after, us, {{}, {}}));
  // What is overlooked stays theirs, inside an addition, too; an entry that is left empty goes.
  const std::vector<FieldPattern> image{*FieldPattern::parse("/spec/template/spec/containers/[name=shell]/image")};
  const auto part = claim_additions(live_with({entry("mallory", shell)}), us, {image, {}});
  REQUIRE(part);
  REQUIRE(part->size() == 2);
  CHECK((*part)[1]["fieldsV1"].dump().find("f:image") != std::string::npos);
  CHECK((*part)[1]["fieldsV1"].dump().find("f:env") == std::string::npos);
  const auto whole = claim_additions(live_with({entry("mallory", shell)}), us, {{}, {}});
  REQUIRE(whole);
  CHECK(whole->size() == 1);
}

TEST_CASE("fields are yielded to a manager that owns them, and to nobody else", "[object][additions]") {
  const json desired =
      json::parse(R"({"metadata": {"labels": {"app": "api"}}, "spec": {"replicas": 1, "template": {"spec": {"containers": [
    {"name": "api", "image": "api:1", "env": [{"name": "X", "value": "2"}, {"name": "Y", "value": "3"}]}]}}}})");
  const json scaled = live_with({entry("scaler", {{"f:spec", {{"f:replicas", json::object()}}}}, "Update", "scale")});
  json out = desired;
  CHECK(yield_fields(out, scaled, us, {"scaler"}));
  CHECK_FALSE(out["spec"].contains("replicas"));
  out = desired;
  CHECK_FALSE(yield_fields(out, scaled, us, {"other"}));
  CHECK(out == desired);
  // A list's item: only the leaf that they own.
  CHECK(yield_fields(out, live_with({entry("mallory", shell)}), us, {"mallory"}));
  CHECK(out.dump().find("\"value\":\"2\"") == std::string::npos);
  CHECK(out.dump().find("\"value\":\"3\"") != std::string::npos);
  // Owned by both: ours as well.
  out = desired;
  const json shared =
      json::parse(R"({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"api\"}": {"f:image": {}}}}}}})");
  CHECK_FALSE(yield_fields(out, live_with({entry("mallory", shared)}), us, {"mallory"}));
}

TEST_CASE("a masked path has no names that somebody chose", "[object][additions]") {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"/spec/replicas", "/spec/replicas"},
      {"/spec/template/spec/containers/[name=shell]/env/[name=X]/value", "/spec/template/spec/containers/[*]/env/[*]/value"},
      {"/data/password", "/data/*"},
      {"/metadata/annotations/example.com~1x", "/metadata/annotations/*"},
      {"/spec/template/metadata/labels/app", "/spec/template/metadata/labels/*"},
      {"/spec/paths/[path=/a/b]/x", "/spec/paths/[*]/x"},
      {"/data/data/x", "/data/*/x"},
      {"", ""},
  };
  for (const auto& [path, masked] : table) CHECK(fields_v1::masked_path(path) == masked);
  CHECK(fields_v1::pointer_step("v:\"s3cret\"") == "[*]");
}
