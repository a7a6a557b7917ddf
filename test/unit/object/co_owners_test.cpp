// Who declared the object before us: object/co_owners.h.
#include "object/co_owners.h"

#include "support/catch.h"

using namespace gitsync;
using nlohmann::json;

namespace {

constexpr std::string_view manager = "gitsync:shop/web";

json entry(std::string_view who, const char* operation, const json& fields) {
  return {{"manager", who}, {"operation", operation}, {"fieldsType", "FieldsV1"}, {"fieldsV1", fields}};
}

json object(json entries) {
  return {{"metadata", {{"annotations", {{last_applied_annotation, "{}"}}}, {"managedFields", std::move(entries)}}}};
}

} // namespace

TEST_CASE("people's tools are told from controllers", "[ownership]") {
  for (const char* tool : {"kubectl", "kubectl-client-side-apply", "kubectl-edit", "helm", "before-first-apply",
                           "argocd-controller", "kustomize-controller", "helm-controller", "Terraform"})
    CHECK(declares_for_people(tool));
  for (const char* controller : {"kube-controller-manager", "keda", "gitsync:shop/web", "", "istiod", "fluxcapacitor"})
    CHECK_FALSE(declares_for_people(controller));
}

TEST_CASE("who declared an object before us keeps what we don't declare, and nothing of what we do", "[ownership]") {
  struct Row {
    const char *what, *mine, *theirs, *left; // left: "" where it loses all, null where nothing is to be done
    const char* next = R"({"data":{"a":1},"spec":{},"c":[{"name":"x"}]})"; // what is applied then
  };
  const std::vector<Row> rows = {
      {"the same fields", R"({"f:data":{"f:a":{},"f:b":{}}})", R"({"f:data":{"f:a":{},"f:b":{}}})", ""},
      {"one of its own", R"({"f:data":{"f:a":{}}})", R"({"f:data":{"f:a":{},"f:b":{}}})", R"({"f:data":{"f:b":{}}})"},
      {"nothing in common", R"({"f:data":{"f:a":{}}})", R"({"f:data":{"f:b":{}}})", nullptr},
      {"the node alone", R"({"f:data":{".":{},"f:a":{}}})", R"({"f:data":{".":{},"f:b":{}}})", nullptr},
      {"a list's item", R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:name":{},"f:image":{}}}})",
       R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:name":{},"f:image":{}}}})", ""},
      {"an item of which something is theirs", R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:name":{},"f:image":{}}}})",
       R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:name":{},"f:image":{},"f:tty":{}}}})",
       R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:name":{},"f:tty":{}}}})"},
      {"an item that leaves", R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:name":{},"f:image":{}}}})",
       R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:name":{},"f:image":{},"f:filled-in":{}}}})", "", R"({"c":[{"name":"y"}]})"},
      {"a probe that leaves", R"({"f:probe":{"f:port":{}}})", R"({"f:probe":{".":{},"f:period":{},"f:port":{}},"f:tty":{}})",
       R"({"f:tty":{}})", "{}"},
      {"an item of its own", R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:name":{}}}})",
       R"({"f:c":{"k:{\"name\":\"x\"}":{".":{},"f:name":{}},"k:{\"name\":\"y\"}":{".":{},"f:name":{}}}})",
       R"({"f:c":{"k:{\"name\":\"y\"}":{".":{},"f:name":{}}}})"},
      {"a list that is owned as a whole", R"({"f:spec":{"f:args":{}}})", R"({"f:spec":{"f:args":{},"f:tty":{}}})",
       R"({"f:spec":{"f:tty":{}}})"},
  };
  for (const auto& row : rows) {
    for (const char* who : {"kubectl-client-side-apply", "keda"}) {
      INFO(row.what << ", " << who);
      const auto live = object({entry(manager, "Apply", json::parse(row.mine)), entry(who, "Update", json::parse(row.theirs))});
      const bool expected = row.left && who[1] == 'u';
      CHECK(has_co_owner(live, manager) == expected);
      const auto alone = without_co_owners(live, manager, json::parse(row.next));
      REQUIRE(alone.has_value() == expected);
      if (!alone) continue;
      CHECK(alone->managed_fields[0] == live["metadata"]["managedFields"][0]);
      CHECK(alone->managed_fields.size() == (*row.left ? 2 : 1));
      if (*row.left) CHECK(alone->managed_fields[1]["fieldsV1"] == json::parse(row.left));
      CHECK_FALSE(alone->drop_last_applied);
      auto after = live;
      after["metadata"]["managedFields"] = alone->managed_fields;
      CHECK_FALSE(has_co_owner(after, manager));
    }
  }
}

TEST_CASE("kubectl's note of what it applied goes with its ownership", "[ownership]") {
  const std::string noted =
      R"({"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}}}})";
  auto theirs = json::parse(noted);
  theirs["f:data"] = {{"f:a", json::object()}};
  const json mine = {{"f:data", {{"f:a", json::object()}}}};
  auto live = object({entry(manager, "Apply", mine), entry("kubectl-client-side-apply", "Update", theirs)});
  auto alone = without_co_owners(live, manager, json());
  REQUIRE(alone);
  CHECK(alone->drop_last_applied);
  CHECK(alone->managed_fields.size() == 1);
  // Git declares it: then it stays.
  auto declared = json::parse(noted);
  declared.update(mine);
  live = object({entry(manager, "Apply", declared), entry("kubectl-client-side-apply", "Update", theirs)});
  alone = without_co_owners(live, manager, json());
  REQUIRE(alone);
  CHECK_FALSE(alone->drop_last_applied);
  // Somebody took it away already.
  live = object({entry(manager, "Apply", mine), entry("kubectl-client-side-apply", "Update", theirs)});
  live["metadata"].erase("annotations");
  alone = without_co_owners(live, manager, json());
  REQUIRE(alone);
  CHECK_FALSE(alone->drop_last_applied);
}
