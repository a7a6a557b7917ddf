#include "kube/client.h"

#include "base/text.h"
#include "unit/kube/access.h"

using namespace gitsync;
using namespace gitsync::kube;
using namespace std::chrono_literals;
using http::Exchange;
using nlohmann::json;

namespace {

http::Response response(int status, std::string body, std::optional<std::chrono::seconds> after = {}) {
  return {status, std::move(body), after, {}};
}
std::string status_body(std::string message) {
  return json{{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Failure"}, {"message", message}}.dump();
}

} // namespace

TEST_CASE("status_error: what an answer means", "[kube]") {
  struct Row {
    int status;
    std::optional<std::chrono::seconds> after;
    Code code;
    Retry retry;
  };
  const std::vector<Row> rows = {
      {400, {}, Code::ApiInvalid, Retry::Never},       {401, {}, Code::ApiUnauthorized, Retry::Backoff},
      {403, {}, Code::ApiForbidden, Retry::Backoff},   {404, {}, Code::ApiNotFound, Retry::Never},
      {409, {}, Code::ApiConflict, Retry::Backoff},    {410, {}, Code::ApiExpired, Retry::Backoff},
      {413, {}, Code::ApiInvalid, Retry::Never},       {415, {}, Code::ApiInvalid, Retry::Never},
      {422, {}, Code::ApiInvalid, Retry::Never},       {429, {}, Code::ApiThrottled, Retry::Backoff},
      {429, 5s, Code::ApiThrottled, Retry::After},     {500, {}, Code::ApiServerError, Retry::Backoff},
      {500, 3s, Code::ApiServerError, Retry::After},   {502, {}, Code::ApiServerError, Retry::Backoff},
      {503, {}, Code::ApiServerError, Retry::Backoff}, {503, 9s, Code::ApiThrottled, Retry::After},
      {504, {}, Code::ApiServerError, Retry::Backoff}, {302, {}, Code::ApiInvalid, Retry::Never},
  };
  for (const auto& row : rows) {
    CAPTURE(row.status);
    const auto error = status_error("apply x", response(row.status, status_body("no"), row.after), false);
    CHECK(error.code == row.code);
    CHECK(error.retry == row.retry);
    CHECK(error.after == row.after.value_or(0s));
    CHECK(error.message == "apply x: no");
  }
}

TEST_CASE("status_error: a message that quotes a whole object still says what is wrong with it", "[kube]") {
  const std::string object = "core.PodTemplateSpec{ObjectMeta:v1.ObjectMeta{Name:\"" + std::string(2000, 'x') + "\"}}";
  const auto error = status_error(
      "apply x", response(422, status_body("spec.template: Invalid value: " + object + ": field is immutable {a}")), false);
  CHECK(error.message == "apply x: spec.template: Invalid value: core.PodTemplateSpec{…}: field is immutable {a}");
}

TEST_CASE("status_error: a body that is no Status is told in short", "[kube]") {
  struct Row {
    std::string body, message;
  };
  const std::vector<Row> rows = {
      {"", "get x: HTTP 502 "},
      {"  Bad Gateway\n", "get x: HTTP 502 Bad Gateway"},
      {"{\"kind\":\"Other\",\"message\":\"m\"}", "get x: HTTP 502 {\"kind\":\"Other\",\"message\":\"m\"}"},
      {"{\"kind\":\"Status\"}", "get x: HTTP 502 {\"kind\":\"Status\"}"},
      {"{\"kind\":\"Status\",\"message\":5}", "get x: HTTP 502 {\"kind\":\"Status\",\"message\":5}"},
      {"[]", "get x: HTTP 502 []"},
  };
  for (const auto& row : rows) {
    INFO(row.body);
    CHECK(status_error("get x", response(502, row.body), false).message == row.message);
  }
  CHECK(status_error("get x", response(502, std::string(100'000, 'x')), false).message.size() < 300);
}

TEST_CASE("status_error: a body whose members have odd types is no exception", "[kube]") {
  // Not only the API server answers: a proxy in between may send any JSON.
  for (const std::string body :
       {"{\"kind\":5}", "{\"kind\":null}", "{\"kind\":[],\"message\":\"m\"}", "null", "5", "{\"message\":{}}"}) {
    INFO(body);
    CHECK_NOTHROW(status_error("get x", response(500, body), false));
  }
}

TEST_CASE("status_error: what is quoted of a Secret is masked, of others not", "[kube]") {
  const auto body = status_body("Secret \"db\" is invalid: data.password: Invalid value: \"CANARY\": too long");
  const auto secret = status_error("apply Secret shop/db", response(422, body), true);
  CHECK(secret.message.find("CANARY") == std::string::npos);
  CHECK(secret.message.find("too long") != std::string::npos);
  CHECK(secret.message.starts_with("apply Secret shop/db: "));
  CHECK(status_error("apply x", response(422, body), false).message.find("CANARY") != std::string::npos);
  const auto plain = status_error("apply Secret shop/db", response(500, "proxy says \"CANARY\""), true);
  CHECK(plain.message.find("CANARY") == std::string::npos);
  CHECK(
      status_error("get x", response(401, status_body("Authorization: Bearer CANARY.abc.def")), false).message.find("CANARY") ==
      std::string::npos);
}

TEST_CASE("each verb asks as Kubernetes expects", "[kube]") {
  struct Seen {
    std::string method, target, type, body, agent;
  } seen;
  KubeBench bench([&](Exchange& e) -> Task<> {
    seen = {e.method, e.target, e.header("content-type"), e.body, e.header("user-agent")};
    co_await e.answer(200, "{\"a\":1}");
  });
  std::vector<std::string> verbs;
  bench.kube.observe([&](std::string_view verb, int status, double seconds) {
    verbs.push_back(cat(verb, " ", status));
    CHECK(seconds >= 0);
  });
  REQUIRE(bench.run(bench.kube.get("/api/v1/x")));
  CHECK(seen.method == "GET");
  CHECK(seen.agent == "test/1");
  REQUIRE(bench.run(bench.kube.create("/api/v1/x", json{{"b", 2}})));
  CHECK(seen.method == "POST");
  CHECK(seen.body == "{\"b\":2}");
  REQUIRE(bench.run(bench.kube.replace("/api/v1/x", json{{"c", 3}})));
  CHECK(seen.method == "PUT");
  for (const auto& [type, header] : {std::pair{PatchType::Apply, "application/apply-patch+yaml"},
                                     {PatchType::Merge, "application/merge-patch+json"},
                                     {PatchType::Json, "application/json-patch+json"}}) {
    REQUIRE(bench.run(bench.kube.patch("/api/v1/x", type, "{}", "fieldManager=m&force=true")));
    CHECK(seen.method == "PATCH");
    CHECK(seen.type == header);
    CHECK(seen.target == "/api/v1/x?fieldManager=m&force=true");
  }
  REQUIRE(bench.run(bench.kube.remove("/api/v1/x", "uid-1")));
  CHECK(seen.method == "DELETE");
  CHECK(json::parse(seen.body)["preconditions"]["uid"] == "uid-1");
  CHECK(json::parse(seen.body)["propagationPolicy"] == "Background");
  REQUIRE(bench.run(bench.kube.remove("/api/v1/x")));
  CHECK_FALSE(json::parse(seen.body).contains("preconditions"));
  CHECK(verbs == std::vector<std::string>{"get 200", "create 200", "update 200", "apply 200", "patch 200", "patch 200",
                                          "delete 200", "delete 200"});
}

TEST_CASE("an error begins with what was asked, without its query", "[kube]") {
  KubeBench bench([](Exchange& e) -> Task<> { co_await e.answer(403, status_body("not allowed")); });
  const auto result =
      bench.run(bench.kube.patch("/api/v1/namespaces/shop/configmaps/web", PatchType::Apply, "{}", "fieldManager=x"));
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "apply /api/v1/namespaces/shop/configmaps/web: not allowed");
}

TEST_CASE("an error about a Secret is masked by its path", "[kube]") {
  KubeBench bench([](Exchange& e) -> Task<> { co_await e.answer(422, status_body("Invalid value: \"CANARY\"")); });
  const auto secret = bench.run(bench.kube.patch("/api/v1/namespaces/shop/secrets/db", PatchType::Apply, "{}", ""));
  REQUIRE_FALSE(secret);
  CHECK(secret.error().message.find("CANARY") == std::string::npos);
}

TEST_CASE("an answer that is no object is the server's fault", "[kube]") {
  const std::string body = GENERATE("", "x", "[]", "5", "{\"a\":");
  KubeBench bench([&](Exchange& e) -> Task<> { co_await e.answer(200, body); });
  const auto result = bench.run(bench.kube.get("/x"));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::ApiServerError);
  CHECK(result.error().message.starts_with("get /x: "));
}

TEST_CASE("after a 401 it tries once more with a fresh token, and only then", "[kube]") {
  struct Row {
    const char* what;
    std::string next_token;
    bool accepted;
    size_t requests;
  };
  const auto row = GENERATE(values<Row>(
      {{"rotated", "token-2", true, 2}, {"nothing new", "", false, 1}, {"the new one is refused too", "token-bad", false, 2}}));
  INFO(row.what);
  KubeBench bench([](Exchange& e) -> Task<> {
    if (e.header("authorization") == "Bearer token-2")
      co_await e.answer(200, "{}");
    else
      co_await e.answer(401, status_body("Unauthorized"));
  });
  bench.access->next_token = row.next_token;
  const auto result = bench.run(bench.kube.get("/x"));
  CHECK(result.has_value() == row.accepted);
  if (!result) CHECK(result.error().code == Code::ApiUnauthorized);
  CHECK(bench.imposter.asked().size() == row.requests);
}

TEST_CASE("an unreachable server is told with what was asked", "[kube]") {
  KubeBench bench([](Exchange& e) -> Task<> {
    e.open = false;
    co_return;
  });
  int status = -1;
  bench.kube.observe([&](std::string_view, int is, double) { status = is; });
  const auto result = bench.run(bench.kube.get("/x?y"));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::ApiUnreachable);
  CHECK(result.error().message.starts_with("get /x: "));
  CHECK(status == 0);
}

TEST_CASE("a list comes page by page and ends with its version", "[kube]") {
  const int pages = GENERATE(1, 3);
  KubeBench bench([&](Exchange& e) -> Task<> {
    const size_t at = e.target.find("continue=");
    const int page = at == std::string::npos ? 0 : std::stoi(e.target.substr(at + 9));
    json metadata = {{"resourceVersion", cat(100 + page)}};
    if (page + 1 < pages) metadata["continue"] = cat(page + 1, "/+=");
    co_await e.answer(200, json{{"metadata", metadata}, {"items", {{{"n", 2 * page}}, {{"n", 2 * page + 1}}}}}.dump());
  });
  std::vector<int> got;
  const auto version = bench.run(bench.kube.list("/api/v1/x", "labelSelector=a", [&](json items) {
    for (const auto& item : items) got.push_back(item["n"]);
  }));
  REQUIRE(version);
  CHECK(*version == cat(100 + pages - 1));
  CHECK(got.size() == static_cast<size_t>(2 * pages));
  CHECK(std::ranges::is_sorted(got));
  CHECK(bench.imposter.asked()[0] == "GET /api/v1/x?limit=500&labelSelector=a");
  if (pages > 1) CHECK(bench.imposter.asked()[1] == "GET /api/v1/x?limit=500&labelSelector=a&continue=1%2F%2B%3D");
}

TEST_CASE("a list with odd members is no exception", "[kube]") {
  const std::string body = GENERATE("{}", "{\"metadata\":null}", "{\"metadata\":{\"resourceVersion\":5}}",
                                    "{\"metadata\":{\"continue\":null}}", "{\"metadata\":[],\"items\":{}}", "{\"items\":null}");
  INFO(body);
  KubeBench bench([&](Exchange& e) -> Task<> { co_await e.answer(200, body); });
  const auto ask = [&]() -> Task<bool> {
    try {
      co_await bench.kube.list("/x", "", [](json) {});
      co_return true;
    } catch (const std::exception&) {
      co_return false; // in the operator it would end the process
    }
  };
  CHECK(bench.run(ask()));
}

TEST_CASE("an expired list says so", "[kube]") {
  KubeBench bench([](Exchange& e) -> Task<> { co_await e.answer(410, status_body("expired")); });
  const auto version = bench.run(bench.kube.list("/x", "", [](json) {}));
  REQUIRE_FALSE(version);
  CHECK(version.error().code == Code::ApiExpired);
}

TEST_CASE("a watch gives whole lines however the stream is cut", "[kube]") {
  const size_t part = GENERATE(1u, 2u, 3u, 7u, 1000u);
  const std::vector<std::string> lines = {"{\"a\":1}", "", "{\"b\":\"" + std::string(500, 'x') + "\"}", "{}"};
  KubeBench bench([&](Exchange& e) -> Task<> {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    text += "half a li";
    co_await e.begin(200);
    for (size_t at = 0; at < text.size(); at += part) {
      co_await e.write(text.substr(at, part));
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    }
  });
  std::vector<std::string> got;
  const auto result = bench.run(bench.kube.watch("/api/v1/x", "resourceVersion=5", 60s, [&](std::string_view line) {
    got.emplace_back(line);
    return true;
  }));
  CHECK(result);
  CHECK(got == lines);
  CHECK(bench.imposter.asked()[0] == "GET /api/v1/x?watch=true&timeoutSeconds=60&resourceVersion=5");
}

TEST_CASE("a watch ends when its sink says so", "[kube]") {
  KubeBench bench([](Exchange& e) -> Task<> {
    co_await e.begin(200);
    co_await e.write("{}\n{}\n{}\n");
    Event never(co_await asio::this_coro::executor);
    co_await never.wait();
  });
  int lines = 0;
  CHECK(bench.run(bench.kube.watch("/x", "", 60s, [&](std::string_view) { return ++lines < 2; })));
  CHECK(lines == 2);
}

TEST_CASE("a line without end is cut at its cap", "[kube]") {
  KubeBench bench([](Exchange& e) -> Task<> {
    co_await e.begin(200);
    const std::string part(1u << 20, 'x');
    for (int i = 0; i < 12; ++i) co_await e.write(part);
  });
  const auto result = bench.run(bench.kube.watch("/x", "", 60s, [](std::string_view) { return true; }));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::ApiServerError);
  CHECK(result.error().message.starts_with("watch /x: "));
}

TEST_CASE("a refused watch tells why, and a rotated token is tried once", "[kube]") {
  const int status = GENERATE(401, 403, 410, 500);
  KubeBench bench([&](Exchange& e) -> Task<> { co_await e.answer(status, status_body("no")); });
  bench.access->next_token = "token-2";
  const auto result = bench.run(bench.kube.watch("/x", "", 60s, [](std::string_view) { return true; }));
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "watch /x: no");
  CHECK(bench.imposter.asked().size() == (status == 401 ? 2 : 1));
}

TEST_CASE("discovery: aggregated, old, and a group that is down", "[kube]") {
  const bool aggregated = GENERATE(true, false);
  KubeBench bench([&](Exchange& e) -> Task<> {
    const auto group = [](const std::string& name, const std::string& kind, const std::string& plural) {
      return json{{"metadata", {{"name", name}}},
                  {"versions",
                   {{{"version", "v1"},
                     {"freshness", "Current"},
                     {"resources",
                      {{{"resource", plural},
                        {"responseKind", {{"group", name}, {"version", "v1"}, {"kind", kind}}},
                        {"scope", "Namespaced"},
                        {"singularResource", ""},
                        {"verbs", {"get", "list", "watch", "patch"}}}}}}}}};
    };
    if (aggregated) {
      json list = {{"kind", "APIGroupDiscoveryList"}, {"apiVersion", "apidiscovery.k8s.io/v2"}, {"items", json::array()}};
      list["items"].push_back(e.target == "/api" ? group("", "ConfigMap", "configmaps")
                                                 : group("apps", "Deployment", "deployments"));
      co_return co_await e.answer(200, list.dump());
    }
    const auto resources = [](const std::string& version, const std::string& kind, const std::string& plural) {
      return json{{"kind", "APIResourceList"},
                  {"groupVersion", version},
                  {"resources",
                   {{{"name", plural},
                     {"kind", kind},
                     {"namespaced", true},
                     {"singularName", ""},
                     {"verbs", {"get", "list", "watch", "patch"}}}}}}
          .dump();
    };
    if (e.target == "/api")
      co_await e.answer(200, json{{"kind", "APIVersions"}, {"versions", {"v1"}}}.dump());
    else if (e.target == "/apis")
      co_await e.answer(
          200, json{{"kind", "APIGroupList"},
                    {"groups",
                     {{{"name", "apps"}, {"versions", {{{"groupVersion", "apps/v1"}, {"version", "v1"}}}}},
                      {{"name", "down.example"}, {"versions", {{{"groupVersion", "down.example/v1"}, {"version", "v1"}}}}}}}}
                   .dump());
    else if (e.target == "/api/v1")
      co_await e.answer(200, resources("v1", "ConfigMap", "configmaps"));
    else if (e.target == "/apis/apps/v1")
      co_await e.answer(200, resources("apps/v1", "Deployment", "deployments"));
    else
      co_await e.answer(503, "down");
  });
  const auto map = bench.run(bench.kube.discover());
  REQUIRE(map);
  const auto* config = (*map)->find("", "v1", "ConfigMap");
  REQUIRE(config);
  CHECK(config->path("shop", "a") == "/api/v1/namespaces/shop/configmaps/a");
  const auto* deployment = (*map)->find("apps", "v1", "Deployment");
  REQUIRE(deployment);
  CHECK(deployment->path("shop", "a") == "/apis/apps/v1/namespaces/shop/deployments/a");
}
