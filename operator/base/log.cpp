#include "base/log.h"

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"

#include <atomic>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gitsync::log {
namespace {
std::atomic<Level> threshold{Level::Info};
constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
constexpr size_t max_value = 4096; // one field never floods the log

std::string json_string(std::string_view text) {
  return nlohmann::json(shorten(redact(text), max_value)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
} // namespace

void set_level(Level level) { threshold = level; }

bool parse_level(std::string_view text, Level& level) {
  for (size_t i = 0; i < 4; ++i) {
    if (names[i] == text) {
      level = static_cast<Level>(i);
      return true;
    }
  }
  return false;
}

void write(Level level, std::string_view message, Fields fields) {
  if (level < threshold.load(std::memory_order_relaxed)) return;
  std::string line = "{\"time\":\"" + rfc3339_micro(std::chrono::system_clock::now()) + "\",\"level\":\"";
  line += names[static_cast<size_t>(level)];
  line += "\",\"msg\":" + json_string(message);
  for (const auto& field : fields) {
    line += ",\"";
    line += field.name;
    line += "\":";
    line += field.number ? field.value : json_string(field.value);
  }
  line += "}\n";
  // One write a line: lines of several threads never mix (POSIX: atomic up to PIPE_BUF, and nearly always beyond).
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

} // namespace gitsync::log
