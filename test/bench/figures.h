// What was measured: numbers with a unit, a floor and a bar; as a table for people and as JSON for programs. Pure.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gitsync::bench {

/// What a figure must not exceed.
struct Bar {
  enum class Of { Value, Ratio } of = Of::Value;
  double limit = 0;
};

struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
  std::optional<double> floor{}; // the bare client's figure of the same run, in the same unit
  std::optional<Bar> bar{};
  std::string note{};
  std::optional<double> ratio() const;
  /// Whether the bar is kept; nothing where there is none.
  std::optional<bool> kept() const;
};

/// The value below which that share (0 to 1) of the samples lies, by the nearest rank; 0 without samples.
double percentile(std::vector<double> samples, double share);
inline double median(std::vector<double> samples) { return percentile(std::move(samples), 0.5); }

/// Columns: name, value, unit, floor, ratio, bar, verdict, note.
std::string table(const std::vector<Figure>& figures);
/// An array of {name, value, unit, floor, ratio}; floor and ratio are null where there is none.
nlohmann::json to_json(const std::vector<Figure>& figures);

} // namespace gitsync::bench
