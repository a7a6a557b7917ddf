// Counting replicas as the workload controllers do. Pure.
#pragma once
#include "base/json_read.h"
#include "base/text.h"

#include <cstdint>
#include <string>

namespace gitsync::health {

/// spec.replicas, which is 1 where it is missing.
inline int64_t wanted_replicas(const nlohmann::json& live) {
  const auto& spec = read_member(live, "spec");
  return read_member(spec, "replicas").is_number_integer() ? read_integer(spec, "replicas") : 1;
}

/// "1/3 available"
inline std::string count_text(int64_t have, int64_t wanted, std::string_view what) { return cat(have, "/", wanted, " ", what); }

} // namespace gitsync::health
