// StatefulSets. Rules of kstatus.
#include "health/kinds.h"
#include "health/replicas.h"

namespace gitsync::health {

Health of_stateful_set(const nlohmann::json& live) {
  const auto& strategy = read_member(read_member(live, "spec"), "updateStrategy");
  if (read_text(strategy, "type") == "OnDelete") return {}; // updated when somebody deletes its pods
  const auto& status = read_member(live, "status");
  const int64_t wanted = wanted_replicas(live);
  const int64_t there = read_integer(status, "replicas"), ready = read_integer(status, "readyReplicas");
  const int64_t current = read_integer(status, "currentReplicas"), updated = read_integer(status, "updatedReplicas");
  if (there < wanted) return {State::Progressing, count_text(there, wanted, "replicas")};
  if (ready < wanted) return {State::Progressing, count_text(ready, wanted, "ready")};
  if (there > wanted) return {State::Progressing, cat(there - wanted, " replicas too many")};
  const int64_t partition = read_integer(read_member(strategy, "rollingUpdate"), "partition");
  if (partition > 0) {
    const int64_t meant = std::max<int64_t>(wanted - partition, 0);
    if (updated < meant) return {State::Progressing, count_text(updated, meant, "updated")};
    return {};
  }
  if (read_text(status, "currentRevision") != read_text(status, "updateRevision"))
    return {State::Progressing, count_text(updated, wanted, "updated")};
  if (current < wanted) return {State::Progressing, count_text(current, wanted, "current")};
  return {};
}

} // namespace gitsync::health
