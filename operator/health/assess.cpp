// Which rule is a kind's, and what holds for all kinds before it.
#include "base/json_read.h"
#include "base/text.h"
#include "health/condition.h"
#include "health/health.h"
#include "health/kinds.h"

#include <array>

namespace gitsync::health {
namespace {

using Rule = Health (*)(const nlohmann::json&);
struct Row {
  std::string_view group, kind;
  Rule rule;
};

Health always_well(const nlohmann::json& live) {
  (void)live;
  return {};
}

constexpr std::array rows = {
    Row{"apps", "Deployment", of_deployment},
    Row{"apps", "StatefulSet", of_stateful_set},
    Row{"apps", "DaemonSet", of_daemon_set},
    Row{"apps", "ReplicaSet", of_replica_set},
    Row{"", "ReplicationController", of_replica_set},
    Row{"", "Pod", of_pod},
    Row{"batch", "Job", of_job},
    Row{"batch", "CronJob", always_well},
    Row{"", "PersistentVolumeClaim", of_volume_claim},
    Row{"", "Service", of_service},
    Row{"", "Namespace", of_namespace},
    Row{"policy", "PodDisruptionBudget", always_well},
    Row{"apiextensions.k8s.io", "CustomResourceDefinition", of_definition},
    Row{"apiregistration.k8s.io", "APIService", of_api_service},
};

Rule rule_of(const GroupKind& kind) {
  for (const auto& row : rows)
    if (row.group == kind.group && row.kind == kind.kind) return row.rule;
  return of_conditions;
}

} // namespace

std::string_view state_text(State state) {
  switch (state) {
  case State::Healthy: return "Healthy";
  case State::Suspended: return "Suspended";
  case State::Unknown: return "Unknown";
  case State::Progressing: return "Progressing";
  case State::Degraded: return "Degraded";
  }
  return "Unknown";
}

State parse_state(std::string_view text) {
  for (const auto state : {State::Healthy, State::Suspended, State::Progressing, State::Degraded})
    if (text == state_text(state)) return state;
  return State::Unknown;
}

std::optional<Health> assess_early(const nlohmann::json& live) {
  const auto& metadata = read_member(live, "metadata");
  if (!read_text(metadata, "deletionTimestamp").empty()) return Health{State::Progressing, "being deleted"};
  // A status of an earlier generation says nothing about what was applied a moment ago.
  const auto& observed = read_member(read_member(live, "status"), "observedGeneration");
  if (observed.is_number_integer() && observed.get<int64_t>() < read_integer(metadata, "generation"))
    return Health{State::Progressing, "its controller has not seen the change yet"};
  return {};
}

Health assess(const GroupKind& kind, const nlohmann::json& live) {
  if (auto early = assess_early(live)) return std::move(*early);
  const auto& metadata = read_member(live, "metadata");
  const auto& observed = read_member(read_member(live, "status"), "observedGeneration");
  const Rule rule = rule_of(kind);
  // A workload whose controller has never looked at it has no observedGeneration at all.
  if (kind.group == "apps" && rule != of_conditions && !observed.is_number_integer() && !metadata.empty())
    return {State::Progressing, "its controller has not seen it yet"};
  return rule(live);
}

std::string describe(const ObjectRef& ref, const Health& health) {
  return cat(ref.kind, ' ', ref.ns, ref.ns.empty() ? "" : "/", ref.name, ": ",
             health.why.empty() ? state_text(health.state) : health.why);
}

} // namespace gitsync::health
