#include "app/suggest.h"

#include "base/text.h"

#include <algorithm>
#include <utility>

namespace gitsync::app {
namespace {

constexpr size_t longest = 64; // nobody means a longer word

/// Edits between two words: the restricted Damerau-Levenshtein distance, row by row.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(above, std::exchange(row, before));
  }
  return above[b.size()];
}

} // namespace

std::string nearest(std::string_view typed, const std::vector<std::string>& candidates) {
  if (typed.empty() || typed.size() > longest) return {};
  std::string best;
  size_t least = std::max<size_t>(typed.size() / 3, 1) + 1;
  for (const auto& candidate : candidates) {
    const size_t edits = distance(typed, candidate);
    if (edits >= least || edits >= candidate.size()) continue;
    least = edits;
    best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& candidates) {
  const auto found = nearest(typed, candidates);
  return found.empty() ? std::string() : cat("; did you mean ", found, "?");
}

} // namespace gitsync::app
