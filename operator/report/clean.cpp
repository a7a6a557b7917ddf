#include "report/clean.h"

#include "base/secret.h"
#include "base/text.h"

namespace gitsync::report {

std::string clean(std::string_view text, size_t limit) {
  std::string out = redact(text);
  if (!valid_utf8(out))
    for (char& c : out)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return shorten(out, limit);
}

} // namespace gitsync::report
