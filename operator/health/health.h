// How well an object is, told from its live state. Pure.
//
// The rules are kstatus' (github.com/kubernetes-sigs/cli-utils, pkg/kstatus) as Flux's and Config Sync's users know them, one
// kind per file. Where we differ, the file says so:
//   - a Job is awaited until it is complete (kstatus calls a running one current);
//   - a Service of type LoadBalancer is awaited until it has an address (kstatus looks at the cluster IP only);
//   - a paused Deployment is Suspended, an APIService is judged by its Available condition.
#pragma once
#include "object/manifest.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace gitsync::health {

/// From well to ill: the state of several objects is that of the worst.
enum class State : uint8_t {
  Healthy,
  Suspended,   // somebody paused it: it waits for nothing, and nothing waits for it
  Unknown,     // not seen yet
  Progressing, // on its way
  Degraded,    // has failed, and will not come right by waiting
};

struct Health {
  State state = State::Healthy;
  std::string why; // "1/3 available"; empty where Healthy. Not redacted: it may quote a condition's message
  friend bool operator==(const Health&, const Health&) = default;
};

/// "Healthy", "Suspended", …: as status.health shows it.
std::string_view state_text(State state);
State parse_state(std::string_view text); // Unknown for anything else

/// Of the object as the API server has it. Never throws, whatever the JSON is; a kind without rules and conditions is Healthy.
Health assess(const GroupKind& kind, const nlohmann::json& live);

/// What holds before any rule of a kind: an object that is being deleted, or whose status is of an earlier generation, is
/// Progressing; nothing where its rule has to be asked.
std::optional<Health> assess_early(const nlohmann::json& live);

/// "Deployment shop/api: 1/3 available": kind and name as people say them, without the group.
std::string describe(const ObjectRef& ref, const Health& health);

} // namespace gitsync::health
