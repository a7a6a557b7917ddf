// What any text has to go through before it stands in a status. Pure.
#pragma once
#include <string>
#include <string_view>

namespace gitsync::api {

inline constexpr size_t max_status_text = 1024; // bytes; of messages, errors and everything else in a status

/// The text redacted, as valid UTF-8 without control characters (what is neither becomes "?"; line breaks and tabs become
/// spaces), and at most `limit` bytes long. Applied twice it changes nothing more.
std::string status_text(std::string_view text, size_t limit = max_status_text);

} // namespace gitsync::api
