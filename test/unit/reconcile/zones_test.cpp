// Sync windows in real time zones: the system's database, plan/window.h's rules.
#include "base/clock.h"
#include "reconcile/zones.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::reconcile;
using namespace std::chrono;

namespace {

sys_seconds at(const char* text) { return floor<seconds>(*parse_rfc3339(text)); }

Window window(bool allow, const char* schedule, seconds duration, const char* zone) {
  const auto opens = api::Cron::parse(schedule);
  const auto found = find_zone(zone);
  REQUIRE(opens);
  REQUIRE(found);
  return {allow, *opens, duration, *found};
}

std::string text(const std::optional<sys_seconds>& time) { return time ? rfc3339(*time) : "never"; }

} // namespace

TEST_CASE("a window opens by its zone's clocks, also where they are set", "[windows]") {
  const struct {
    const char *zone, *schedule, *after, *opens;
  } rows[] = {
      {"UTC", "0 8 * * *", "2026-11-25T07:00:00Z", "2026-11-25T08:00:00Z"},
      {"Europe/Berlin", "0 8 * * *", "2026-11-25T06:59:59Z", "2026-11-25T07:00:00Z"},
      {"Europe/Berlin", "0 8 * * *", "2026-07-25T00:00:00Z", "2026-07-25T06:00:00Z"},
      {"Asia/Kolkata", "30 8 * * *", "2026-11-25T00:00:00Z", "2026-11-25T03:00:00Z"},
      {"America/New_York", "0 20 * * 0", "2026-11-25T00:00:00Z", "2026-11-30T01:00:00Z"},
      {"Pacific/Kiritimati", "0 0 1 1 *", "2026-11-25T00:00:00Z", "2026-12-31T10:00:00Z"}, // UTC+14
      // Berlin, 29 March 2026: from 02:00 to 03:00 at 01:00Z. What is skipped happens when it has been skipped.
      {"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
      {"Europe/Berlin", "30 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
      {"Europe/Berlin", "0 3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
      // Berlin, 25 October 2026: from 03:00 back to 02:00 at 01:00Z. What is shown twice happens at the first time.
      {"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
      {"Europe/Berlin", "30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
      {"Europe/Berlin", "30 2 * * *", "2026-10-25T01:15:00Z", "2026-10-26T01:30:00Z"},
      // Where no hour is left out it goes by elapsed time.
      {"Europe/Berlin", "30 * * * *", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
      {"Europe/Berlin", "30 * * * *", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"},
      {"Europe/Berlin", "*/20 * * * *", "2026-10-25T00:40:00Z", "2026-10-25T01:00:00Z"},
      // Thirty minutes only.
      {"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z"},
  };
  for (const auto& row : rows) {
    INFO(row.zone << " " << row.schedule << " after " << row.after);
    CHECK(text(next_opening(window(true, row.schedule, 1h, row.zone), at(row.after))) == row.opens);
  }
}

TEST_CASE("allow and deny windows: when a revision may be applied, and until when", "[windows]") {
  const auto office = window(true, "0 8 * * 1-5", 8h, "Europe/Berlin");
  const auto freeze = window(false, "0 10 26 11 *", 2h, "Europe/Berlin");
  const auto night = window(true, "0 22 * * *", 8h, "UTC"); // beyond midnight
  const auto always = window(true, "* * * * *", 1h, "UTC");
  const auto never_end = window(false, "0 0 * * *", 24h, "UTC"); // one follows the other
  const struct {
    std::vector<Window> windows;
    const char* now;
    bool allowed;
    const char* until;
  } rows[] = {
      {{}, "2026-11-25T00:00:00Z", true, "never"},
      {{office}, "2026-11-25T06:59:59Z", false, "2026-11-25T07:00:00Z"}, // Wednesday
      {{office}, "2026-11-25T07:00:00Z", true, "2026-11-25T15:00:00Z"},
      {{office}, "2026-11-25T14:59:59Z", true, "2026-11-25T15:00:00Z"},
      {{office}, "2026-11-25T15:00:00Z", false, "2026-11-26T07:00:00Z"},
      {{office}, "2026-11-27T15:00:00Z", false, "2026-11-30T07:00:00Z"}, // over the weekend
      {{freeze}, "2026-11-25T00:00:00Z", true, "2026-11-26T09:00:00Z"},  // deny alone allows all else
      {{freeze}, "2026-11-26T10:00:00Z", false, "2026-11-26T11:00:00Z"},
      {{office, freeze}, "2026-11-26T08:00:00Z", true, "2026-11-26T09:00:00Z"},
      {{office, freeze}, "2026-11-26T09:30:00Z", false, "2026-11-26T11:00:00Z"}, // deny wins
      {{office, freeze}, "2026-11-26T11:00:00Z", true, "2026-11-26T15:00:00Z"},
      {{night}, "2026-11-26T05:59:59Z", true, "2026-11-26T06:00:00Z"},
      {{night, office}, "2026-11-26T05:00:00Z", true, "2026-11-26T06:00:00Z"},
      {{night, office}, "2026-11-26T16:00:00Z", false, "2026-11-26T22:00:00Z"},
      {{always}, "2026-11-26T16:00:00Z", true, "never"},
      {{never_end}, "2026-11-26T16:00:00Z", false, "never"},
  };
  for (const auto& row : rows) {
    INFO(row.windows.size() << " windows at " << row.now);
    CHECK(may_apply(row.windows, at(row.now)) == row.allowed);
    CHECK(text(next_change(row.windows, at(row.now))) == row.until);
  }
}

TEST_CASE("a deny window whose beginning the clocks skip is no hole", "[windows]") {
  const std::vector<Window> windows = {window(false, "15 2 * * *", 2h, "Europe/Berlin")};
  CHECK(may_apply(windows, at("2026-03-29T00:59:59Z")));
  CHECK(!may_apply(windows, at("2026-03-29T01:00:00Z"))); // 03:00, since 02:15 was not shown
  CHECK(may_apply(windows, at("2026-03-29T03:00:00Z")));
}

TEST_CASE("an instant is told as the zone's clocks show it", "[windows]") {
  const std::tuple<const char*, const char*, const char*> rows[] = {
      {"Europe/Berlin", "2026-11-26T07:00:00Z", "2026-11-26T08:00+01:00"},
      {"Europe/Berlin", "2026-07-26T07:00:00Z", "2026-07-26T09:00+02:00"},
      {"UTC", "2026-11-26T07:00:00Z", "2026-11-26T07:00+00:00"},
      {"America/St_Johns", "2026-11-26T01:00:00Z", "2026-11-25T21:30-03:30"},
  };
  for (const auto& [zone, instant, shown] : rows) CHECK(zoned_text(at(instant), **find_zone(zone)) == shown);
}

TEST_CASE("a zone that the system does not know is a wrong spec", "[windows]") {
  for (const char* name : {"Europe/Berlim", "", "Berlin", "../etc/passwd"}) {
    INFO(name);
    const auto zone = find_zone(name);
    REQUIRE(!zone);
    CHECK(zone.error().code == Code::InvalidSpec);
  }
  const auto opens = *api::Cron::parse("0 8 * * *");
  const auto windows = windows_of({{true, opens, 1h, "UTC"}, {true, opens, 1h, "Mars/Base"}}, "shop/api");
  REQUIRE(!windows);
  CHECK(windows.error().message.starts_with("GitSync shop/api: spec.windows[1].timeZone: \"Mars/Base\""));
}
