#include "api/cron.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <bit>

namespace gitsync::api {
namespace {

using namespace std::chrono;

struct Field {
  std::string_view name;
  unsigned least, most;
  std::string_view words; // three letters each, from `first_word` on
  unsigned first_word = 0;
};
constexpr std::array<Field, 5> fields = {{{"minute", 0, 59, "", 0},
                                          {"hour", 0, 23, "", 0},
                                          {"day of month", 1, 31, "", 0},
                                          {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
                                          {"day of week", 0, 6, "sunmontuewedthufrisat", 0}}};
constexpr int days_ahead = 9 * 366; // a 29 February may be eight years away

std::optional<unsigned> number_of(std::string_view text, const Field& field) {
  if (text.size() == 3 && !field.words.empty()) {
    std::string word(text);
    std::ranges::transform(word, word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    for (size_t i = 0; i < field.words.size(); i += 3)
      if (field.words.substr(i, 3) == word) return static_cast<unsigned>(i / 3) + field.first_word;
  }
  unsigned out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return out;
}

/// One part between commas → bits. `star`: it leaves nothing out.
bool read_part(std::string_view part, const Field& field, uint64_t& bits, bool& star) {
  const size_t slash = part.find('/');
  const auto range = part.substr(0, slash);
  unsigned step = 1;
  if (slash != std::string_view::npos) {
    const auto given = number_of(part.substr(slash + 1), Field{field.name, 1, field.most, "", 0});
    if (!given || *given == 0) return false;
    step = *given;
  }
  unsigned from = field.least, to = field.most;
  const bool all = range == "*" || range == "?";
  if (!all) {
    const size_t dash = range.find('-');
    const auto first = number_of(range.substr(0, dash), field);
    if (!first) return false;
    from = *first;
    if (dash != std::string_view::npos) {
      const auto last = number_of(range.substr(dash + 1), field);
      if (!last) return false;
      to = *last;
    } else if (slash == std::string_view::npos) {
      to = from; // "5/10" goes on to the end, "5" does not
    }
  }
  if (from < field.least || to > field.most || from > to) return false;
  star |= all && step == 1;
  for (unsigned i = from; i <= to; i += step) bits |= uint64_t{1} << i;
  return true;
}

/// The first set bit from `from` on, or nothing.
std::optional<unsigned> next_bit(uint64_t bits, unsigned from) {
  if (from > 63) return {};
  const uint64_t rest = bits & (~uint64_t{0} << from);
  if (rest == 0) return {};
  return static_cast<unsigned>(std::countr_zero(rest));
}

} // namespace

Result<Cron> Cron::parse(std::string_view text) {
  std::vector<std::string_view> parts;
  for (const auto part : split(text, ' '))
    if (!part.empty()) parts.push_back(part);
  const auto bad = [&](std::string_view why) {
    return gitsync::fail(Code::InvalidSpec,
                         cat("\"", shorten(text, 80), "\" is not a schedule such as \"0 8 * * 1-5\": ", why));
  };
  if (parts.size() != fields.size()) return bad("it needs five fields: minute, hour, day of month, month, day of week");
  Cron out;
  const std::array<uint64_t*, 5> bits = {&out.minutes_, &out.hours_, &out.days_, &out.months_, &out.weekdays_};
  std::array<bool, 5> stars{};
  for (size_t i = 0; i < fields.size(); ++i)
    for (const auto part : split(parts[i], ','))
      if (!read_part(part, fields[i], *bits[i], stars[i]))
        return bad(cat("the ", fields[i].name, " \"", shorten(parts[i], 40), "\" has to be *, numbers from ", fields[i].least,
                       " to ", fields[i].most, ", ranges or steps"));
  out.any_day_ = stars[2];
  out.any_weekday_ = stars[4];
  out.every_hour_ = std::popcount(out.hours_) == 24;
  if (!out.next(local_seconds(local_days(year(2024) / 3 / 1)))) return bad("it never happens");
  return out;
}

bool Cron::day_fits(year_month_day date, weekday weekday) const {
  if (((months_ >> static_cast<unsigned>(date.month())) & 1) == 0) return false;
  const bool day = (days_ >> static_cast<unsigned>(date.day())) & 1;
  const bool of_week = (weekdays_ >> weekday.c_encoding()) & 1;
  return any_day_ || any_weekday_ ? day && of_week : day || of_week;
}

std::optional<local_seconds> Cron::next(local_seconds after) const {
  const auto from = floor<minutes>(after) + minutes(1);
  auto day = floor<days>(from);
  auto time = from - day;
  for (int i = 0; i < days_ahead; ++i, day += days(1), time = minutes(0)) {
    const auto date = year_month_day(day);
    if (!day_fits(date, weekday(day))) continue;
    const auto first = static_cast<unsigned>(floor<hours>(time).count());
    for (auto hour = next_bit(hours_, first); hour; hour = next_bit(hours_, *hour + 1)) {
      const unsigned least = *hour == first ? static_cast<unsigned>((time - hours(first)).count()) : 0;
      if (const auto minute = next_bit(minutes_, least)) return day + hours(*hour) + minutes(*minute);
    }
  }
  return {};
}

} // namespace gitsync::api
