// A cron schedule of five fields, as Kubernetes' CronJob takes it: minute hour day-of-month month day-of-week. Pure; it knows
// wall clocks only, plan/window.h puts them into a time zone.
#pragma once
#include "base/error.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gitsync::api {

/// Each field is *, ?, a number, a-b, any of them with /step, or several parted by commas; months and days of the week also by
/// their first three letters (JAN, mon). Sunday is 0. Where both day fields say something, a day has to fit one of them only.
/// Source: robfig/cron v3 (parser.go, spec.go), which Kubernetes uses.
class Cron {
public:
  /// InvalidSpec: what is wrong with which field. A schedule that never happens (30 February) is refused too.
  static Result<Cron> parse(std::string_view text);

  /// The first time after that one; nothing where there is none within nine years.
  std::optional<std::chrono::local_seconds> next(std::chrono::local_seconds after) const;
  /// The hour field leaves no hour out: it goes by elapsed time rather than by the wall clock.
  bool every_hour() const { return every_hour_; }

  friend bool operator==(const Cron&, const Cron&) = default;

private:
  bool day_fits(std::chrono::year_month_day date, std::chrono::weekday weekday) const;

  uint64_t minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0; // bit n: n fits
  bool any_day_ = false, any_weekday_ = false, every_hour_ = false;
};

} // namespace gitsync::api
