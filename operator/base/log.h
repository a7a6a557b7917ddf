// JSON logs on standard error, one object a line, every value redacted. Any thread.
#pragma once
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace gitsync::log {

enum class Level { Debug, Info, Warn, Error };

/// A name and its value as text; numbers are written as numbers.
struct Field {
  std::string_view name;
  std::string value;
  bool number = false;
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, const std::string& v) : name(n), value(v) {}
  template <std::integral I> Field(std::string_view n, I v) : name(n), value(std::to_string(v)), number(true) {}
};
using Fields = std::initializer_list<Field>;

/// Lines below this level are dropped. Set once at start-up.
void set_level(Level level);
/// "debug", "info", "warn", "error"; false where the text is none of them.
bool parse_level(std::string_view text, Level& level);

void write(Level level, std::string_view message, Fields fields = {});
inline void debug(std::string_view message, Fields fields = {}) { write(Level::Debug, message, fields); }
inline void info(std::string_view message, Fields fields = {}) { write(Level::Info, message, fields); }
inline void warn(std::string_view message, Fields fields = {}) { write(Level::Warn, message, fields); }
inline void error(std::string_view message, Fields fields = {}) { write(Level::Error, message, fields); }

} // namespace gitsync::log
