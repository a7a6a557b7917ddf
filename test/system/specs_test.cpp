// test/unit/api/specs.json on a real API server: the CRDs' schema and rules take and refuse what the parser does.
#include "support/catch.h"
#include "support/site.h"

using namespace gitsync::test;

TEST_CASE("The API server takes and refuses the specs that the operator's parser does") {
  Site site("specs");
  const json rows = json::parse(read_file(checkout() / "test/unit/api/specs.json"));
  REQUIRE(rows.size() > 100);
  for (const auto& row : rows) {
    const std::string kind = row.at("kind");
    const std::string plural = kind == "GitSync" ? "gitsyncs" : kind == "GitRepository" ? "gitrepositories" : "approvals";
    const auto reply = site.api.request("POST", path_of("gitops.volaticloud.com/v1alpha1", plural, site.ns) + "?dryRun=All",
                                        {{"apiVersion", "gitops.volaticloud.com/v1alpha1"},
                                         {"kind", kind},
                                         {"metadata", {{"name", "row"}}},
                                         {"spec", row.at("spec")}});
    INFO(row.dump() << "\n" << reply.message());
    CHECK(reply.ok() == row.at("problem").is_null());
  }
}
