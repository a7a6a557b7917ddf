#include "base/log.h"

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "support/catch.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace gitsync;
using nlohmann::json;

namespace {

/// What `work` writes to standard error.
std::string logged(const std::function<void()>& work) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file);
  const int kept = ::dup(STDERR_FILENO);
  ::dup2(::fileno(file), STDERR_FILENO);
  work();
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
  std::string text;
  REQUIRE(std::fseek(file, 0, SEEK_SET) == 0);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

json line(const std::string& text) {
  INFO(text);
  REQUIRE(text.ends_with("\n"));
  REQUIRE(std::count(text.begin(), text.end(), '\n') == 1);
  auto value = json::parse(text, nullptr, false);
  REQUIRE(value.is_object());
  return value;
}

} // namespace

TEST_CASE("a log line is one JSON object with time, level, message and fields", "[base]") {
  const auto value = line(logged([] {
    log::error("it \"broke\"\nbadly", {{"object", "a\tb"}, {"count", 42}, {"below", -1}, {"text", std::string("x")}});
  }));
  CHECK(value["level"] == "error");
  CHECK(value["msg"] == "it \"broke\"\nbadly");
  CHECK(value["object"] == "a\tb");
  CHECK(value["count"] == 42);
  CHECK(value["below"] == -1);
  CHECK(value["text"] == "x");
  CHECK(parse_rfc3339(value["time"].get<std::string>()));
}

TEST_CASE("a log line is JSON whatever bytes it is given", "[base]") {
  const auto value = line(logged([] { log::error("bad \xff\xfe bytes", {{"file", std::string("a\0b", 3)}}); }));
  CHECK(value["msg"].get<std::string>().starts_with("bad "));
}

TEST_CASE("a log line masks secrets in its message and its fields", "[base]") {
  register_secret("canary-log-9Kd82");
  const auto text = logged(
      [] { log::error("with canary-log-9Kd82", {{"url", "https://u:canary-pw@host/"}, {"token", "canary-log-9Kd82"}}); });
  CHECK(text.find("canary") == std::string::npos);
}

TEST_CASE("a long value is cut, and no secret is cut in half and shown", "[base]") {
  register_secret("canary-cut-0123456789-abcdef");
  for (size_t before = 4096 - 30; before <= 4096; ++before) { // around the place of the cut
    const auto text = logged([&] { log::error(std::string(before, 'x') + "canary-cut-0123456789-abcdef"); });
    CHECK(text.size() < 5'000);
    INFO("secret after " << before << " bytes");
    CHECK(text.find("canary") == std::string::npos);
  }
}

TEST_CASE("lines below the level are dropped", "[base]") {
  CHECK(logged([] { log::debug("hidden"); }) == "");
  log::set_level(log::Level::Debug);
  CHECK(line(logged([] { log::debug("seen"); }))["level"] == "debug");
  log::set_level(log::Level::Error);
  CHECK(logged([] { log::warn("hidden"); }) == "");
  log::set_level(log::Level::Info);
  CHECK(line(logged([] { log::info("seen"); }))["level"] == "info");
}

TEST_CASE("levels by name", "[base]") {
  const std::vector<std::pair<std::string, log::Level>> rows = {
      {"debug", log::Level::Debug}, {"info", log::Level::Info}, {"warn", log::Level::Warn}, {"error", log::Level::Error}};
  for (const auto& [text, expected] : rows) {
    log::Level level{};
    CHECK(log::parse_level(text, level));
    CHECK(level == expected);
  }
  log::Level level = log::Level::Warn;
  for (const std::string text : {"", "INFO", "verbose", "warning"}) CHECK_FALSE(log::parse_level(text, level));
  CHECK(level == log::Level::Warn);
}
