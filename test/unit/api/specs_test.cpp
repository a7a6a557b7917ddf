// specs.json: specs that must be taken (problem null) or refused, by the parser (here) and by the CRDs' schema and rules on a
// real API server (the same file; test/system). What one takes and the other refuses would be a Stalled object or a rule too
// strict.
#include "api/approval.h"
#include "api/git_repository.h"
#include "api/git_sync.h"
#include "crd_files.h"

using namespace gitsync;
using namespace gitsync::api;
using nlohmann::json;

TEST_CASE("the table of specs", "[api]") {
  const auto rows = json::parse(read_source_file("test/unit/api/specs.json"));
  REQUIRE(rows.size() > 100);
  for (const auto& row : rows) {
    const json object = {{"metadata", {{"namespace", "shop"}, {"name", "row"}}}, {"spec", row.at("spec")}};
    const auto error = [&]() -> std::string {
      if (row.at("kind") == "GitSync") {
        const auto parsed = parse_git_sync(object);
        return parsed ? "" : parsed.error().message;
      }
      if (row.at("kind") == "Approval") {
        const auto parsed = parse_approval(object);
        return parsed ? "" : parsed.error().message;
      }
      const auto parsed = parse_git_repository(object);
      return parsed ? "" : parsed.error().message;
    }();
    INFO(row.dump() << "\n" << error);
    if (row.at("problem").is_null()) {
      CHECK(error.empty());
    } else {
      CHECK(error.starts_with(row.at("kind").get<std::string>() + " shop/row: spec."));
      CHECK(error.find(row.at("problem").get<std::string>()) != std::string::npos);
    }
  }
}

TEST_CASE("any JSON in any field is an error at worst", "[api]") {
  const json odd[] = {nullptr,
                      true,
                      0,
                      -1,
                      1e300,
                      "",
                      "x",
                      json::array(),
                      json::array({1}),
                      json::object(),
                      {{"name", 1}},
                      std::string("\xFF\0", 2)};
  for (const auto& field : git_sync_fields())
    for (const auto& value : odd) {
      json object = {{"spec", {{"sourceRef", {{"name", "code"}}}}}};
      object["spec"][json::json_pointer("/" + field.path.substr(0, field.path.find('.')))] = value;
      const auto parsed = parse_git_sync(object);
      if (!parsed)
        CHECK(parsed.error().code == Code::InvalidSpec);
      else
        CHECK(parsed->spec.source_name == "code");
    }
  for (const auto& field : git_repository_fields())
    for (const auto& value : odd) {
      json object = {{"spec", {{"url", "file:///srv/x"}}}};
      object["spec"][json::json_pointer("/" + field.path.substr(0, field.path.find('.')))] = value;
      const auto parsed = parse_git_repository(object);
      if (!parsed)
        CHECK(parsed.error().code == Code::InvalidSpec);
      else
        CHECK(parsed->spec.url == "file:///srv/x");
    }
}
