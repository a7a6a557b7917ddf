#include "base/text.h"

#include "support/catch.h"

#include <limits>
#include <random>

using namespace gitsync;
using namespace std::string_literals;

namespace {
std::string random_text(std::mt19937& random, size_t most) {
  std::string text(random() % (most + 1), '\0');
  for (auto& c : text) c = static_cast<char>(random());
  return text;
}
} // namespace

TEST_CASE("cat joins strings, characters and integers", "[base]") {
  CHECK(cat() == "");
  CHECK(cat("a", 'b', std::string("c"), std::string_view("d")) == "abcd");
  CHECK(cat(0, ' ', -1, ' ', 42u) == "0 -1 42");
  CHECK(cat(std::numeric_limits<int64_t>::min(), ' ', std::numeric_limits<uint64_t>::max()) ==
        "-9223372036854775808 18446744073709551615");
  CHECK(cat("a\0b"s) == "a\0b"s);
}

TEST_CASE("split gives every part, and join puts them together again", "[base]") {
  struct Row {
    std::string text;
    std::vector<std::string> parts;
  };
  const std::vector<Row> rows = {
      {"", {""}},        {"a", {"a"}},      {",", {"", ""}},          {"a,b", {"a", "b"}},
      {",a", {"", "a"}}, {"a,", {"a", ""}}, {"a,,b", {"a", "", "b"}}, {",,", {"", "", ""}},
  };
  for (const auto& row : rows) {
    INFO("\"" << row.text << "\"");
    const auto views = split(row.text, ',');
    const std::vector<std::string> parts(views.begin(), views.end());
    CHECK(parts == row.parts);
    CHECK(join(parts, ",") == row.text);
  }
  CHECK(join({}, ", ") == "");
  CHECK(join({"a", "b", "c"}, ", ") == "a, b, c");
}

TEST_CASE("trim takes blanks from both ends only", "[base]") {
  CHECK(trim("") == "");
  CHECK(trim(" \t\r\n") == "");
  CHECK(trim(" a b\n") == "a b");
  CHECK(trim("a") == "a");
}

TEST_CASE("shorten never exceeds its limit and never cuts a character", "[base]") {
  CHECK(shorten("hello", 5) == "hello");
  CHECK(shorten("hello!", 5) == "he…");
  CHECK(shorten("ääää", 7) == "ää…");
  CHECK(shorten("ääää", 6) == "ä…");
  const std::string text = "aä…\U0001F600bß" + std::string(20, 'x') + "éé";
  for (size_t limit = 0; limit <= text.size() + 1; ++limit) {
    CAPTURE(limit);
    const auto out = shorten(text, limit);
    CHECK(out.size() <= limit);
    CHECK(valid_utf8(out));
    CHECK((limit >= text.size()) == (out == text));
  }
}

TEST_CASE("base64 as RFC 4648 section 10 gives it", "[base]") {
  const std::vector<std::pair<std::string, std::string>> rows = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"},
                                                                 {"\xff\xfb\0"s, "//sA"}};
  for (const auto& [plain, coded] : rows) {
    CHECK(base64_encode(plain) == coded);
    CHECK(base64_decode(coded) == plain);
  }
}

TEST_CASE("base64 refuses everything else", "[base]") {
  for (const std::string bad : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "=Zg=", "Zg=v", "Zg==Zg==", "Zm9v\n", "Zm 9v",
                                "Zm9-", "Zm9_", "Zm9\xff", "Zm9v===="}) {
    INFO("\"" << bad << "\"");
    CHECK_FALSE(base64_decode(bad));
  }
}

TEST_CASE("base64 and hex keep any bytes", "[base]") {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const auto bytes = random_text(random, 50);
    const auto coded = base64_encode(bytes);
    REQUIRE(base64_decode(coded) == bytes);
    CHECK(coded.size() == (bytes.size() + 2) / 3 * 4);
    CHECK(hex(bytes).size() == 2 * bytes.size());
  }
  CHECK(hex("\x00\x0f\xff"s) == "000fff");
}

TEST_CASE("url_encode leaves RFC 3986's unreserved characters alone", "[base]") {
  CHECK(url_encode("azAZ09-._~") == "azAZ09-._~");
  CHECK(url_encode("a b/c?d&e=f+g%") == "a%20b%2Fc%3Fd%26e%3Df%2Bg%25");
  CHECK(url_encode("ä\n\0"s) == "%C3%A4%0A%00");
  CHECK(url_encode("gitsync:shop/web") == "gitsync%3Ashop%2Fweb");
}

TEST_CASE("valid_utf8 follows the Unicode standard's table of well-formed sequences", "[base]") {
  for (const auto& good : {""s, "abc"s, "\0"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s,
                           "\xee\x80\x80"s, "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s}) {
    INFO(hex(good));
    CHECK(valid_utf8(good));
    CHECK(valid_utf8("a" + good + "b"));
  }
  for (const auto& bad : {"\x80"s, "\xbf"s, "\xc0\x80"s, "\xc1\xbf"s, "\xc2"s, "\xc2\x41"s, "\xe0\x80\x80"s, "\xe0\x9f\xbf"s,
                          "\xed\xa0\x80"s, "\xed\xbf\xbf"s, "\xe2\x82"s, "\xf0\x80\x80\x80"s, "\xf0\x8f\xbf\xbf"s,
                          "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xff"s, "\xf0\x9f\x98"s}) {
    INFO(hex(bad));
    CHECK_FALSE(valid_utf8(bad));
    CHECK_FALSE(valid_utf8("a" + bad + "b"));
  }
}
