// Reading JSON that may be anything: what is missing or of another type reads as the empty value. Never throws. Pure.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gitsync {

/// The member of that name, or null where there is none or `object` is not an object.
inline const nlohmann::json& read_member(const nlohmann::json& object, std::string_view name) {
  static const nlohmann::json none;
  if (!object.is_object()) return none;
  const auto it = object.find(name);
  return it == object.end() ? none : *it;
}

inline std::string read_text(const nlohmann::json& object, std::string_view name) {
  const auto& value = read_member(object, name);
  return value.is_string() ? value.get_ref<const std::string&>() : std::string();
}

/// 0 where it is no integer; JSON's unsigned values beyond int64 cannot come from the API server.
inline int64_t read_integer(const nlohmann::json& object, std::string_view name) {
  const auto& value = read_member(object, name);
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}

inline double read_number(const nlohmann::json& object, std::string_view name) {
  const auto& value = read_member(object, name);
  return value.is_number() ? value.get<double>() : 0;
}

} // namespace gitsync
