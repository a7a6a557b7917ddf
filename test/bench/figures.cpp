#include "bench/figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace gitsync::bench {
namespace {

/// Three digits that matter, never an exponent.
std::string number(double value) {
  char text[32];
  const double size = std::fabs(value);
  std::snprintf(text, sizeof text, "%.*f", size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 || size == 0 ? 2 : 3, value);
  return text;
}

std::string bar_text(const Bar& bar) { return "<= " + number(bar.limit) + (bar.of == Bar::Of::Ratio ? "x" : ""); }

} // namespace

std::optional<double> Figure::ratio() const {
  if (!floor || *floor <= 0) return std::nullopt;
  return value / *floor;
}

std::optional<bool> Figure::kept() const {
  if (!bar) return std::nullopt;
  if (bar->of == Bar::Of::Value) return value <= bar->limit;
  const auto share = ratio();
  return share ? std::optional(*share <= bar->limit) : std::nullopt;
}

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(samples.size())));
  return samples[std::clamp<size_t>(rank, 1, samples.size()) - 1];
}

std::string table(const std::vector<Figure>& figures) {
  using Row = std::array<std::string, 8>;
  std::vector<Row> rows{{"figure", "value", "unit", "floor", "ratio", "bar", "", "note"}};
  for (const auto& figure : figures) {
    const auto ratio = figure.ratio();
    const auto kept = figure.kept();
    rows.push_back({figure.name, number(figure.value), figure.unit, figure.floor ? number(*figure.floor) : "-",
                    ratio ? number(*ratio) + "x" : "-", figure.bar ? bar_text(*figure.bar) : "-",
                    !kept   ? ""
                    : *kept ? "ok"
                            : "MISSED",
                    figure.note});
  }
  std::array<size_t, 8> width{};
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string space(width[i] - row[i].size(), ' ');
      line += i == 1 || i == 3 || i == 4 ? space + row[i] : row[i] + space; // numbers to the right
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

nlohmann::json to_json(const std::vector<Figure>& figures) {
  auto out = nlohmann::json::array();
  for (const auto& figure : figures) {
    const auto ratio = figure.ratio();
    out.push_back({{"name", figure.name},
                   {"value", figure.value},
                   {"unit", figure.unit},
                   {"floor", figure.floor ? nlohmann::json(*figure.floor) : nlohmann::json()},
                   {"ratio", ratio ? nlohmann::json(*ratio) : nlohmann::json()}});
  }
  return out;
}

} // namespace gitsync::bench
