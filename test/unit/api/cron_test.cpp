#include "api/cron.h"
#include "base/clock.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::api;
using namespace std::chrono;

namespace {

local_seconds shown(const char* text) {
  return local_seconds(floor<seconds>(*parse_rfc3339(std::string(text) + ":00Z")).time_since_epoch());
}
std::string text(local_seconds time) { return rfc3339(sys_seconds(time.time_since_epoch())).substr(0, 16); }

std::string next(const char* schedule, const char* after) {
  const auto cron = Cron::parse(schedule);
  REQUIRE(cron);
  const auto found = cron->next(shown(after));
  return found ? text(*found) : "never";
}

} // namespace

TEST_CASE("the next time of a schedule, as crontabs are read everywhere", "[api][cron]") {
  const struct {
    const char *schedule, *after, *next;
  } rows[] = {
      {"0 8 * * 1-5", "2026-11-25T07:59", "2026-11-25T08:00"}, // a Wednesday
      {"0 8 * * 1-5", "2026-11-25T08:00", "2026-11-26T08:00"}, // after, not at
      {"0 8 * * 1-5", "2026-11-27T08:00", "2026-11-30T08:00"},    {"0 8 * * MON-fri", "2026-11-27T08:00", "2026-11-30T08:00"},
      {"*/15 * * * *", "2026-11-25T08:01", "2026-11-25T08:15"},   {"*/15 * * * *", "2026-11-25T08:46", "2026-11-25T09:00"},
      {"7/20 3 * * *", "2026-11-25T03:07", "2026-11-25T03:27"},   {"0,30 9,17 * * *", "2026-11-25T09:30", "2026-11-25T17:00"},
      {"59 23 31 12 *", "2026-11-25T00:00", "2026-12-31T23:59"},  {"0 0 1 jan *", "2026-01-01T00:00", "2027-01-01T00:00"},
      {"0 0 29 2 *", "2096-02-29T00:00", "2104-02-29T00:00"}, // 2100 is no leap year
      {"0 0 31 * *", "2026-01-31T00:00", "2026-03-31T00:00"},     {"0 0 ? * 0", "2026-11-25T00:00", "2026-11-29T00:00"},
      {"0 0 13 * 5", "2026-11-25T00:00", "2026-11-27T00:00"},  // either day field
      {"0 0 13 * *", "2026-11-25T00:00", "2026-12-13T00:00"},  // only one says something
      {"0 0 */2 * 1", "2026-11-25T12:00", "2026-11-27T00:00"}, // a step says something
      {"  5   4 * * * ", "2026-11-25T12:00", "2026-11-26T04:05"},
  };
  for (const auto& row : rows) {
    INFO(row.schedule << " after " << row.after);
    CHECK(next(row.schedule, row.after) == row.next);
  }
}

TEST_CASE("a schedule that is none, or never happens, is refused with what is wrong", "[api][cron]") {
  const std::pair<const char*, const char*> rows[] = {
      {"", "five fields"},
      {"* * * *", "five fields"},
      {"0 0 8 * * 1", "five fields"},
      {"@daily", "five fields"},
      {"60 * * * *", "the minute"},
      {"-1 * * * *", "the minute"},
      {"1- * * * *", "the minute"},
      {"5-1 * * * *", "the minute"},
      {"*/0 * * * *", "the minute"},
      {"1,,2 * * * *", "the minute"},
      {"* 24 * * *", "the hour"},
      {"* * 0 * *", "the day of month"},
      {"* * 32 * *", "the day"},
      {"* * * 13 *", "the month"},
      {"* * * foo *", "the month"},
      {"* * * * 7", "the day of week"},
      {"* * * * funday", "the day"},
      {"0 0 30 2 *", "never happens"},
      {"0 0 31 4,6 *", "never"},
      {"99999999999 * * * *", "minute"},
      {"*/-1 * * * *", "minute"},
      {"1-2-3 * * * *", "minute"},
      {"1/2/3 * * * *", "minute"},
      {"mon * * * *", "minute"},
  };
  for (const auto& [schedule, part] : rows) {
    INFO(schedule);
    const auto cron = Cron::parse(schedule);
    REQUIRE(!cron);
    CHECK(cron.error().code == Code::InvalidSpec);
    CHECK(cron.error().message.find(part) != std::string::npos);
  }
}

TEST_CASE("the next time is after, and no minute between fits", "[api][cron]") {
  // Against a walk minute by minute, which asks next() only whether the minute itself fits.
  for (const char* schedule : {"*/7 3-5 * * *", "13 */6 1,15 * 2", "0 0 * */3 sun"}) {
    const auto cron = Cron::parse(schedule);
    REQUIRE(cron);
    auto at = shown("2026-02-26T22:10");
    for (int i = 0; i < 20; ++i) {
      const auto found = cron->next(at);
      REQUIRE(found);
      CHECK(*found > at);
      CHECK(cron->next(*found - minutes(1)) == found);
      CHECK(cron->next(at + (*found - at) / 2) == found);
      at = *found;
    }
  }
}
