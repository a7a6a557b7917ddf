// Sync windows: when revisions may be applied. Pure; the time zone's rules are handed in.
#pragma once
#include "api/cron.h"

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace gitsync {

/// A time zone's rules, as reconcile/zones.h reads them from the system's database.
class Zone {
public:
  virtual ~Zone() = default;
  /// How far its clocks are ahead of UTC at that instant.
  virtual std::chrono::seconds offset(std::chrono::sys_seconds at) const = 0;
  /// The instants at which its clocks show that time: one; or two where they are set back; or, where they are set forward over
  /// it, the one at which they were.
  struct Instants {
    std::chrono::sys_seconds first;
    std::optional<std::chrono::sys_seconds> second;
  };
  virtual Instants instants(std::chrono::local_seconds shown) const = 0;
};

struct Window {
  bool allow = true; // false: deny
  api::Cron opens;
  std::chrono::seconds duration{0};
  std::shared_ptr<const Zone> zone; // never null
};

/// The first opening after that instant. What a zone's clocks skip happens when they have skipped it; what they show twice
/// happens at the first time, and at both where the schedule leaves no hour out. The latter as robfig/cron (Kubernetes'
/// CronJob) does; the former it leaves out, which for a deny window would be a hole.
std::optional<std::chrono::sys_seconds> next_opening(const Window& window, std::chrono::sys_seconds after);

/// Inside an allow window, where there is any, and outside every deny window.
bool may_apply(const std::vector<Window>& windows, std::chrono::sys_seconds now);

/// When may_apply() next gives another answer. Nothing where that is never, or beyond some hundred openings and closings.
std::optional<std::chrono::sys_seconds> next_change(const std::vector<Window>& windows, std::chrono::sys_seconds now);

/// "2026-11-26T08:00+01:00", as that zone's clocks show it.
std::string zoned_text(std::chrono::sys_seconds at, const Zone& zone);

} // namespace gitsync
