#include "registry/challenge.h"

#include "support/catch.h"

using namespace gitsync::registry;

namespace {

std::string text(std::string_view header) {
  std::string out;
  for (const auto& challenge : parse_challenges(header)) {
    out += "[" + challenge.scheme;
    for (const auto& [name, value] : challenge.parameters) out += " " + name + "=" + value;
    out += "]";
  }
  return out;
}

} // namespace

TEST_CASE("challenges of WWW-Authenticate", "[registry]") {
  const std::pair<const char*, const char*> table[] = {
      {"", ""},
      {"Basic", "[basic]"},
      {R"(Basic realm="x")", "[basic realm=x]"},
      {R"(Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push")",
       "[bearer realm=https://auth.example/token scope=repository:a/b:pull,push service=registry.example]"},
      {R"(BEARER Realm = "r" , Service=s)", "[bearer realm=r service=s]"},
      {R"(Basic realm="a", Bearer realm="b",service=c)", "[basic realm=a][bearer realm=b service=c]"},
      {R"(Negotiate, Basic realm="a\"b\\c")", R"([negotiate][basic realm=a"b\c])"},
      {R"(Basic realm="open)", "[basic realm=open]"},
      {R"(realm="no scheme")", ""},
      {",, ,", ""},
      {"Bearer realm=", "[bearer realm=]"},
      {R"(Bearer realm="a",realm="b")", "[bearer realm=a]"},
      {"\"\x01;{}", ""},
  };
  for (const auto& [header, expected] : table) {
    INFO(header);
    CHECK(text(header) == expected);
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "Basic a" + std::to_string(i) + "=1, ";
  CHECK(parse_challenges(many).size() == 8);
}
