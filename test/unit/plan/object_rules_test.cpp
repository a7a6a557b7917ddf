#include "plan/object_rules.h"

#include "support/catch.h"

#include <set>

using namespace gitsync;
using nlohmann::json;

namespace {

const ObjectRef deployment{"apps", "Deployment", "shop", "api"};

json annotated(const std::vector<std::pair<std::string_view, std::string>>& annotations) {
  json body = {{"metadata", {{"name", "api"}, {"labels", {{"app", "api"}}}, {"annotations", json::object()}}},
               {"spec", {{"replicas", 3}, {"paused", false}}}};
  for (const auto& [key, value] : annotations) body["metadata"]["annotations"][std::string(key)] = value;
  return body;
}

SharedRules rules(const json& body, const std::vector<api::DriftIgnore>& ignore = {}, const ObjectRef& ref = deployment) {
  auto out = rules_of(ref, body, ignore);
  INFO((out ? "" : out.error().message));
  REQUIRE(out);
  const auto again = rules_again(ref, body.dump(), ignore);
  CHECK(static_cast<bool>(again) == static_cast<bool>(*out));
  return *out;
}

} // namespace

TEST_CASE("an object's annotations are its rules", "[plan][rules]") {
  CHECK_FALSE(rules(annotated({})));
  CHECK_FALSE(
      rules(annotated({{apply_annotation, "Always"}, {prune_annotation, "enabled"}, {recreate_annotation, "disabled"}})));
  CHECK(rules(annotated({{apply_annotation, "Once"}}))->once);
  CHECK(rules(annotated({{apply_annotation, "Never"}}))->never);
  CHECK(rules(annotated({{prune_annotation, "disabled"}}))->keep);
  CHECK(rules(annotated({{recreate_annotation, "enabled"}}))->recreate);
  for (const auto& [key, value] :
       {std::pair{apply_annotation, "never"}, {prune_annotation, "false"}, {recreate_annotation, "true"}}) {
    const auto odd = rules_of(deployment, annotated({{key, value}}), {});
    REQUIRE_FALSE(odd);
    CHECK(odd.error().code == Code::InvalidManifest);
    CHECK(odd.error().message.find(key) != std::string::npos);
    CHECK(odd.error().message.find(value) != std::string::npos);
    CHECK_FALSE(rules_again(deployment, annotated({{key, value}}).dump(), {}));
  }
  // What takes with it what it holds is never deleted to be changed.
  for (const auto* kind : {"Namespace", "PersistentVolumeClaim", "PersistentVolume"})
    CHECK_FALSE(rules_of({"", kind, "", "x"}, annotated({{recreate_annotation, "enabled"}}), {}));
}

TEST_CASE("spec.drift.ignore is about the objects that its target names", "[plan][rules]") {
  const auto ignored = [&](api::Target target) {
    const std::vector<api::DriftIgnore> ignore{{std::move(target), {"/spec/replicas"}, {"scaler"}}};
    const auto found = rules(annotated({}), ignore);
    return found && found->ignored.size() == 1 && found->managers == std::vector<std::string>{"scaler"};
  };
  CHECK(ignored({}));
  CHECK(ignored({"apps", "Deployment", "api", "shop", "app=api"}));
  CHECK(ignored({.group = {}, .kind = "Deployment", .name = {}, .ns = {}, .labels = {}}));
  CHECK_FALSE(ignored({.group = "", .kind = "Deployment", .name = {}, .ns = {}, .labels = {}}));
  CHECK_FALSE(ignored({.group = {}, .kind = "StatefulSet", .name = {}, .ns = {}, .labels = {}}));
  CHECK_FALSE(ignored({.group = {}, .kind = {}, .name = "web", .ns = {}, .labels = {}}));
  CHECK_FALSE(ignored({.group = {}, .kind = {}, .name = {}, .ns = "other", .labels = {}}));
  CHECK_FALSE(ignored({.group = {}, .kind = {}, .name = {}, .ns = {}, .labels = "app=web"}));
}

TEST_CASE("the content of an object changes with what is ignored in it, and only then", "[plan][rules]") {
  const std::string body = annotated({}).dump();
  const std::vector<api::DriftIgnore> one{{{}, {"/spec/replicas"}, {}}}, two{{{}, {"/spec/paused"}, {}}},
      by{{{}, {}, {"scaler"}}};
  const auto plain = content_of("salt", body, {});
  CHECK(plain == digest("salt", body)); // as it was before there were rules
  CHECK(content_of("salt", body, rules(annotated({{prune_annotation, "disabled"}}))) == plain);
  std::set<std::string> all{plain.hex()};
  for (const auto& ignore : {one, two, by}) all.insert(content_of("salt", body, rules(annotated({}), ignore)).hex());
  CHECK(all.size() == 4);
  json shaped = annotated({});
  leave_out(shaped, nullptr, "us", rules(annotated({}), one));
  CHECK_FALSE(shaped["spec"].contains("replicas"));
  CHECK(shaped["spec"].contains("paused"));
}
