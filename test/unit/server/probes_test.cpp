#include "server/probes.h"

#include "base/secret.h"
#include "support/catch.h"

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

using namespace gitsync;
using namespace gitsync::server;

TEST_CASE("probes: healthy and ready without checks", "[server]") {
  const Probes probes;
  CHECK(probes.health().status == 200);
  CHECK(nlohmann::json::parse(probes.readiness().body) == nlohmann::json{{"status", "ok"}});
}

TEST_CASE("probes: a check that fails is named with its reason, others are not", "[server]") {
  register_secret("hunter2-hunter2");
  Probes probes;
  bool synced = false;
  probes.add_ready("caches", [&]() -> Result<> {
    if (synced) return {};
    return fail(Code::ApiUnreachable, "watch of Deployments: connection refused");
  });
  probes.add_ready("api", [] { return Result<>{}; });
  probes.add_ready("git", []() -> Result<> { return fail(Code::GitAuth, "token hunter2-hunter2 is refused"); });

  const Response response = probes.readiness();
  CHECK(response.status == 503);
  CHECK(response.content_type == "application/json");
  CHECK(nlohmann::json::parse(response.body) ==
        nlohmann::json::parse(
            R"({"status":"unready","failed":[{"name":"caches","reason":"GS401 watch of Deployments: connection refused"},
                                                               {"name":"git","reason":"GS303 token *** is refused"}]})"));
  CHECK(probes.health().status == 200);

  synced = true;
  CHECK(nlohmann::json::parse(probes.readiness().body)["failed"].size() == 1);
}

TEST_CASE("probes: liveness has its own checks", "[server]") {
  Probes probes;
  probes.add_live("workers", []() -> Result<> { return fail(Code::Internal, "pool is stuck"); });
  CHECK(probes.health().status == 503);
  CHECK(nlohmann::json::parse(probes.health().body)["status"] == "unhealthy");
  CHECK(probes.readiness().status == 200);
}

TEST_CASE("probes: the three routes", "[server]") {
  asio::io_context io;
  HttpServer server(io.get_executor());
  report::Metrics metrics("1.2.3");
  Probes probes;
  probes.add_ready("never", []() -> Result<> { return fail(Code::Timeout, "never"); });
  probes.install(server, metrics);
  std::string allow;
  CHECK(server.answer({.method = "GET", .path = "/healthz"}, allow).status == 200);
  CHECK(server.answer({.method = "GET", .path = "/readyz"}, allow).status == 503);
  const Response scrape = server.answer({.method = "GET", .path = "/metrics"}, allow);
  CHECK(scrape.status == 200);
  CHECK(scrape.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(scrape.body.find("gitsync_build_info{version=\"1.2.3\"} 1\n") != std::string::npos);
  CHECK(allow.empty());
  CHECK(server.answer({.method = "POST", .path = "/metrics"}, allow).status == 405);
  CHECK(allow == "GET, HEAD");
}
