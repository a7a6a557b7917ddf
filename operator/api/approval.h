// An Approval as the operator uses it: somebody's consent to one plan of one GitSync. Pure.
#pragma once
#include "api/meta.h"
#include "api/spec_reader.h"

#include <string>
#include <vector>

namespace gitsync::api {

struct Approval {
  Meta meta;
  std::string sync;        // spec.syncRef.name, in the Approval's own namespace
  std::string plan_digest; // "sha256:<64 digits>"
  bool released = false;   // used up
  std::string approver;    // as written; who may create Approvals is RBAC's business
};

/// Never throws. InvalidSpec with all that is wrong.
Result<Approval> parse_approval(const nlohmann::json& object);
/// Every field that the parser reads, for the test that holds it against the CRD.
std::vector<FieldRead> approval_fields();

} // namespace gitsync::api
