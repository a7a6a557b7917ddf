// Deployments. Rules of kstatus; a paused one is Suspended.
#include "health/condition.h"
#include "health/kinds.h"
#include "health/replicas.h"

namespace gitsync::health {

Health of_deployment(const nlohmann::json& live) {
  const auto& spec = read_member(live, "spec");
  const auto& status = read_member(live, "status");
  const int64_t wanted = wanted_replicas(live);
  const int64_t there = read_integer(status, "replicas"), updated = read_integer(status, "updatedReplicas");
  const int64_t ready = read_integer(status, "readyReplicas"), available = read_integer(status, "availableReplicas");
  const auto& progressing = condition_of(live, "Progressing");

  if (read_text(progressing, "reason") == "ProgressDeadlineExceeded")
    return {State::Degraded, cat(count_text(available, wanted, "available"), ", progress deadline exceeded")};
  if (const auto& paused = read_member(spec, "paused"); paused.is_boolean() && paused.get<bool>())
    return {State::Suspended, "paused"};
  if (const auto& failure = condition_of(live, "ReplicaFailure"); is_status(failure, "True"))
    return {State::Progressing, cat(count_text(available, wanted, "available"), ", ", explain(failure))};
  if (updated < wanted) return {State::Progressing, count_text(updated, wanted, "updated")};
  if (there > wanted) return {State::Progressing, cat(there - wanted, " old replicas still there")};
  if (available < updated || ready < wanted)
    return {State::Progressing, count_text(std::min(available, ready), wanted, "available")};
  if (const auto& condition = condition_of(live, "Available"); is_status(condition, "False"))
    return {State::Progressing, explain(condition)};
  // With a progress deadline the controller says when it has finished; before that the numbers may be of the old template.
  const auto& deadline = read_member(spec, "progressDeadlineSeconds");
  const bool limited = deadline.is_number_integer() && deadline.get<int64_t>() < INT32_MAX;
  if (limited && progressing.is_object() &&
      (!is_status(progressing, "True") || read_text(progressing, "reason") != "NewReplicaSetAvailable"))
    return {State::Progressing, "the new ReplicaSet is not available yet"};
  if (limited && !progressing.is_object() && wanted > 0) return {State::Progressing, "not rolled out yet"};
  return {};
}

} // namespace gitsync::health
