#include "object/decode.h"
#include "support/catch.h"

#include <random>

using namespace gitsync;
using nlohmann::json;

TEST_CASE("YAML as people would write it", "[emit]") {
  const json value = {{"apiVersion", "apps/v1"},
                      {"spec",
                       {{"replicas", 2},
                        {"args", {"sh", "-c", "a: b", ""}},
                        {"empty", json::object()},
                        {"none", json::array()},
                        {"nested", {{1, 2}, {{"a", 1}, {"b", true}}}}}},
                      {"script", "set -e\n\necho \"hi\"\n"},
                      {"chomped", "a\nb"},
                      {"kept", "a\n\n"}};
  CHECK(json_to_yaml(value) == R"(apiVersion: apps/v1
chomped: |-
  a
  b
kept: |+
  a

script: |
  set -e

  echo "hi"
spec:
  args:
  - sh
  - "-c"
  - "a: b"
  - ""
  empty: {}
  nested:
  - - 1
    - 2
  - a: 1
    b: true
  none: []
  replicas: 2
)");
}

TEST_CASE("strings that a reader would take for something else are quoted", "[emit]") {
  for (const char* text : {"",      "y",    "on",   "No",           "true", "null",       "~",    "1",  "0644", "0o17", "0x1F",
                           "1_000", "1e3",  ".5",   "-1",           "1:30", "2001-01-01", ".inf", "<<", "=",    "- a",  "#a",
                           "a: b",  "a #b", "*a",   "&a",           "!a",   "@a",         "`a",   "%a", "{a",   "[a",   "a:",
                           " a",    "a ",   "a\tb", "\xE2\x80\xA8", "\x7F", "'",          "\"",   "\\", "---",  "?"}) {
    INFO(text);
    CHECK(json_to_yaml(json(text)).front() == '"');
  }
  for (const char* text :
       {"a", "nginx:1.27", "registry/app:v1.2", "10.0.0.1/8s", "100m", "shop.svc", "a b", "app.kubernetes.io/name"}) {
    INFO(text);
    CHECK(json_to_yaml(json(text)) == std::string(text) + "\n");
  }
}

TEST_CASE("what is written reads back as the same", "[emit]") {
  std::mt19937 random(42);
  const auto pick = [&](size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random); };
  const std::vector<std::string> pieces = {"a",
                                           "y",
                                           "1",
                                           "0",
                                           "_",
                                           "-",
                                           " ",
                                           "  ",
                                           "\n",
                                           "\n\n",
                                           "\t",
                                           ":",
                                           ": ",
                                           "#",
                                           " #",
                                           "'",
                                           "\"",
                                           "\\",
                                           "[",
                                           "]",
                                           "{",
                                           "}",
                                           ",",
                                           "&",
                                           "*",
                                           "!",
                                           "|",
                                           ">",
                                           "%",
                                           "@",
                                           "?",
                                           "~",
                                           "\r",
                                           "\x01",
                                           "\x7F",
                                           "\xC2\x85",
                                           "\xE2\x80\xA8",
                                           "\xEF\xBB\xBF",
                                           "\xF0\x9F\x98\x80",
                                           "\xC3\xA9",
                                           "---",
                                           "...",
                                           "null",
                                           "0x",
                                           "e3",
                                           std::string(1, '\0')};
  const auto text = [&] {
    std::string out;
    for (size_t count = pick(7); count > 0; --count) out += pieces[pick(pieces.size())];
    return out;
  };
  const std::function<json(int)> value = [&](int depth) -> json {
    const size_t kind = pick(depth > 3 ? 6 : 9);
    if (kind == 0) return static_cast<int64_t>(random()) - (1 << 30);
    if (kind == 1) return static_cast<double>(random()) / 1e5 + 0.125;
    if (kind == 2) return pick(2) == 0 ? json(nullptr) : json(pick(2) == 0);
    if (kind < 6) return text();
    json out = kind == 6 ? json::array() : json::object();
    for (size_t count = pick(4); count > 0; --count) {
      if (out.is_array())
        out.push_back(value(depth + 1));
      else
        out[text()] = value(depth + 1);
    }
    return out;
  };
  for (int i = 0; i < 5000; ++i) {
    const json before = value(0);
    const std::string yaml = json_to_yaml(before);
    INFO(yaml);
    const auto after = yaml_to_json("t.yaml", yaml);
    if (!after) FAIL(after.error().text());
    REQUIRE(after->dump() == before.dump());
  }
  const json long_key = {{std::string(3000, 'k'), {{"a", std::string(3000, 'v')}}}};
  CHECK(*yaml_to_json("t.yaml", json_to_yaml(long_key)) == long_key);
}
