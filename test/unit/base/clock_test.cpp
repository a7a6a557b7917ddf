#include "base/clock.h"

#include "base/text.h"
#include "support/catch.h"

#include <random>

using namespace gitsync;
using namespace std::chrono_literals;

namespace {
WallTime at(int64_t microseconds) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::microseconds(microseconds)));
}
} // namespace

TEST_CASE("times as Kubernetes writes them", "[base]") {
  CHECK(rfc3339(at(0)) == "1970-01-01T00:00:00Z");
  CHECK(rfc3339_micro(at(0)) == "1970-01-01T00:00:00.000000Z");
  CHECK(rfc3339(at(1795412756'999999)) == "2026-11-23T05:45:56Z"); // never rounded up
  CHECK(rfc3339_micro(at(1795412756'000042)) == "2026-11-23T05:45:56.000042Z");
}

TEST_CASE("times come back as they were written", "[base]") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 500; ++i) {
    const auto time = at(static_cast<int64_t>(random() % 4'000'000'000'000'000)); // until 2096
    REQUIRE(parse_rfc3339(rfc3339_micro(time)) == time);
    REQUIRE(parse_rfc3339(rfc3339(time)) == std::chrono::floor<std::chrono::seconds>(time));
  }
}

TEST_CASE("times of other writers", "[base]") {
  const auto expected = at(1795412756'000000);
  CHECK(parse_rfc3339("2026-11-23T05:45:56Z") == expected);
  CHECK(parse_rfc3339("2026-11-23T05:45:56.000000001Z") == expected + std::chrono::nanoseconds(1));
  CHECK(parse_rfc3339("2026-11-23T05:45:56.1234567890123Z") == expected + std::chrono::nanoseconds(123'456'789));
  CHECK(parse_rfc3339("2026-11-23T06:45:56+01:00") == expected);
  CHECK(parse_rfc3339("2026-11-23T00:15:56-05:30") == expected);
  CHECK(parse_rfc3339("2026-11-23T06:45:56.5+01:00") == expected + 500ms);
  CHECK(parse_rfc3339("2024-02-29T00:00:00Z"));
}

TEST_CASE("what is no time is refused", "[base]") {
  for (const std::string text : {"", "now", "2026-11-23", "2026-11-23T05:45:56", "2026-11-23 05:45:56Z", "2026-13-01T00:00:00Z",
                                 "2026-11-23T25:00:00Z", "2026-11-23T05:61:00Z", "2026-11-23T05:45:56Zjunk",
                                 "2026-11-23T05:45:56+0100", "2026-11-23T05:45:56+", "2026-11-23T05:45:56+01:00junk"}) {
    INFO("\"" << text << "\"");
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("a year beyond the clock's range is refused or kept, never wrapped into another one", "[base]") {
  // A Lease's renewTime is anybody's text: a date of 9999 that becomes one of 1816 would hand the lease over.
  for (const std::string text :
       {"2262-04-12T00:00:00Z", "2500-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}) {
    INFO(text);
    const auto time = parse_rfc3339(text);
    CHECK((!time || rfc3339(*time) == text));
  }
}

TEST_CASE("durations as Go writes them", "[base]") {
  const std::vector<std::pair<std::string, std::chrono::milliseconds>> rows = {
      {"0", 0ms},       {"0s", 0ms},      {"30s", 30s},       {"5m", 5min},
      {"1h30m", 90min}, {"300ms", 300ms}, {"1.5h", 90min},    {"1h1m1s1ms", 3661001ms},
      {".5s", 500ms},   {"1500us", 2ms},  {"2000000ns", 2ms}, {"10m0s", 10min},
      {"0.25m", 15s},   {"720h", 720h},   {"1m1m", 2min},
  };
  for (const auto& [text, expected] : rows) {
    INFO("\"" << text << "\"");
    const auto parsed = parse_duration(text);
    REQUIRE(parsed);
    CHECK(*parsed == expected);
  }
}

TEST_CASE("what is no duration is refused with its text", "[base]") {
  for (const std::string text : {"", " ", "5", "1h5", "-5s", "s", ".s", "5x", "1e3s", "1d", "5 s", " 5s", "5s ", "inf", "nans",
                                 "0x10s", "1..5s", "99999999999999999999h"}) {
    INFO("\"" << text << "\"");
    const auto parsed = parse_duration(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Code::InvalidSpec);
    CHECK(parsed.error().message.find(text) != std::string::npos);
  }
}

TEST_CASE("durations are written as Go reads them", "[base]") {
  using namespace std::chrono_literals;
  const std::pair<std::chrono::milliseconds, const char*> rows[] = {
      {0ms, "0s"}, {300ms, "300ms"}, {90s, "1m30s"}, {5min, "5m"}, {1h + 30min, "1h30m"}, {24h, "24h"}, {1500ms, "1s500ms"}};
  for (const auto& [duration, text] : rows) {
    CHECK(gitsync::duration_text(duration) == text);
    CHECK(gitsync::parse_duration(text) == duration);
  }
}
