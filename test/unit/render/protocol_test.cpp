#include "render/protocol.h"

#include "support/catch.h"

#include <nlohmann/json.hpp>

using namespace gitsync;
using namespace gitsync::render;
using nlohmann::json;

TEST_CASE("a request is JSON with the values as they were given", "[render]") {
  CHECK(
      json::parse(encode(7, CelRequest{{"a == 1", "\"\n"}, {"self"}, R"({"self":{"x":1.0}})"})) ==
      json::parse(R"({"id":7,"kind":"cel","expressions":["a == 1","\"\n"],"variables":["self"],"values":{"self":{"x":1.0}}})"));
  CHECK_FALSE(json::parse(encode(7, CelRequest{{"a"}, {}, ""})).contains("values"));
  CHECK(json::parse(encode(7, CelRequest{{"\xFF"}, {}, ""})).at("expressions").at(0) == "\xEF\xBF\xBD"); // never an exception
}

TEST_CASE("an answer is read, whatever it is", "[render]") {
  const auto answer = decode_cel_answer(
      R"({"id":7,"results":[{"value":true},{"problem":"no such key: a"},{"problem":"1:2: x","broken":true},{}]})");
  CHECK(answer == std::vector<CelResult>{{true, "", false}, {{}, "no such key: a", false}, {{}, "1:2: x", true}, {}});
  CHECK(decode_head(R"({"id":7,"error":"no"})")->error == "no");
  CHECK(decode_head(R"({"id":7,"results":[]})")->id == 7);
  for (const char* text : {"", "{", "[]", "{}", R"({"id":"7"})", R"({"id":-1})"}) {
    INFO(text);
    REQUIRE_FALSE(decode_head(text));
    CHECK(decode_head(text).error().code == Code::WorkerDied);
    CHECK(decode_cel_answer(text).empty());
    CHECK(decode_verify_answer(text).verdicts.empty());
  }
  CHECK(decode_cel_answer(R"({"id":1,"results":[7,{"value":"yes","problem":3}]})").size() == 2);
}

TEST_CASE("signatures to be judged arrive with all their bytes, and verdicts as they are given", "[render]") {
  const VerifyRequest request{{{"team.asc", "k"}}, "a ssh-ed25519 x", "r", {{true, std::string("\xFF\0", 2)}, {false, ""}}};
  CHECK(json::parse(encode(3, request)) == json::parse(R"({"id":3,"kind":"verify","keys":[{"name":"team.asc","data":"aw=="}],
    "allowedSigners":"a ssh-ed25519 x","revokedSigners":"r","objects":[{"tag":true,"data":"/wA="},{"tag":false,"data":""}]})"));
  const auto answer = decode_verify_answer(R"({"id":3,"verdicts":[{"good":true,"signer":"anna","fingerprint":"SHA256:x",
    "format":"SSH","author":"a@b","committer":"c@d","tagName":"v1"},{"good":"true","problem":7},3]})");
  REQUIRE(answer.verdicts.size() == 3);
  CHECK(answer.verdicts[0] == Verdict{true, "", "anna", "SHA256:x", "SSH", "a@b", "c@d", "v1"});
  CHECK(answer.verdicts[1] == Verdict{}); // anything odd is not good
  CHECK(answer.verdicts[2] == Verdict{});
  CHECK(decode_verify_answer(R"({"id":3,"keyProblem":"team.asc: no"})").key_problem == "team.asc: no");
}
