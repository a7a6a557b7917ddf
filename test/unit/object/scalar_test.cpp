// The scalar rules as a table that needs no oracle; yaml_golden_test.cpp compares far more of them with Kubernetes' library.
#include "object/scalar.h"
#include "support/catch.h"

#include <cmath>

using namespace gitsync::yaml;
using nlohmann::json;

TEST_CASE("plain scalars resolve as YAML 1.1 by Go", "[yaml][scalar]") {
  struct Row {
    const char* text;
    json value;
  };
  const Row rows[] = {
      {"", nullptr},
      {"~", nullptr},
      {"null", nullptr},
      {"Null", nullptr},
      {"NULL", nullptr},
      {"nULL", "nULL"},
      {"y", true},
      {"Y", true},
      {"yes", true},
      {"on", true},
      {"ON", true},
      {"True", true},
      {"yES", "yES"},
      {"n", false},
      {"no", false},
      {"off", false},
      {"False", false},
      {"oFF", "oFF"},
      {"0", 0},
      {"-0", 0},
      {"12", 12},
      {"+12", 12},
      {"-12", -12},
      {"0644", 420},
      {"0o644", 420},
      {"0O17", 15},
      {"0x1F", 31},
      {"-0x1F", -31},
      {"0b101", 5},
      {"08", 8},
      {"0o8", "0o8"},
      {"0x", "0x"},
      {"1_000", 1000},
      {"_1", "_1"},
      {"1_", 1},
      {"0b-1", -1},
      {"0b+1", 1},
      {"9223372036854775807", INT64_MAX},
      {"9223372036854775808", uint64_t{1} << 63},
      {"18446744073709551615", UINT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"18446744073709551616", 18446744073709551616.0},
      {"+9223372036854775808", uint64_t{9223372036854776000U}},
      {"0xFFFFFFFFFFFFFFFF", UINT64_MAX},
      {"0x10000000000000000", "0x10000000000000000"},
      {"1.0", 1},
      {"1.", 1},
      {".5", 0.5},
      {"1.5", 1.5},
      {"1e3", 1000},
      {"1e-3", 0.001},
      {"-0.0", 0},
      {"1e21", 1e21},
      {"1e20", 1e20},
      {"1e400", "1e400"},
      {"-1e400", "-1e400"},
      {"1e-400", 0},
      {".5_0", 0.5},
      {"._5", "._5"},
      {"1152921504606846976.0", 1152921504606847000},
      {"1:30", "1:30"},
      {"2001-01-01", "2001-01-01"},
      {"1.2.3", "1.2.3"},
      {"100m", "100m"},
      {"<<", "<<"},
      {"=", "="},
      {"a", "a"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto value = to_json(resolve_plain(row.text));
    REQUIRE(value);
    CHECK(value->dump() == row.value.dump());
  }
}

TEST_CASE("numbers that JSON lacks are errors", "[yaml][scalar]") {
  for (const char* text : {".inf", "-.inf", "+.Inf", ".nan", ".NaN"}) {
    INFO(text);
    CHECK_FALSE(to_json(resolve_plain(text)));
  }
}

TEST_CASE("keys become text by Go's rules", "[yaml][scalar]") {
  struct Row {
    const char* text;
    const char* key; // nullptr: an error
  };
  const Row rows[] = {{"on", "true"},
                      {"no", "false"},
                      {"010", "8"},
                      {"1.0", "1"},
                      {"1.5", "1.5"},
                      {"1e5", "100000"},
                      {"1e6", "1e+06"},
                      {"1234567.0", "1.234567e+06"},
                      {"123456.0", "123456"},
                      {"1e-5", "1e-05"},
                      {"0.0001", "0.0001"},
                      {"0.1", "0.1"},
                      {"16777217.0", "1.6777216e+07"},
                      {"3.5e38", ".inf"},
                      {".inf", ".inf"},
                      {"-.inf", "-.inf"},
                      {".nan", ".nan"},
                      {"a b", "a b"},
                      {"~", nullptr},
                      {"", nullptr},
                      {"9223372036854775808", nullptr}};
  for (const auto& row : rows) {
    INFO(row.text);
    const auto key = to_key(resolve_plain(row.text));
    REQUIRE(key.has_value() == (row.key != nullptr));
    if (key) CHECK(*key == row.key);
  }
}

TEST_CASE("an explicit tag must fit its value", "[yaml][scalar]") {
  struct Row {
    const char* tag;
    const char* text;
    const char* value; // as JSON; nullptr: an error
  };
  const Row rows[] = {{"str", "1", "\"1\""},
                      {"int", "0x10", "16"},
                      {"int", "1.5", nullptr},
                      {"int", "a", nullptr},
                      {"float", "1", "1"},
                      {"float", "1.5", "1.5"},
                      {"float", "18446744073709551615", nullptr},
                      {"bool", "yes", "true"},
                      {"bool", "1", nullptr},
                      {"null", "~", "null"},
                      {"null", "x", nullptr},
                      {"set", "x", nullptr}};
  for (const auto& row : rows) {
    INFO(row.tag << " " << row.text);
    const auto value = resolve_tagged(std::string("tag:yaml.org,2002:") + row.tag, row.text);
    REQUIRE(value.has_value() == (row.value != nullptr));
    if (value) CHECK(to_json(*value)->dump() == row.value);
  }
  CHECK_FALSE(resolve_tagged("!mine", "x"));
}
