// Reading status.conditions of anybody's object. Pure; inline since each rule needs two of them.
#pragma once
#include "base/json_read.h"

#include <string>
#include <string_view>

namespace gitsync::health {

/// The condition of that type, or null.
inline const nlohmann::json& condition_of(const nlohmann::json& live, std::string_view type) {
  static const nlohmann::json none;
  const auto& conditions = read_member(read_member(live, "status"), "conditions");
  if (!conditions.is_array()) return none;
  for (const auto& condition : conditions)
    if (read_text(condition, "type") == type) return condition;
  return none;
}

inline bool is_status(const nlohmann::json& condition, std::string_view status) {
  return read_text(condition, "status") == status;
}

/// "reason: message", or what there is of the two.
inline std::string explain(const nlohmann::json& condition) {
  const std::string reason = read_text(condition, "reason"), message = read_text(condition, "message");
  if (reason.empty() || message.empty()) return reason + message;
  return reason + ": " + message;
}

} // namespace gitsync::health
