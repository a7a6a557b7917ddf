// An Approval as the operator uses it: somebody's consent to one plan of one GitSync. Pure.
#pragma once
#include "api/meta.h"
#include "api/spec_reader.h"
#include "base/clock.h"

#include <string>
#include <string_view>
#include <vector>

namespace gitsync::api {

/// What became of it: status.state.
enum class ApprovalState {
  Pending,  // no such plan waits (yet), or the plan waits for something else too
  Released, // used up: the plan was carried out on the strength of it
  Expired,  // too old
  Refused,  // spec.approval of the GitSync does not let it count
};
std::string_view approval_state_text(ApprovalState state);

struct Approval {
  Meta meta;
  WallTime created{};      // metadata.creationTimestamp
  std::string sync;        // spec.syncRef.name, in the Approval's own namespace
  std::string plan_digest; // "sha256:<64 digits>"
  std::string approver;    // as written: proof only where the admission policy is in force
  ApprovalState state = ApprovalState::Pending;
  std::string message; // status.message
  bool told = false;   // status.state is there
};

/// Never throws. InvalidSpec with all that is wrong.
Result<Approval> parse_approval(const nlohmann::json& object);
/// Its .status. `now`: when it was released.
nlohmann::json approval_status(ApprovalState state, std::string_view message, WallTime now);
/// Every field that the parser reads, for the test that holds it against the CRD.
std::vector<FieldRead> approval_fields();

} // namespace gitsync::api
