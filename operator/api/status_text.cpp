#include "api/status_text.h"

#include "base/secret.h"
#include "base/text.h"

namespace gitsync::api {
namespace {

/// Length in bytes of the UTF-8 character at the beginning of a text, 0 where there is none.
size_t character_length(std::string_view text) {
  for (size_t length = 1; length <= 4 && length <= text.size(); ++length)
    if (valid_utf8(text.substr(0, length))) return length;
  return 0;
}

std::string clean(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = character_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (first == '\n' || first == '\r' || first == '\t')
      out += ' ';
    else if (length == 0 || first < 0x20 || first == 0x7F)
      out += '?';
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

} // namespace

std::string status_text(std::string_view text, size_t limit) {
  // Redacted while it is whole: a secret cut in two would no longer be found. Cleaning is linear, whatever a remote has sent.
  return shorten(clean(redact(text)), limit);
}

} // namespace gitsync::api
