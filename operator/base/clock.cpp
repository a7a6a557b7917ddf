#include "base/clock.h"

#include "base/text.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace gitsync {

std::string rfc3339(WallTime time) {
  const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string rfc3339_micro(WallTime time) {
  std::string text = rfc3339(time);
  const auto micro = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count() % 1'000'000;
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>(micro));
  text.replace(text.size() - 1, 1, fraction);
  return text;
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto total = std::max<int64_t>(duration.count(), 0);
  std::string out;
  const auto part = [&](int64_t count, std::string_view unit) {
    if (count > 0) out += cat(count, unit);
  };
  part(total / 3'600'000, "h");
  part(total / 60'000 % 60, "m");
  part(total / 1000 % 60, "s");
  part(total % 1000, "ms");
  return out.empty() ? "0s" : out;
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (!rest || parts.tm_year < 1678 - 1900 || parts.tm_year > 2261 - 1900) return {}; // what 64 bits of nanoseconds hold
  auto time = std::chrono::system_clock::from_time_t(timegm(&parts));
  if (*rest == '.') {
    ++rest;
    int64_t nanos = 0;
    int digits = 0;
    for (; *rest >= '0' && *rest <= '9'; ++rest)
      if (digits < 9) nanos = nanos * 10 + (*rest - '0'), ++digits;
    for (; digits < 9; ++digits) nanos *= 10;
    time += std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanos));
  }
  if (*rest == 'Z' && rest[1] == 0) return time;
  int hours = 0, minutes = 0;
  char sign = 0;
  int read = 0;
  if (std::sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &read) != 3 || rest[read] != 0 || (sign != '+' && sign != '-'))
    return {};
  const auto offset = std::chrono::minutes(hours * 60 + minutes);
  return sign == '+' ? time - offset : time + offset;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto bad = [&] { return fail(Code::InvalidSpec, cat("\"", text, "\" is not a duration such as 30s, 5m or 1h30m")); };
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.empty()) return bad();
  double total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (rest[0] != '.' && (rest[0] < '0' || rest[0] > '9')) return bad();
    double number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (error != std::errc{}) return bad();
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    double unit = 0;
    size_t length = 1;
    if (rest.starts_with("ns"))
      unit = 1e-6, length = 2;
    else if (rest.starts_with("us"))
      unit = 1e-3, length = 2;
    else if (rest.starts_with("ms"))
      unit = 1, length = 2;
    else if (rest.starts_with("s"))
      unit = 1e3;
    else if (rest.starts_with("m"))
      unit = 60e3;
    else if (rest.starts_with("h"))
      unit = 3600e3;
    else
      return bad();
    rest.remove_prefix(length);
    total += number * unit;
  }
  if (!(total < 1e14)) return bad();
  return std::chrono::milliseconds(std::llround(total));
}

} // namespace gitsync
