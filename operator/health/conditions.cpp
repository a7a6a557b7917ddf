// Kinds without rules of their own. Rules of kstatus: the conditions Ready, Reconciling and Stalled, which most controllers
// set.
#include "health/condition.h"
#include "health/kinds.h"

namespace gitsync::health {

Health of_conditions(const nlohmann::json& live) {
  if (const auto& stalled = condition_of(live, "Stalled"); is_status(stalled, "True"))
    return {State::Degraded, explain(stalled)};
  if (const auto& reconciling = condition_of(live, "Reconciling"); is_status(reconciling, "True"))
    return {State::Progressing, explain(reconciling)};
  const auto& ready = condition_of(live, "Ready");
  if (!ready.is_object() || is_status(ready, "True")) return {};
  const std::string why = explain(ready);
  return {State::Progressing, why.empty() ? "not ready" : why};
}

} // namespace gitsync::health
