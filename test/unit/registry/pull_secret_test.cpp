#include "registry/pull_secret.h"

#include "base/secret.h"
#include "base/text.h"
#include "support/catch.h"

#include <nlohmann/json.hpp>

using namespace gitsync;
using namespace gitsync::registry;
using nlohmann::json;

namespace {

json secret(const json& auths, const json& more = json::object()) {
  json data = more;
  data[".dockerconfigjson"] = base64_encode(json{{"auths", auths}}.dump());
  return {{"metadata", {{"namespace", "shop"}, {"name", "pull"}}}, {"data", data}};
}

std::string user_for(const json& auths, std::string_view image) {
  const auto parsed = PullSecret::parse(secret(auths));
  REQUIRE(parsed);
  const auto credentials = parsed->find(*parse_image_name(image));
  return credentials ? credentials->user : "";
}

json entry(const char* user) { return {{"username", user}, {"password", "a password"}}; }

} // namespace

TEST_CASE("an image's registry decides which entry is used, and no other registry gets it", "[registry]") {
  struct Row {
    const char *key, *image;
    bool used;
  };
  const Row table[] = {
      {"ghcr.io", "ghcr.io/a/b", true},
      {"https://ghcr.io", "ghcr.io/a/b", true},
      {"https://ghcr.io/v2/", "ghcr.io/a/b", true},
      {"GHCR.io", "ghcr.io/a/b", true},
      {"ghcr.io", "ghcr.io:443/a/b", false},
      {"ghcr.io", "evil.ghcr.io/a/b", false},
      {"ghcr.io", "ghcr.io.evil/a/b", false},
      {"localhost:5000", "localhost:5000/a", true},
      {"localhost:5000", "localhost:5001/a", false},
      {"https://index.docker.io/v1/", "nginx", true},
      {"docker.io", "team/shop", true},
      {"registry-1.docker.io", "docker.io/team/shop", true},
      {"https://index.docker.io/v1/", "ghcr.io/a/b", false},
      {"ghcr.io/a", "ghcr.io/a/b", true},
      {"ghcr.io/a/b", "ghcr.io/a/b", true},
      {"ghcr.io/a/b/c", "ghcr.io/a/b", false},
      {"ghcr.io/a", "ghcr.io/ab/c", false},
      {"*.example.com", "r.example.com/a", true},
      {"*.example.com", "example.com/a", false},
      {"*.example.com", "x.y.example.com/a", false},
      {"r-*-eu.example.com", "r-1-eu.example.com/a", true},
      {"*", "localhost/a", true},
      {"*", "ghcr.io/a", false},
      {"", "ghcr.io/a", false},
      {"*a*a*a*a*a*a*a*a*a*a*b.io", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.io/x", false},
  };
  for (const auto& row : table) {
    INFO(row.key << " " << row.image);
    CHECK((user_for({{row.key, entry("u")}}, row.image) == "u") == row.used);
  }
  const json both = {{"ghcr.io", entry("all")}, {"ghcr.io/a", entry("a")}, {"ghcr.io/a/b", entry("b")}, {"*.io", entry("any")}};
  CHECK(user_for(both, "ghcr.io/x") == "all");
  CHECK(user_for(both, "ghcr.io/a/c") == "a");
  CHECK(user_for(both, "ghcr.io/a/b/c") == "b");
  CHECK(user_for(both, "quay.io/x") == "any");
}

TEST_CASE("credentials in their two forms, and a CA", "[registry]") {
  const auto parsed = PullSecret::parse(secret({{"a.io", {{"auth", base64_encode("user:pass:word-1")}}},
                                                {"b.io", {{"username", "u"}, {"password", "p"}, {"auth", "?"}}}},
                                               {{"ca.crt", base64_encode("PEM")}}));
  REQUIRE(parsed);
  CHECK(parsed->find(*parse_image_name("a.io/x"))->user == "user");
  CHECK(parsed->find(*parse_image_name("a.io/x"))->password == "pass:word-1");
  CHECK(parsed->find(*parse_image_name("b.io/x"))->password == "p");
  CHECK(parsed->ca_pem() == "PEM");
  CHECK(redact("pass:word-1 and " + base64_encode("user:pass:word-1")).find("word-1") == std::string::npos);
  CHECK(redact(base64_encode("user:pass:word-1")) == "***");

  const auto only_ca = PullSecret::parse({{"data", {{"ca.crt", base64_encode("PEM")}}}});
  REQUIRE(only_ca);
  CHECK_FALSE(only_ca->find(*parse_image_name("a.io/x")));
}

TEST_CASE("a Secret that cannot be used is named, and nothing of it is shown", "[registry]") {
  const auto of = [](const json& data) {
    return json{{"metadata", {{"namespace", "shop"}, {"name", "pull"}}}, {"data", data}};
  };
  for (const json& bad :
       {of({}), of({{"password", "eA=="}}), of({{".dockerconfigjson", "%"}}),
        of({{".dockerconfigjson", base64_encode("canary-1")}}), of({{".dockerconfigjson", base64_encode(R"({"auths":[]})")}}),
        secret({{"a.io", {{"auth", "canary-2"}}}}), secret({{"a.io", {{"auth", base64_encode("canary-3")}}}}), json(),
        json::array()}) {
    INFO(bad.dump());
    const auto parsed = PullSecret::parse(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Code::RegistryAuth);
    CHECK(parsed.error().message.starts_with("Secret "));
    CHECK(parsed.error().message.find("canary") == std::string::npos);
  }
}
