#include "plan/window.h"

#include "base/clock.h"
#include "base/text.h"

#include <algorithm>
#include <cstdlib>

namespace gitsync {
namespace {
using namespace std::chrono;

constexpr hours longest_set_back{3}; // no zone sets its clocks back by more in our time
constexpr int most_changes = 500;

/// The first opening or closing of a window after that instant.
std::optional<sys_seconds> next_edge(const Window& window, sys_seconds after) {
  auto out = next_opening(window, after);
  if (const auto opened = next_opening(window, after - window.duration)) {
    const auto closes = *opened + window.duration;
    if (!out || closes < *out) out = closes;
  }
  return out;
}

bool is_open(const Window& window, sys_seconds now) {
  const auto opened = next_opening(window, now - window.duration);
  return opened && *opened <= now;
}

} // namespace

std::optional<sys_seconds> next_opening(const Window& window, sys_seconds after) {
  const local_seconds shown((after + window.zone->offset(after)).time_since_epoch());
  std::optional<sys_seconds> best;
  for (auto time = window.opens.next(shown - longest_set_back); time; time = window.opens.next(*time)) {
    const auto instants = window.zone->instants(*time);
    const auto take = [&](sys_seconds at) {
      if (at > after && (!best || at < *best)) best = at;
    };
    take(instants.first);
    if (instants.second && window.opens.every_hour()) take(*instants.second);
    if (instants.first > after) break; // what comes later on the clock begins later
  }
  return best;
}

bool may_apply(const std::vector<Window>& windows, sys_seconds now) {
  bool any_allow = false, allowed = false;
  for (const auto& window : windows) {
    const bool open = is_open(window, now);
    if (open && !window.allow) return false;
    any_allow |= window.allow;
    allowed |= open && window.allow;
  }
  return allowed || !any_allow;
}

std::optional<sys_seconds> next_change(const std::vector<Window>& windows, sys_seconds now) {
  const bool before = may_apply(windows, now);
  auto at = now;
  for (int i = 0; i < most_changes; ++i) {
    std::optional<sys_seconds> edge;
    for (const auto& window : windows)
      if (const auto next = next_edge(window, at); next && (!edge || *next < *edge)) edge = next;
    if (!edge) return {};
    at = *edge;
    if (may_apply(windows, at) != before) return at;
  }
  return {};
}

std::string zoned_text(sys_seconds at, const Zone& zone) {
  const auto offset = zone.offset(at);
  const auto ahead = duration_cast<minutes>(abs(offset)).count();
  const auto two = [](int64_t number) { return cat(number < 10 ? "0" : "", number); };
  return cat(rfc3339(at + offset).substr(0, 16), offset < seconds(0) ? "-" : "+", two(ahead / 60), ":", two(ahead % 60));
}

} // namespace gitsync
