// Two writers fighting over one object: noticed and slowed down, never given up. Pure.
#pragma once
#include "base/clock.h"

#include <chrono>

namespace gitsync {

/// Of one object. Heat decays by e a minute and grows by one with each correction; beyond 5 it is a fight (Config Sync's
/// threshold): corrections pause, from 1 s doubling to 5 min, until a pause passes in which nobody interferes.
class Heat {
public:
  /// A correction is due. How long to wait before it: zero while this is no fight.
  std::chrono::milliseconds next(Instant now);
  bool fighting() const { return pause_.count() > 0; }
  /// Whether it can be forgotten: nothing for an hour.
  bool cold(Instant now) const { return now - last_ > std::chrono::hours(1); }

private:
  double heat_ = 0;
  Instant last_{};
  std::chrono::milliseconds pause_{0};
};

} // namespace gitsync
