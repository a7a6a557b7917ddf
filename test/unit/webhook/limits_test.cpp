#include "webhook/limits.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::webhook;
using namespace std::chrono_literals;

TEST_CASE("an allowance lets a burst through, and then one at a time", "[webhook]") {
  Instant now{1000s};
  Allowance allowance(3, 1s);
  CHECK(allowance.full(now));
  for (int i = 0; i < 3; ++i) CHECK(allowance.take(now));
  CHECK_FALSE(allowance.take(now));
  CHECK_FALSE(allowance.full(now));
  CHECK_FALSE(allowance.take(now + 999ms));
  CHECK(allowance.take(now + 1s));
  CHECK_FALSE(allowance.take(now + 1s));
  now += 1h; // it doesn't save up
  for (int i = 0; i < 3; ++i) CHECK(allowance.take(now));
  CHECK_FALSE(allowance.take(now));
}

TEST_CASE("what was seen is known for its time, and the memory is bounded", "[webhook]") {
  const Instant now{1000s};
  Seen seen(2, 1min);
  CHECK_FALSE(seen.contains("a", now));
  seen.add("a", now);
  CHECK(seen.contains("a", now + 59s));
  CHECK_FALSE(seen.contains("a", now + 60s));
  seen.add("b", now);
  seen.add("b", now);
  CHECK(seen.size() == 1);
  seen.forget("b");
  CHECK_FALSE(seen.contains("b", now));
  for (const char* each : {"c", "d", "e", "f"}) seen.add(each, now);
  CHECK(seen.contains("f", now));
  CHECK_FALSE(seen.contains("c", now));
  CHECK(seen.size() <= 3);
}
