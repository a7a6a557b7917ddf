// Whether a plan has to wait for somebody's consent, and what an Approval is worth. Pure.
#pragma once
#include "api/approval.h"
#include "api/git_sync.h"
#include "plan/plan.h"

#include <set>
#include <string>

namespace gitsync {

/// Who wrote the commits since the applied revision, as far as that is proven: the users of the cluster to whom the keys belong
/// with which they were signed. What stands in a commit as its author is no proof of anything.
struct Authorship {
  bool proven = false;         // each of the commits has a good signature, and its signer is a known user
  std::set<std::string> users; // where it is
  std::string why;             // where it is not
};

/// What a plan does to the cluster, for people.
struct PlanCounts {
  size_t create = 0, change = 0, remove = 0;
  bool any() const { return create + change + remove > 0; }
  /// "2 to create, 3 to change, 1 to delete", without what is none.
  std::string text() const;
};
/// `prune`: what is no longer declared is deleted, but for what says itself that it stays.
PlanCounts counts_of(const Plan& plan, bool prune);

/// Nobody's Approval can release a plan then; why, else "".
std::string unanswerable(const api::ApprovalSpec& rules, const Authorship& authors);

struct Ruling {
  api::ApprovalState state = api::ApprovalState::Pending;
  bool good = false; // it consents to the plan that waits
  std::string why;   // for status.message
};
/// What an Approval means for the plan that waits ("" where none does). Released stays so; then its age counts, then the plan
/// that it names, then four eyes: it fails closed where the commits' authors are not proven, or the approver not named.
Ruling rule_on(const api::Approval& approval, const std::string& plan_digest, const api::ApprovalSpec& rules,
               const Authorship& authors, WallTime now);

} // namespace gitsync
