#include "api/approval.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::api;
using nlohmann::json;

namespace {

json object(const json& status = nullptr) {
  json out = {
      {"metadata", {{"namespace", "shop"}, {"name", "yes"}, {"creationTimestamp", "2026-11-25T12:00:00Z"}}},
      {"spec", {{"syncRef", {{"name", "api"}}}, {"planDigest", "sha256:" + std::string(64, 'a')}, {"approver", "anna"}}}};
  if (!status.is_null()) out["status"] = status;
  return out;
}

} // namespace

TEST_CASE("an Approval is read with its age and what became of it", "[api]") {
  const auto fresh = parse_approval(object());
  REQUIRE(fresh);
  CHECK(fresh->created == *parse_rfc3339("2026-11-25T12:00:00Z"));
  CHECK(fresh->approver == "anna");
  CHECK(fresh->state == ApprovalState::Pending);
  CHECK(!fresh->told);
  for (const auto state : {ApprovalState::Pending, ApprovalState::Released, ApprovalState::Expired, ApprovalState::Refused}) {
    const auto back = parse_approval(object(approval_status(state, "why", WallTime{})));
    REQUIRE(back);
    CHECK(back->state == state);
    CHECK(back->message == "why");
    CHECK(back->told);
  }
  CHECK(approval_status(ApprovalState::Released, "", *parse_rfc3339("2026-11-25T12:00:00Z"))["releasedAt"] ==
        "2026-11-25T12:00:00Z");
  CHECK(!approval_status(ApprovalState::Expired, "", WallTime{}).contains("releasedAt"));
}

TEST_CASE("an Approval without a time is as old as can be, and an odd status is none", "[api]") {
  auto odd = object({{"state", 7}, {"message", json::array()}});
  odd["metadata"].erase("creationTimestamp");
  const auto read = parse_approval(odd);
  REQUIRE(read);
  CHECK(read->created == WallTime{});
  CHECK(read->state == ApprovalState::Pending);
}
