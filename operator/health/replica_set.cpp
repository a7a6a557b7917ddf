// ReplicaSets and ReplicationControllers. Rules of kstatus.
#include "health/condition.h"
#include "health/kinds.h"
#include "health/replicas.h"

namespace gitsync::health {

Health of_replica_set(const nlohmann::json& live) {
  const auto& status = read_member(live, "status");
  const int64_t wanted = wanted_replicas(live);
  const int64_t there = read_integer(status, "replicas");
  const int64_t available = std::min(read_integer(status, "availableReplicas"), read_integer(status, "readyReplicas"));
  if (const auto& failure = condition_of(live, "ReplicaFailure"); is_status(failure, "True"))
    return {State::Progressing, explain(failure)};
  if (read_integer(status, "fullyLabeledReplicas") < wanted && there >= wanted)
    return {State::Progressing, count_text(read_integer(status, "fullyLabeledReplicas"), wanted, "labelled")};
  if (available < wanted) return {State::Progressing, count_text(available, wanted, "available")};
  if (there > wanted) return {State::Progressing, cat(there - wanted, " replicas too many")};
  return {};
}

} // namespace gitsync::health
