// CustomResourceDefinitions, APIServices and Namespaces: what other objects need before they can exist.
#include "health/condition.h"
#include "health/kinds.h"

namespace gitsync::health {

Health of_definition(const nlohmann::json& live) {
  if (const auto& names = condition_of(live, "NamesAccepted"); is_status(names, "False"))
    return {State::Degraded, explain(names)};
  const auto& established = condition_of(live, "Established");
  if (is_status(established, "True")) return {};
  if (is_status(established, "False") && read_text(established, "reason") != "Installing")
    return {State::Degraded, explain(established)};
  return {State::Progressing, "not established yet"};
}

Health of_api_service(const nlohmann::json& live) {
  const auto& available = condition_of(live, "Available");
  if (is_status(available, "True")) return {};
  return {State::Progressing, available.is_object() ? explain(available) : "not available yet"};
}

Health of_namespace(const nlohmann::json& live) {
  if (read_text(read_member(live, "status"), "phase") == "Terminating") return {State::Progressing, "terminating"};
  return {};
}

} // namespace gitsync::health
