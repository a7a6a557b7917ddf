#include "render/protocol.h"

#include "support/catch.h"

#include <nlohmann/json.hpp>

using namespace gitsync;
using namespace gitsync::render;
using nlohmann::json;

TEST_CASE("a request is JSON with the values as they were given", "[render]") {
  CHECK(
      json::parse(encode(7, {{"a == 1", "\"\n"}, {"self"}, R"({"self":{"x":1.0}})"})) ==
      json::parse(R"({"id":7,"kind":"cel","expressions":["a == 1","\"\n"],"variables":["self"],"values":{"self":{"x":1.0}}})"));
  CHECK_FALSE(json::parse(encode(7, {{"a"}, {}, ""})).contains("values"));
  CHECK(json::parse(encode(7, {{"\xFF"}, {}, ""})).at("expressions").at(0) == "\xEF\xBF\xBD"); // never an exception
}

TEST_CASE("an answer is read, whatever it is", "[render]") {
  const auto answer = decode_cel_answer(
      R"({"id":7,"results":[{"value":true},{"problem":"no such key: a"},{"problem":"1:2: x","broken":true},{}]})");
  REQUIRE(answer);
  CHECK(answer->id == 7);
  CHECK(answer->results == std::vector<CelResult>{{true, "", false}, {{}, "no such key: a", false}, {{}, "1:2: x", true}, {}});
  CHECK(decode_cel_answer(R"({"id":7,"error":"no"})")->error == "no");
  for (const char* text : {"", "{", "[]", "{}", R"({"id":"7"})", R"({"id":-1})"}) {
    INFO(text);
    REQUIRE_FALSE(decode_cel_answer(text));
    CHECK(decode_cel_answer(text).error().code == Code::WorkerDied);
  }
  CHECK(decode_cel_answer(R"({"id":1,"results":[7,{"value":"yes","problem":3}]})")->results.size() == 2);
}
