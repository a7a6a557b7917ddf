#include "app/table.h"

#include "api/status_text.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::app {
namespace {

constexpr size_t gap = 3;

/// Characters, not bytes: what a terminal shows of Latin text.
size_t width(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

} // namespace

void Table::add(std::vector<std::string> cells) {
  for (auto& cell : cells) cell = cell.empty() ? "<none>" : api::status_text(cell);
  if (!rows_.empty()) cells.resize(rows_.front().size(), "<none>");
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<size_t> widest(rows_.front().size());
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widest[i] = std::max(widest[i], width(row[i]));
  std::string out;
  for (const auto& row : rows_) {
    for (size_t i = 0; i + 1 < row.size(); ++i) out.append(row[i]).append(widest[i] + gap - width(row[i]), ' ');
    out += row.back() + '\n';
  }
  return out;
}

std::string human_duration(std::chrono::seconds duration) {
  using namespace std::chrono;
  if (duration < seconds(-1)) return "<invalid>"; // more than a clock's inaccuracy in the future
  const auto s = std::max<int64_t>(duration.count(), 0), m = s / 60, h = m / 60, d = h / 24, y = d / 365;
  const auto two = [](int64_t large, std::string_view unit, int64_t small, std::string_view small_unit) {
    return small == 0 ? cat(large, unit) : cat(large, unit, small, small_unit);
  };
  if (s < 120) return cat(s, "s");
  if (m < 10) return two(m, "m", s % 60, "s");
  if (h < 3) return cat(m, "m");
  if (h < 8) return two(h, "h", m % 60, "m");
  if (h < 48) return cat(h, "h");
  if (d < 8) return two(d, "d", h % 24, "h");
  if (d < 2 * 365) return cat(d, "d");
  if (y < 8) return two(y, "y", d % 365, "d");
  return cat(y, "y");
}

std::string age(std::string_view time, WallTime now) {
  const auto then = parse_rfc3339(time);
  return then ? human_duration(std::chrono::duration_cast<std::chrono::seconds>(now - *then)) : std::string();
}

} // namespace gitsync::app
