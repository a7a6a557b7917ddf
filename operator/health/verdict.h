// Whether an applied revision counts as done. Pure.
#pragma once
#include "base/clock.h"
#include "health/health.h"

#include <chrono>

namespace gitsync::health {

enum class Verdict {
  Done,     // healthy, or nobody waits for that
  Waiting,  // on its way, and in time
  Failed,   // an object says that it will not come right by itself
  TimedOut, // not healthy in time
};

struct Case {
  bool wait = true; // spec.health.wait
  bool seen = true; // every object was looked at
  State worst = State::Healthy;
  Instant since{}; // applied, or, after that, the first object fell ill
  std::chrono::milliseconds timeout{0};
  Instant now{};
};

inline Verdict judge(const Case& of) {
  if (!of.wait || (of.seen && of.worst <= State::Suspended)) return Verdict::Done;
  if (of.worst == State::Degraded) return Verdict::Failed;
  return of.now - of.since >= of.timeout ? Verdict::TimedOut : Verdict::Waiting;
}

} // namespace gitsync::health
