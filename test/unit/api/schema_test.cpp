// The CRDs and the parsers must know the same fields, with the same types, defaults and choices.
#include "api/approval.h"
#include "api/git_repository.h"
#include "api/git_sync.h"
#include "api/names.h"
#include "api/pause.h"
#include "crd_files.h"

#include <algorithm>
#include <map>
#include <set>

using namespace gitsync;
using namespace gitsync::api;
using nlohmann::json;

namespace {

struct Kind {
  std::string kind, plural;
  std::vector<FieldRead> fields;
};

std::vector<Kind> kinds() {
  return {{std::string(git_repository_kind), std::string(git_repository_plural), git_repository_fields()},
          {std::string(git_sync_kind), std::string(git_sync_plural), git_sync_fields()},
          {std::string(approval_kind), std::string(approval_plural), approval_fields()},
          {std::string(pause_kind), std::string(pause_plural), pause_fields()}};
}

/// Every leaf below spec, by its dotted path; `required` where it and all objects around it are.
void leaves(const json& schema, const std::string& path, std::map<std::string, FieldRead>& out) {
  const auto required = schema.value("required", json::array());
  for (const auto& [name, property] : schema.at("properties").items()) {
    const std::string here = path.empty() ? name : path + "." + name;
    if (property.contains("properties")) {
      leaves(property, here, out);
      continue;
    }
    FieldRead field;
    field.path = here;
    field.type = property.at("type").get<std::string>();
    field.fallback = property.value("default", json());
    field.choices = property.value("enum", std::vector<std::string>());
    field.required = std::find(required.begin(), required.end(), name) != required.end();
    out[here] = field;
  }
}

/// Calls `visit(path, schema)` for every field at every depth.
template <class Visit> void walk(const json& schema, const std::string& path, Visit visit) {
  visit(path, schema);
  if (schema.contains("properties"))
    for (const auto& [name, property] : schema["properties"].items()) walk(property, path + "." + name, visit);
  if (schema.contains("items")) walk(schema["items"], path + "[]", visit);
}

} // namespace

TEST_CASE("parser and CRD know the same fields of spec", "[api][crd]") {
  for (const auto& kind : kinds()) {
    INFO(kind.kind);
    std::map<std::string, FieldRead> schema;
    leaves(schema_of(load_crd(kind.plural)).at("properties").at("spec"), "", schema);
    std::set<std::string> read;
    for (const auto& field : kind.fields) {
      INFO("spec." << field.path << " is read by the parser");
      read.insert(field.path);
      REQUIRE(schema.contains(field.path));
      const auto& declared = schema[field.path];
      CHECK(declared.type == field.type);
      CHECK(declared.fallback == field.fallback);
      CHECK(declared.choices == field.choices);
      // secretRef.name is required inside an object that may be missing: only the parser's "required" binds both.
      if (field.required) CHECK(declared.required);
    }
    for (const auto& [path, field] : schema) {
      INFO("spec." << path << " stands in the CRD");
      CHECK(read.contains(path));
    }
  }
}

TEST_CASE("the status that is written stands in the CRD's schema", "[api][crd]") {
  const WallTime noon = *parse_rfc3339("2026-11-23T12:00:00Z");
  GitSyncStatus sync;
  sync.last_attempted_revision = sync.last_applied_revision = sync.last_healthy_revision = sync.plan_digest = "main@sha1:1";
  sync.plan_since = noon;
  sync.last_handled_reconcile_at = "then";
  sync.last_correction = LastCorrection{noon, "o", "Modified", "m", {"p"}, 1.5, "r"};
  sync.errors = {"e"};
  sync.differences = {{"o", "Extended", "m", {"p"}}};
  note_revision(sync.history, {"main@sha1:1", "d", noon, std::string(outcome::healthy), 3});
  mark_stalled(sync.conditions, reason::invalid_spec, "m", {1, noon});
  GitRepositoryStatus repository = {1, "r", "then", LastFetch{noon, 1.5}, {}};
  mark_stalled(repository.conditions, reason::invalid_spec, "m", {1, noon});

  const std::pair<std::string_view, json> written[] = {{git_repository_plural, status_to_json(repository)},
                                                       {git_sync_plural, status_to_json(sync)},
                                                       {approval_plural, approval_status(ApprovalState::Released, "m", noon)}};
  for (const auto& [plural, status] : written) {
    INFO(plural);
    const auto schema = schema_of(load_crd(std::string(plural))).at("properties").at("status");
    std::set<std::string> declared, used;
    walk(schema, "status", [&](const std::string& path, const json& field) {
      declared.insert(path + ":" + field.at("type").get<std::string>());
    });
    const auto collect = [&](const auto& self, const json& value, const std::string& path) -> void {
      const char* type = value.is_object()           ? "object"
                         : value.is_array()          ? "array"
                         : value.is_number_integer() ? "integer"
                         : value.is_number()         ? "number"
                                                     : "string";
      used.insert(path + ":" + type);
      if (value.is_object())
        for (const auto& [name, member] : value.items()) self(self, member, path + "." + name);
      if (value.is_array())
        for (const auto& entry : value) self(self, entry, path + "[]");
    };
    collect(collect, status, "status");
    CHECK(used == declared); // nothing is written that would be dropped, nothing is promised that is never written
  }
}

TEST_CASE("each CRD is named as the code names it, and every field is described", "[api][crd]") {
  for (const auto& kind : kinds()) {
    INFO(kind.kind);
    const auto crd = load_crd(kind.plural);
    CHECK(crd.at("metadata").at("name") == kind.plural + "." + std::string(api_group));
    CHECK(crd.at("spec").at("group") == api_group);
    CHECK(crd.at("spec").at("names").at("kind") == kind.kind);
    CHECK(crd.at("spec").at("names").at("plural") == kind.plural);
    CHECK(crd.at("spec").at("scope") == "Namespaced");
    CHECK(crd.at("spec").at("versions").at(0).at("name") == api_version);
    CHECK(crd.at("spec").at("versions").at(0).at("subresources").contains("status"));
    walk(schema_of(crd), "", [](const std::string& path, const json& field) {
      if (path == ".metadata") return; // the API server fills it
      INFO(path);
      CHECK(field.value("description", "").size() >= 8);
      if (field.contains("x-kubernetes-validations"))
        for (const auto& rule : field["x-kubernetes-validations"]) CHECK(rule.value("message", "").size() >= 8);
    });
  }
}

TEST_CASE("kubectl get shows the promised columns", "[api][crd]") {
  const std::map<std::string, std::pair<std::vector<std::string>, std::vector<std::string>>> expected = {
      {"gitrepositories", {{"Ready", "Revision", "URL", "Age", "Message"}, {"Interval", "Suspended"}}},
      {"gitsyncs",
       {{"Ready", "Revision", "Objects", "Health", "Drift", "Age", "Message"},
        {"Source", "Path", "Applied", "Suspended", "Last Correction"}}},
      {"approvals", {{"Sync", "State", "Approver", "Age", "Message"}, {"Plan"}}}};
  for (const auto& [plural, columns] : expected) {
    INFO(plural);
    std::vector<std::string> shown, wide;
    const auto crd = load_crd(plural);
    for (const auto& column : crd.at("spec").at("versions").at(0).at("additionalPrinterColumns"))
      (column.value("priority", 0) == 0 ? shown : wide).push_back(column.at("name").get<std::string>());
    CHECK(shown == columns.first);
    CHECK(wide == columns.second);
  }
}
