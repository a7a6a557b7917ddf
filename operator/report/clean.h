// Text made fit to leave the process.
#pragma once
#include <string>
#include <string_view>

namespace gitsync::report {

/// Redacted, then valid UTF-8 (file names in git are any bytes; JSON and Prometheus refuse them), then at most `limit` bytes:
/// in this order, so that no cut leaves half a secret that redact() would not know. Any thread.
std::string clean(std::string_view text, size_t limit);

} // namespace gitsync::report
