// The bytes before any parser sees them: encoding, control characters, line ends.
#include "base/text.h"
#include "object/events.h"

namespace gitsync::yaml {

std::optional<SyntaxError> check_text(std::string_view text) {
  int line = 1;
  const auto refuse = [&](std::string why) { return SyntaxError{line, std::move(why)}; };
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) return refuse("the file is UTF-16: save it as UTF-8");
  if (!valid_utf8(text)) {
    size_t start = 0; // find the line that is not UTF-8; a line end is never part of a longer character
    for (size_t end; (end = text.find('\n', start)) != std::string_view::npos; start = end + 1, ++line)
      if (!valid_utf8(text.substr(start, end - start))) break;
    return refuse("the line is not valid UTF-8: save the file as UTF-8, or encode binary data with base64");
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') ++line;
    if (byte >= 0x20 && byte < 0x7F) continue;
    if (byte == '\t' || byte == '\n' || byte == '\r') continue;
    if (byte == 0) return refuse("a NUL byte: is this a text file?");
    if (byte < 0x20 || byte == 0x7F)
      return refuse(cat("a control character (0x", hex(text.substr(i, 1)), "): write it as an escape in double quotes"));
    const std::string_view rest = text.substr(i);
    if (byte == 0xC2 && static_cast<unsigned char>(rest[1]) < 0xA0)
      return refuse("a control character (U+0080 to U+009F): write it as an escape in double quotes");
    if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9"))
      return refuse("a Unicode line or paragraph separator (U+2028, U+2029): write it as an escape in double quotes");
    if (i > 0 && rest.starts_with("\xEF\xBB\xBF"))
      return refuse("a byte order mark inside the text: were two files joined? Remove it");
    if (rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF"))
      return refuse("a character that is none (U+FFFE, U+FFFF): remove it");
  }
  return std::nullopt;
}

std::string_view plain_lines(std::string_view text, std::string& storage) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.find('\r') == std::string_view::npos) return text;
  storage.clear();
  storage.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      storage += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      storage += '\n';
    }
  }
  return storage;
}

} // namespace gitsync::yaml
