// spec.selector of a workload → the text of a list request's labelSelector.
#include "health/kinds.h"
#include "health/replicas.h"

namespace gitsync::health {
namespace {

std::string expression(const nlohmann::json& requirement) {
  std::string key = read_text(requirement, "key");
  const std::string op = read_text(requirement, "operator");
  if (op == "Exists") return key;
  if (op == "DoesNotExist") return cat('!', key);
  std::vector<std::string> values;
  if (const auto& list = read_member(requirement, "values"); list.is_array())
    for (const auto& value : list)
      if (value.is_string()) values.push_back(value.get<std::string>());
  return cat(key, op == "NotIn" ? " notin (" : " in (", join(values, ","), ")");
}

} // namespace

std::string pod_selector(const nlohmann::json& workload) {
  const auto& selector = read_member(read_member(workload, "spec"), "selector");
  if (!selector.is_object()) return {};
  // A ReplicationController's selector is the map itself.
  const bool plain = !selector.contains("matchLabels") && !selector.contains("matchExpressions");
  std::vector<std::string> parts;
  if (const auto& labels = plain ? selector : read_member(selector, "matchLabels"); labels.is_object())
    for (const auto& [key, value] : labels.items())
      if (value.is_string()) parts.push_back(cat(key, '=', value.get_ref<const std::string&>()));
  if (const auto& expressions = read_member(selector, "matchExpressions"); expressions.is_array())
    for (const auto& requirement : expressions) parts.push_back(expression(requirement));
  return join(parts, ",");
}

} // namespace gitsync::health
