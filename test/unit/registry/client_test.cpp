#include "registry/client.h"

#include "base/secret.h"
#include "unit/http/imposter.h"

using namespace gitsync;
using namespace gitsync::registry;
using gitsync::http::Exchange;

namespace {

/// A registry whose answers a test writes, on a loopback port that may be asked over http.
struct RegistryBench : http::Bench {
  explicit RegistryBench(http::Handler handler)
      : Bench(std::move(handler)), host(imposter.url().substr(7)),
        registry(Bench::client, loop.executor(), {.plain_http = {host}}) {}
  Result<Answer> look(std::optional<Credentials> credentials = {}) {
    return run(registry.look({{host, "team/shop"}, "sha-1", std::move(credentials), {}}));
  }
  std::string host;
  registry::Client registry;
};

const Credentials robot{"robot", "canary-password"};

} // namespace

TEST_CASE("an answer is yes, no, or why neither", "[registry]") {
  struct Row {
    int status;
    const char* more;
    std::optional<bool> found;
    Code code;
    const char* text;
    Retry retry;
  };
  const auto row = GENERATE(values<Row>({
      {200, "Docker-Content-Digest: sha256:ab\r\n", true, {}, "", {}},
      {404, "", false, {}, "", {}},
      {401, "", {}, Code::RegistryAuth, "wants credentials (401) to pull team/shop", Retry::Backoff},
      {403, "", {}, Code::RegistryAuth, "wants credentials (403)", Retry::Backoff},
      {429, "", {}, Code::RegistryError, "asks for a pause", Retry::Backoff},
      {429, "Retry-After: 7\r\n", {}, Code::RegistryError, "asks for a pause", Retry::After},
      {503, "Retry-After: 7\r\n", {}, Code::RegistryError, "answers 503", Retry::After},
      {500, "", {}, Code::RegistryError, "answers 500", Retry::Backoff},
      {307, "Location: http://elsewhere/\r\n", {}, Code::RegistryError, "a redirect, which is not followed", Retry::Backoff},
  }));
  INFO(row.status);
  std::string accept;
  RegistryBench bench([&](Exchange& e) -> Task<> {
    accept = e.header("accept");
    co_await e.write(
        cat("HTTP/1.1 ", row.status, " X\r\n", row.more, "Content-Length: 10\r\n\r\n")); // of the GET: none follows
  });
  const auto answer = bench.look();
  CHECK(bench.imposter.asked() == std::vector<std::string>{"HEAD /v2/team/shop/manifests/sha-1"});
  CHECK(accept.find("application/vnd.oci.image.index.v1+json") != std::string::npos);
  CHECK(accept.find("application/vnd.docker.distribution.manifest.v2+json") != std::string::npos);
  if (row.found) {
    REQUIRE(answer);
    CHECK(answer->found == *row.found);
    CHECK(answer->digest == (*row.found ? "sha256:ab" : ""));
    return;
  }
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == row.code);
  CHECK(answer.error().message.starts_with("image " + bench.host + "/team/shop:sha-1: " + bench.host + " "));
  CHECK(answer.error().message.find(row.text) != std::string::npos);
  CHECK(answer.error().retry == row.retry);
  if (row.retry == Retry::After) CHECK(answer.error().after == std::chrono::seconds(7));
}

TEST_CASE("credentials are sent only when the registry asks, as Basic", "[registry]") {
  std::vector<std::string> sent;
  bool accepts = GENERATE(true, false);
  RegistryBench bench([&](Exchange& e) -> Task<> {
    sent.push_back(e.header("authorization"));
    if (sent.back().empty() || !accepts)
      co_await e.answer(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n");
    else
      co_await e.answer(200);
  });
  const auto answer = bench.look(robot);
  CHECK(sent == std::vector<std::string>{"", "Basic " + base64_encode("robot:canary-password")});
  if (accepts) {
    REQUIRE(answer);
    CHECK(answer->found);
  } else {
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::RegistryAuth);
    CHECK(answer.error().message.find("refuses the credentials (401)") != std::string::npos);
    CHECK(answer.error().message.find("canary") == std::string::npos);
  }
}

TEST_CASE("a token is fetched where the registry says, with the credentials, for pulling this repository only", "[registry]") {
  struct Row {
    const char* body;
    int status;
    Code code; // Internal: it works
  };
  const auto row = GENERATE(values<Row>({{R"({"token":"canary-token"})", 200, Code::Internal},
                                         {R"({"access_token":"canary-token"})", 200, Code::Internal},
                                         {"{}", 200, Code::RegistryError},
                                         {"canary", 200, Code::RegistryError},
                                         {R"({"token":"a\r\nX: canary"})", 200, Code::RegistryError},
                                         {"", 401, Code::RegistryAuth},
                                         {"", 403, Code::RegistryAuth},
                                         {"", 500, Code::RegistryError}}));
  const bool anonymous = GENERATE(true, false);
  INFO(row.status << row.body);
  std::string token_request, basic;
  RegistryBench* self = nullptr;
  RegistryBench bench([&](Exchange& e) -> Task<> {
    if (e.target.starts_with("/token")) {
      token_request = e.target;
      basic = e.header("authorization");
      co_await e.answer(row.status, row.body);
    } else if (e.header("authorization") == "Bearer canary-token") {
      co_await e.answer(200);
    } else {
      co_await e.answer(401, "",
                        cat("WWW-Authenticate: Bearer realm=\"http://", self->host,
                            "/token\",service=\"a service\",scope=\"repository:team/shop:pull,push,delete\"\r\n"));
    }
  });
  self = &bench;
  const auto answer = bench.look(anonymous ? std::nullopt : std::optional(robot));
  CHECK(token_request == "/token?service=a%20service&scope=repository%3Ateam%2Fshop%3Apull");
  CHECK(basic == (anonymous ? "" : "Basic " + base64_encode("robot:canary-password")));
  if (row.code == Code::Internal) {
    REQUIRE(answer);
    CHECK(answer->found);
  } else {
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == row.code);
    CHECK(answer.error().message.find("canary") == std::string::npos);
  }
}

TEST_CASE("credentials go to no token service that isn't https", "[registry]") {
  const ImageName image{"registry.example", "team/shop"};
  const std::set<std::string> plain = {"127.0.0.1:5000", "127.0.0.1:5001"};
  CHECK(token_url("https://auth.example/token", "s", image, plain) ==
        "https://auth.example/token?service=s&scope=repository%3Ateam%2Fshop%3Apull");
  CHECK(token_url("https://auth.example/token?a=b", "", image, {}) ==
        "https://auth.example/token?a=b&service=&scope=repository%3Ateam%2Fshop%3Apull");
  for (const char* bad : {"", "http://auth.example/token", "http://127.0.0.1:5000/token", "ftp://a/", "https://", "https:///x",
                          "https://user@auth.example/", "https://auth.example\\@evil/", "https://a b/", "https://a/#x",
                          "/token", "HTTPS://auth.example/token", "file:///etc/passwd"}) {
    INFO(bad);
    CHECK_FALSE(token_url(bad, "s", image, plain));
  }
  // A registry that may be asked over http may name such a token service, but no other.
  CHECK(token_url("http://127.0.0.1:5001/t", "s", {"127.0.0.1:5000", "x"}, plain));
  CHECK_FALSE(token_url("http://127.0.0.1:5002/t", "s", {"127.0.0.1:5000", "x"}, plain));
}

TEST_CASE("a registry that is away, or is asked over https and speaks http, cannot be reached", "[registry]") {
  RegistryBench bench([](Exchange& e) -> Task<> { co_await e.answer(200); });
  registry::Client strict(bench.Bench::client, bench.loop.executor(), {});
  const auto tls = bench.run(strict.look({{bench.host, "team/shop"}, "sha-1", robot, {}}));
  REQUIRE_FALSE(tls);
  CHECK(tls.error().code == Code::RegistryDown);
  CHECK(tls.error().retry == Retry::Backoff);
  CHECK(bench.imposter.asked().empty());
  registry::Client away(bench.Bench::client, bench.loop.executor(), {.plain_http = {"127.0.0.1:1"}});
  const auto gone = bench.run(away.look({{"127.0.0.1:1", "team/shop"}, "sha-1", robot, {}}));
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == Code::RegistryDown);
  CHECK(gone.error().message.find("127.0.0.1:1 cannot be reached") != std::string::npos);
}

TEST_CASE("Docker Hub's API lies on a host of its own", "[registry]") {
  CHECK(api_host("docker.io") == "registry-1.docker.io");
  CHECK(api_host("ghcr.io") == "ghcr.io");
}
