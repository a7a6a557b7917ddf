// What a plan would delete that nobody should lose by a slip: then it waits for somebody's consent. Pure.
#pragma once
#include "plan/plan.h"

#include <set>
#include <string>
#include <vector>

namespace gitsync {

/// Where the operator itself lives.
struct OwnHome {
  std::string ns; // its namespace; empty: not known
};

/// What is asked before the plan is carried out, each a PruneBlocked or EmptyRevision error; empty: nothing. Rules: nothing may
/// be left of what was there; spec.prune.maxDelete and maxDeletePercent (of the inventory, from 5 objects on; 50 % where it is
/// not set); kinds whose deletion takes what they hold with them. `populated`: definitions that still have objects which the
/// plan does not delete.
std::vector<Error> prune_questions(const Plan& plan, const DesiredSet& current, const api::GitSyncSpec& spec,
                                   const std::string& owner, const std::set<ObjectRef>& populated);

/// What is never pruned, whoever consents: the branch that the operator sits on. Its own Namespace, its own definitions, and
/// what in its namespace carries the label app.kubernetes.io/name: gitsync-operator.
bool is_own_branch(const ManagedObject& object, const OwnHome& home);

/// Kinds whose deletion takes with it what they hold: Namespace, PersistentVolumeClaim, PersistentVolume.
bool is_protected(const GroupKind& kind);

/// "sha256:<64 digits>" of what the plan changes: identities and contents, whatever revision they come from. The contents go in
/// as digests with the GitSync's salt, so that the text tells nothing of secrets. `prune`: what is no longer declared is
/// deleted instead of left.
std::string plan_digest(const Plan& plan, bool prune = true);

} // namespace gitsync
