#include "base/secret.h"

#include "base/text.h"
#include "support/catch.h"

#include <random>
#include <sys/wait.h>
#include <unistd.h>

using namespace gitsync;

// Canaries: values that no other test uses; where one is seen in an output, it leaked.

TEST_CASE("registered values are masked, alone, inside text, and as base64", "[base]") {
  const std::string canary = "canary-A7f93kQ";
  register_secret(canary);
  for (const auto& text : {canary, "x " + canary + " y", canary + canary, "{\"password\":\"" + canary + "\"}",
                           base64_encode(canary), "data: " + base64_encode(canary) + "\n"}) {
    const auto out = redact(text);
    INFO(out);
    CHECK(out.find(canary) == std::string::npos);
    CHECK(out.find(base64_encode(canary)) == std::string::npos);
    CHECK(out.find("***") != std::string::npos);
  }
  CHECK(redact("x " + canary + " y") == "x *** y");
}

TEST_CASE("a registered value with a line end is masked without it too", "[base]") {
  const std::string canary = "canary-B81hdKe"; // a token file ends with a line feed, the header made of it doesn't
  register_secret(canary + "\n");
  for (const auto& text : {canary, canary + "\n", base64_encode(canary + "\n"), base64_encode(canary)}) {
    const auto out = redact("token " + text);
    INFO(out);
    CHECK(out.find(std::string(trim(text))) == std::string::npos);
  }
}

TEST_CASE("short values are not registered: they would garble everything", "[base]") {
  register_secret("");
  register_secret("web");
  register_secret("   ");
  CHECK(redact("the web is wide") == "the web is wide");
}

TEST_CASE("a value inside another one hides both", "[base]") {
  register_secret("canary-C-long-inner-and-more");
  register_secret("canary-C-long-inner");
  const auto out = redact("a canary-C-long-inner-and-more b");
  INFO(out);
  CHECK(out.find("canary-C") == std::string::npos);
}

TEST_CASE("credentials in URLs are masked whatever is registered", "[base]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"https://user:hunter2@host/repo.git", "https://***@host/repo.git"},
      {"https://ghp_token@host/repo.git", "https://***@host/repo.git"},
      {"https://user:p@ss@host/repo.git", "https://***@host/repo.git"},
      {"https://user:hunter2@host", "https://***@host"},
      {"http://u:p@h:8080/?x=1 and https://v:q@i/", "http://***@h:8080/?x=1 and https://***@i/"},
      {"cannot fetch \"https://u:p@h/r\": refused", "cannot fetch \"https://***@h/r\": refused"},
      {"postgres://app:pw@db:5432/shop", "postgres://***@db:5432/shop"},
      {"ssh://git:pw@host/x", "ssh://***@host/x"},
      // nothing to hide
      {"ssh://git@host/repo.git", "ssh://git@host/repo.git"},
      {"https://host/a@b", "https://host/a@b"},
      {"https://host?mail=a@b", "https://host?mail=a@b"},
      {"https://host and me@home", "https://host and me@home"},
      {"git@host:repo.git", "git@host:repo.git"},
      {"://", "://"},
  };
  for (const auto& [text, expected] : rows) {
    INFO(text);
    CHECK(redact(text) == expected);
  }
}

TEST_CASE("Authorization headers are masked whatever is registered", "[base]") {
  for (const std::string text :
       {"Authorization: Bearer CANARYabc.def-123", "header \"Authorization: Bearer CANARYabc.def-123\" refused",
        "authorization: bearer CANARYabc.def-123",
        "Authorization: Basic CANARYdXNlcjpwdw==", "curl -H 'Authorization: Basic CANARYdXNlcjpwdw==' x",
        "authorization: basic CANARYdXNlcjpwdw==", "Bearer CANARYabcdefg", "Authorization: token CANARYghp_0123456789"}) {
    const auto out = redact(text);
    INFO(text << " → " << out);
    CHECK(out.find("CANARY") == std::string::npos);
  }
  CHECK(redact("Bearer of news") == "Bearer of news");
  CHECK(redact("Basic usage") == "Basic usage");
  CHECK(redact("Authorization: Bearer abcdefghij, next") == "Authorization: Bearer ***, next");
}

TEST_CASE("what an API server quotes of a Secret is masked, the rest stays readable", "[base]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", ""},
      {"secrets is forbidden", "secrets is forbidden"},
      {"data.password: Invalid value: \"CANARY\": too long", "data.password: Invalid value: \"***\": too long"},
      {"\"CANARY", "\"***"},
      {"a \"CANARY\" b \"CANARY2\" c", "a \"***\" b \"***\" c"},
      {"\"CAN\\\"ARY\" end", "\"***\" end"},
      {"\"\"", "\"***\""},
      {"\"CANARY\\", "\"***"},
  };
  for (const auto& [text, expected] : rows) {
    INFO(text);
    CHECK(redact_quoted(text) == expected);
  }
}

TEST_CASE("quoted text is masked too, however quotes and backslashes stand", "[base]") {
  std::mt19937 random(11);
  for (int i = 0; i < 2'000; ++i) {
    std::string value;
    for (size_t k = random() % 12; k != 0; --k) value += std::string_view("\\\"C'\n {}")[random() % 8];
    std::string quoted = "\""; // as Go's %q and JSON write it
    for (const char c : value) quoted += c == '"' ? "\\\"" : c == '\\' ? "\\\\" : std::string(1, c);
    quoted += "\"";
    REQUIRE(redact_quoted("before " + quoted + " after") == "before \"***\" after");
  }
}

TEST_CASE("redacting twice changes nothing more, and any bytes are taken", "[base]") {
  std::mt19937 random(13);
  for (int i = 0; i < 2'000; ++i) {
    std::string text;
    for (size_t k = random() % 20; k != 0; --k) {
      static const std::vector<std::string> parts = {"https",      "://", "@",  "/",  "user:pw", " ",   "Bearer ", "Basic ",
                                                     "abcdefgh12", "\"",  "\\", "\n", "***",     "git", "\xff",    "ä"};
      text += parts[random() % parts.size()];
    }
    INFO(text);
    const auto once = redact(text);
    CHECK(redact(once) == once);
  }
}

TEST_CASE("the register is bounded and the newest stay", "[base]") {
  // In a process of its own: every later redact() would compare with all of them.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (int i = 0; i < 9'000; ++i) register_secret(cat("canary-bounded-", i, "-x"));
    const bool newest = redact("canary-bounded-8999-x") == "***", oldest = redact("canary-bounded-0-x") == "***";
    ::_exit(newest ? oldest ? 2 : 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0); // 1: the newest is shown, 2: the oldest is kept
}
