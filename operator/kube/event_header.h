// The first bytes of a watch event: enough to tell an echo of our own write from news, without reading the object. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gitsync::kube {

/// Of one line of a watch: {"type":…,"object":{…,"metadata":{…}}}.
struct EventHeader {
  std::string type; // "ADDED", "MODIFIED", …
  std::string ns, name;
  std::string resource_version;

  /// The resourceVersion as a number; 0 where it is not one.
  uint64_t version_number() const;
};

/// Reads up to metadata.resourceVersion and no further: the API server writes it before managedFields and spec (for custom
/// resources after managedFields, before spec). Nothing where the line has another shape: then the whole of it has to be read.
std::optional<EventHeader> event_header(std::string_view line);

} // namespace gitsync::kube
