#include "api/status_text.h"
#include "base/secret.h"
#include "base/text.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::api;

TEST_CASE("status texts are clean and stay so", "[api]") {
  struct Row {
    std::string text, expected;
  };
  const Row rows[] = {{"", ""},
                      {"plain", "plain"},
                      {"ünï → 😀", "ünï → 😀"},
                      {"a\nb\tc\rd", "a b c d"},
                      {std::string("a\0b", 3), "a?b"},
                      {"\x1b[31mred", "?[31mred"},
                      {"del\x7f", "del?"},
                      {"\xFF\xC3", "??"},
                      {"\xE2\x82", "??"},
                      {"\xED\xA0\x80", "???"}, // a surrogate
                      {"https://user:word@host/x", "https://***@host/x"}};
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(status_text(row.text) == row.expected);
    CHECK(status_text(status_text(row.text)) == row.expected);
  }
}

TEST_CASE("status texts are cut at a character", "[api]") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "ä";
  for (const size_t limit : {10U, 11U, 12U, 1024U}) {
    const auto out = status_text(text, limit);
    CHECK(out.size() <= limit);
    CHECK(valid_utf8(out));
    CHECK(status_text(out, limit) == out);
  }
}

TEST_CASE("a secret at the cut is masked before the cut", "[api]") {
  register_secret("correct-horse-battery");
  const auto out = status_text(std::string(1010, 'x') + "correct-horse-battery");
  CHECK(out.find("correct") == std::string::npos);
}
