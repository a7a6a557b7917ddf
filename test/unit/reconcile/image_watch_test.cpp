#include "reconcile/image_watch.h"

#include "support/catch.h"

using namespace gitsync::reconcile;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

TEST_CASE("pauses between looks grow from 5 s to a minute, with jitter, and the registry's wish counts",
          "[reconcile][images]") {
  CHECK(pause_between_looks(1, 0.5, 0ms) == 5s);
  CHECK(pause_between_looks(2, 0.5, 0ms) == 10s);
  CHECK(pause_between_looks(4, 0.5, 0ms) == 40s);
  CHECK(pause_between_looks(5, 0.5, 0ms) == 60s);
  CHECK(pause_between_looks(1'000'000, 0.5, 0ms) == 60s);
  CHECK(pause_between_looks(1, 0, 0ms) == 4s);
  CHECK(pause_between_looks(1, 1, 0ms) == 6s);
  CHECK(pause_between_looks(1, 0.5, 30s) == 30s);
  CHECK(pause_between_looks(1, 0.5, 1s) == 5s);
  CHECK(pause_between_looks(1, 0.5, 3600s) == 600s); // who says "in an hour" is asked again all the same
}
