#include "drift/heat.h"

#include <algorithm>
#include <cmath>

namespace gitsync {
namespace {
constexpr double threshold = 5;
constexpr std::chrono::milliseconds shortest{1'000}, longest{300'000};
} // namespace

std::chrono::milliseconds Heat::next(Instant now) {
  const auto since = now - last_;
  heat_ = heat_ * std::exp(-std::max(0.0, std::chrono::duration<double, std::ratio<60>>(since).count())) + 1;
  last_ = now;
  if (fighting() && since < 2 * pause_ + std::chrono::seconds(60))
    pause_ = std::min(2 * pause_, longest);
  else
    pause_ = heat_ > threshold ? shortest : std::chrono::milliseconds(0);
  return pause_;
}

} // namespace gitsync
