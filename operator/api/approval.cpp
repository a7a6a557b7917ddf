#include "api/approval.h"

#include "api/names.h"
#include "api/status_text.h"
#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::api {
namespace {

bool is_digest(std::string_view text) {
  constexpr std::string_view algorithm = "sha256:";
  return text.starts_with(algorithm) && text.size() == algorithm.size() + 64 &&
         std::ranges::all_of(text.substr(algorithm.size()),
                             [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Approval read_spec(SpecReader& reader) {
  Approval out;
  out.sync = reader.required_text("syncRef.name");
  reader.check(out.sync.empty() || is_dns_subdomain(out.sync), "syncRef.name",
               "must be an object's name (lower-case letters, digits, \"-\" and \".\")");
  out.plan_digest = reader.required_text("planDigest");
  reader.check(out.plan_digest.empty() || is_digest(out.plan_digest), "planDigest",
               "must be sha256: and 64 hexadecimal digits, as status.planDigest of the GitSync has it");
  out.approver = reader.text("approver");
  return out;
}

} // namespace

Result<Approval> parse_approval(const nlohmann::json& object) {
  const auto meta = parse_meta(object);
  SpecReader reader(object, cat(approval_kind, ' ', meta.key()));
  auto out = read_spec(reader);
  if (!reader.ok()) return reader.error();
  out.meta = meta;
  // One without a time is as old as can be.
  out.created = parse_rfc3339(read_text(read_member(object, "metadata"), "creationTimestamp")).value_or(WallTime{});
  const auto& status = read_member(object, "status");
  const auto state = read_text(status, "state");
  out.told = !state.empty();
  out.message = read_text(status, "message");
  for (const auto known : {ApprovalState::Released, ApprovalState::Expired, ApprovalState::Refused})
    if (state == approval_state_text(known)) out.state = known;
  return out;
}

std::string_view approval_state_text(ApprovalState state) {
  switch (state) {
  case ApprovalState::Pending: break;
  case ApprovalState::Released: return "Released";
  case ApprovalState::Expired: return "Expired";
  case ApprovalState::Refused: return "Refused";
  }
  return "Pending";
}

nlohmann::json approval_status(ApprovalState state, std::string_view message, WallTime now) {
  nlohmann::json out = {{"state", approval_state_text(state)}, {"message", status_text(message)}};
  if (state == ApprovalState::Released) out["releasedAt"] = rfc3339(now);
  return out;
}

std::vector<FieldRead> approval_fields() {
  const auto empty = nlohmann::json::object();
  SpecReader reader(empty, {});
  read_spec(reader);
  return reader.fields();
}

} // namespace gitsync::api
