#include "drift/heat.h"

#include "support/catch.h"

#include <random>

using namespace gitsync;
using namespace std::chrono_literals;

namespace {
const Instant start = Instant{} + 100h; // a machine that runs for a while
}

TEST_CASE("an object that is corrected now and then is corrected at once", "[drift]") {
  Heat heat;
  for (int i = 0; i < 500; ++i) {
    CHECK(heat.next(start + i * 30s) == 0ms); // decays by e a minute: never above 2.6
    CHECK_FALSE(heat.fighting());
  }
}

TEST_CASE("five corrections in a row are at once, the sixth pauses", "[drift]") {
  Heat heat;
  for (int i = 0; i < 5; ++i) CHECK(heat.next(start) == 0ms);
  CHECK_FALSE(heat.fighting());
  CHECK(heat.next(start) == 1s);
  CHECK(heat.fighting());
}

TEST_CASE("in a fight pauses double up to five minutes and stay there", "[drift]") {
  Heat heat;
  auto now = start;
  auto pause = 0ms;
  while (pause == 0ms) pause = heat.next(now);
  for (auto expected = 1'000ms; expected < 300s; expected *= 2) {
    CHECK(pause == expected);
    now += pause + 10ms; // the other one is back right after our correction
    pause = heat.next(now);
    CHECK(heat.fighting());
  }
  for (int i = 0; i < 20; ++i) {
    CHECK(pause == 300s);
    now += pause + 10ms;
    pause = heat.next(now);
  }
}

TEST_CASE("a fight is over when a pause passes in which nobody interferes", "[drift]") {
  Heat heat;
  auto now = start;
  auto pause = 0ms;
  for (int i = 0; i < 12; ++i) {
    now += pause;
    pause = heat.next(now);
  }
  REQUIRE(heat.fighting());
  now += 3 * pause + 2min; // far beyond the pause
  CHECK(heat.next(now) == 0ms);
  CHECK_FALSE(heat.fighting());
}

TEST_CASE("a pause is always zero or between one second and five minutes", "[drift]") {
  const auto seed = GENERATE(range(0u, 30u));
  std::mt19937 random(seed);
  Heat heat;
  auto now = start;
  for (int i = 0; i < 500; ++i) {
    now += std::chrono::milliseconds(random() % (random() % 20 == 0 ? 3'600'000 : 3'000));
    const auto pause = heat.next(now);
    CHECK((pause == 0ms || (pause >= 1s && pause <= 300s)));
    CHECK(heat.fighting() == (pause > 0ms));
    if (random() % 2) now += pause;
  }
}

TEST_CASE("on a machine that has just started the first correction is at once", "[drift]") {
  Heat heat;
  CHECK(heat.next(Instant{} + 1s) == 0ms); // the steady clock may begin at the start of the machine
}

TEST_CASE("it can be forgotten after an hour of rest", "[drift]") {
  Heat heat;
  heat.next(start);
  CHECK_FALSE(heat.cold(start));
  CHECK_FALSE(heat.cold(start + 60min));
  CHECK(heat.cold(start + 61min));
}
