// A Pause as the operator uses it: one managed object that is let go for a while. Pure.
#pragma once
#include "api/meta.h"
#include "api/spec_reader.h"
#include "base/clock.h"
#include "object/manifest.h"

#include <string>
#include <vector>

namespace gitsync::api {

struct Pause {
  Meta meta;
  std::string sync; // spec.syncRef.name, in the Pause's own namespace
  ObjectRef object;
  WallTime until{}; // creationTimestamp + spec.for
  std::string reason;
  std::string state; // status.state as it was written
};

namespace pause_state {
inline constexpr std::string_view waiting = "Waiting"; // the GitSync manages no such object (yet)
inline constexpr std::string_view active = "Active";
inline constexpr std::string_view ended = "Ended";
} // namespace pause_state

/// Never throws. InvalidSpec with all that is wrong.
Result<Pause> parse_pause(const nlohmann::json& object);
/// Every field that the parser reads, for the test that holds it against the CRD.
std::vector<FieldRead> pause_fields();

} // namespace gitsync::api
