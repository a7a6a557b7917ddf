// What an import could not say, collected while it is written. Pure.
#pragma once
#include "api/names.h"
#include "app/import.h"

#include <initializer_list>
#include <string_view>

namespace gitsync::app {

class Notes {
public:
  explicit Notes(Imported& imported) : imported_(imported) {}
  /// "spec.force: …".
  void add(std::string_view path, std::string_view text);
  /// A note for every member of an object that isn't among the known ones.
  void rest(const nlohmann::json& object, std::string_view path, std::initializer_list<std::string_view> known);
  /// A note where what was written could not be used.
  void check();

private:
  Imported& imported_;
};

/// Whether spec of a GitSync has such a field.
bool git_sync_has(std::string_view path);

/// The frame of an object of ours.
inline nlohmann::json new_object(std::string_view kind, const std::string& ns, const std::string& name) {
  nlohmann::json metadata = {{"name", name}};
  if (!ns.empty()) metadata["namespace"] = ns;
  return {{"apiVersion", api::api_group_version}, {"kind", kind}, {"metadata", metadata}, {"spec", nlohmann::json::object()}};
}

} // namespace gitsync::app
