#include "plan/consent.h"

#include "base/text.h"

namespace gitsync {

using api::ApprovalState;

std::string PlanCounts::text() const {
  std::vector<std::string> parts;
  if (create > 0) parts.push_back(cat(create, " to create"));
  if (change > 0) parts.push_back(cat(change, " to change"));
  if (remove > 0) parts.push_back(cat(remove, " to delete"));
  return join(parts, ", ");
}

PlanCounts counts_of(const Plan& plan, bool prune) {
  return {plan.created.size(), plan.apply.size() - plan.created.size(),
          prune ? plan.prune.size() - plan.given_up.size() + plan.unasked.size() : 0};
}

std::string unanswerable(const api::ApprovalSpec& rules, const Authorship& authors) {
  if (!rules.four_eyes || authors.proven) return {};
  return cat("spec.approval.fourEyes is set and the commits' authors are not proven by verified signatures",
             authors.why.empty() ? "" : cat(" (", authors.why, ")"), ", so nobody can be told apart from them");
}

Ruling rule_on(const api::Approval& approval, const std::string& plan_digest, const api::ApprovalSpec& rules,
               const Authorship& authors, WallTime now) {
  if (approval.state == ApprovalState::Released) return {ApprovalState::Released, false, {}};
  if (now - approval.created >= rules.expires_after)
    return {ApprovalState::Expired, false, cat("older than spec.approval.expiresAfter ", duration_text(rules.expires_after))};
  if (plan_digest != approval.plan_digest) return {ApprovalState::Pending, false, "no such plan waits now"};
  if (!rules.four_eyes) return {ApprovalState::Pending, true, {}};
  if (auto why = unanswerable(rules, authors); !why.empty()) return {ApprovalState::Refused, false, std::move(why)};
  if (approval.approver.empty())
    return {ApprovalState::Refused, false, "spec.approval.fourEyes is set and spec.approver does not say who approves"};
  if (authors.users.contains(approval.approver))
    return {ApprovalState::Refused, false,
            cat("spec.approval.fourEyes is set and ", approval.approver,
                " has written a commit of it: somebody else has to approve")};
  return {ApprovalState::Pending, true, {}};
}

} // namespace gitsync
