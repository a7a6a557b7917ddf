// Columns for people, as kubectl prints them. Pure.
#pragma once
#include "base/clock.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::app {

/// Rows under a heading, columns as wide as their widest cell, three spaces between them. Cells are redacted, their control
/// characters replaced, so that nothing from a cluster steers the terminal. An empty cell is "<none>"; rows have as many cells
/// as the heading.
class Table {
public:
  explicit Table(std::vector<std::string> heading) { add(std::move(heading)); }
  void add(std::vector<std::string> cells);
  size_t rows() const { return rows_.size() - 1; }
  std::string text() const;

private:
  std::vector<std::vector<std::string>> rows_;
};

/// "45s", "5m10s", "3h5m", "12d": two units while small. Source: k8s.io/apimachinery, pkg/util/duration, HumanDuration.
std::string human_duration(std::chrono::seconds duration);

/// How long ago an RFC 3339 time was, as human_duration(); "" where the text is none.
std::string age(std::string_view time, WallTime now);

} // namespace gitsync::app
