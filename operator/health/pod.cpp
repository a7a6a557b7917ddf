// Pods. Rules of kstatus, and the words of the kubelet for what keeps a container from running.
#include "health/condition.h"
#include "health/kinds.h"
#include "health/replicas.h"

namespace gitsync::health {
namespace {

/// What the kubelet says of one container; empty where it runs or is just starting.
std::string container_trouble(const nlohmann::json& container) {
  const auto& state = read_member(container, "state");
  const auto& waiting = read_member(state, "waiting");
  std::string reason = read_text(waiting, "reason");
  if (!waiting.is_object() || reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing") return {};
  const auto& last = read_member(read_member(container, "lastState"), "terminated");
  if (reason == "CrashLoopBackOff" && last.is_object()) {
    const std::string why = read_text(last, "reason");
    return cat(reason, ": exit code ", read_integer(last, "exitCode"), why.empty() || why == "Error" ? "" : cat(", ", why));
  }
  return reason;
}

bool crashes(const nlohmann::json& pod) {
  const auto& containers = read_member(read_member(pod, "status"), "containerStatuses");
  if (!containers.is_array()) return false;
  for (const auto& container : containers)
    if (read_text(read_member(read_member(container, "state"), "waiting"), "reason") == "CrashLoopBackOff") return true;
  return false;
}

} // namespace

std::string pod_trouble(const nlohmann::json& pod) {
  const auto& status = read_member(pod, "status");
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    const auto& containers = read_member(status, list);
    if (!containers.is_array()) continue;
    for (const auto& container : containers)
      if (auto trouble = container_trouble(container); !trouble.empty()) return trouble;
  }
  if (const auto& scheduled = condition_of(pod, "PodScheduled"); is_status(scheduled, "False")) return explain(scheduled);
  if (read_text(status, "phase") == "Failed") {
    const std::string reason = read_text(status, "reason");
    return reason.empty() ? "Failed" : reason;
  }
  return {};
}

Health of_pod(const nlohmann::json& live) {
  const auto& status = read_member(live, "status");
  const std::string phase = read_text(status, "phase");
  const std::string trouble = pod_trouble(live);
  if (phase == "Succeeded") return {};
  if (phase == "Failed") return {State::Degraded, trouble};
  if (phase == "Running" && is_status(condition_of(live, "Ready"), "True")) return {};
  if (phase == "Running" && crashes(live)) return {State::Degraded, trouble};
  if (!trouble.empty()) return {State::Progressing, trouble};
  return {State::Progressing, phase == "Running" ? "running, not ready" : "pending"};
}

} // namespace gitsync::health
