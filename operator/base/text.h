// Small text helpers: joining without <format> (libstdc++ 12 has none), splitting, base64, hex.
#pragma once
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync {

namespace detail {
inline void append(std::string& out, std::string_view part) { out += part; }
inline void append(std::string& out, char part) { out += part; }
template <std::integral I>
  requires(!std::same_as<I, char> && !std::same_as<I, bool>)
void append(std::string& out, I part) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, part).ptr;
  out.append(digits, end);
}
} // namespace detail

/// The parts, one after the other: strings, characters and integers.
template <class... Parts> std::string cat(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
/// At most `limit` bytes, cut at a UTF-8 boundary, with "…" where something was cut.
std::string shorten(std::string_view text, size_t limit);

std::string base64_encode(std::string_view bytes);
/// Standard alphabet, padding required, no white space; nothing where the text is not that.
std::optional<std::string> base64_decode(std::string_view text);
std::string hex(std::string_view bytes);
/// Percent-encodes everything but RFC 3986's unreserved characters.
std::string url_encode(std::string_view text);
bool valid_utf8(std::string_view text);

} // namespace gitsync
