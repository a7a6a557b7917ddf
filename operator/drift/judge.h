// One look at a live object: is it as declared? Pure.
#pragma once
#include "plan/managed_object.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace gitsync {

enum class Verdict {
  Stale,     // older than what we know: ignore
  Park,      // a write of ours is under way: judge again after its answer
  Ignore,    // not ours to look at now (about to be applied or pruned)
  Settled,   // as declared
  Unapplied, // seen after a restart, but its present body was never applied: the next apply comes anyway
  Deleting,  // somebody deletes it: wait until it is gone
  Modified,  // declared fields left their state, or our ownership is gone
};

struct Judgement {
  Verdict verdict;
  std::optional<Ownership> mine; // of the live object, where it was looked at
};

/// `live` was listed, added or modified. Never decides by the resourceVersion alone: an unknown one is judged by content.
Judgement judge(const ManagedObject& object, const nlohmann::json& live);

/// Of a DELETED event (which may mean that only the label is gone).
enum class Absence { Stale, Park, Gone, Pruned };
Absence judge_absence(const ManagedObject& object, const nlohmann::json& last);

} // namespace gitsync
