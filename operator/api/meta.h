// What the operator needs of a custom resource's metadata. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::api {

struct Meta {
  std::string ns, name, uid, resource_version;
  int64_t generation = 0;
  bool deleting = false;                                       // metadata.deletionTimestamp is set
  std::vector<std::string> finalizers;                         // all of them
  std::map<std::string, std::string, std::less<>> annotations; // ours only (is_own_key): others' may be large and many

  /// "namespace/name": the key of queues and maps.
  std::string key() const;
  bool has_finalizer(std::string_view finalizer) const;
  /// Value of an annotation of ours, "" where there is none.
  std::string annotation(std::string_view key) const;
  /// The value of requested_at_annotation: differs from status.lastHandledReconcileAt while a request is open.
  std::string requested_at() const;
};

/// Always works, so that an object whose spec cannot be used still gets its condition and its finalizer removed.
Meta parse_meta(const nlohmann::json& object);

} // namespace gitsync::api
