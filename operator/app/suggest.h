// "did you mean …?". Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::app {

/// The candidate that is fewest edits (insert, delete, replace, swap neighbours) away from what was typed, or "" where none is
/// near enough to be meant: at most a third of the word, and at least one edit is allowed. The first of equals wins.
std::string nearest(std::string_view typed, const std::vector<std::string>& candidates);

/// "; did you mean X?", or "".
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& candidates);

} // namespace gitsync::app
