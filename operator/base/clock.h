// Times as Kubernetes writes them, and durations as Go writes them.
#pragma once
#include "base/error.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gitsync {

using Instant = std::chrono::steady_clock::time_point;  // for measuring and timers
using WallTime = std::chrono::system_clock::time_point; // for people and for other machines

/// "2026-11-23T05:45:56Z", metav1.Time.
std::string rfc3339(WallTime time);
/// "2026-11-23T05:45:56.123456Z", metav1.MicroTime.
std::string rfc3339_micro(WallTime time);
/// Reads both of the above and nanoseconds; UTC ("Z") or a numeric offset.
std::optional<WallTime> parse_rfc3339(std::string_view text);

/// Go's time.ParseDuration: "1h30m", "15s", "300ms", "1.5h". Negative and unit-less ones are errors.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// As Go writes them, and without what is zero: "5m", "1h30m", "1m30s", "300ms", "0s".
std::string duration_text(std::chrono::milliseconds duration);

inline double milliseconds_between(Instant from, Instant to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

} // namespace gitsync
