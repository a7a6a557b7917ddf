#include "webhook/receiver.h"

#include "base/hash.h"
#include "base/text.h"
#include "unit/kube/access.h"

#include <boost/asio/write.hpp>

using namespace gitsync;
using namespace gitsync::webhook;
using namespace std::chrono_literals;
using http::Exchange;
using nlohmann::json;

namespace {

/// One GitRepository shop/web whose secret the API server holds.
struct Stand : kube::KubeBench {
  std::string token = "first";
  int secret_code = 200;
  size_t reads = 0, wakes = 0, lookups = 0;
  bool there = true;
  std::optional<Error> wake_error;
  report::Metrics metrics{"test"};
  std::optional<Receiver> receiver;

  explicit Stand(Receiver::Options options = {}) : kube::KubeBench([this](Exchange& e) -> Task<> { co_await answer(e); }) {
    receiver.emplace(
        kube, metrics,
        [this](std::string ns, std::string name) -> Task<Result<std::optional<Target>>> {
          ++lookups;
          if (!there || ns != "shop" || name != "web") co_return std::nullopt;
          co_return Target{{api::WebhookType::Generic, "hook"}, [this]() -> Task<Result<>> {
                             ++wakes;
                             if (wake_error) co_return std::unexpected(*wake_error);
                             co_return Result<>{};
                           }};
        },
        options);
  }
  Task<> answer(Exchange& e) {
    ++reads;
    co_await e.answer(secret_code, json{{"kind", "Secret"}, {"data", {{"token", base64_encode(token + "\n")}}}}.dump());
  }
  unsigned deliver(const std::string& body, const std::string& secret = "first", const std::string& path = "/hook/shop/web") {
    server::Request request{.method = "POST",
                            .path = path,
                            .query = {},
                            .body = body,
                            .headers = {{"x-signature", "sha256=" + hmac_sha256_hex(secret, body)}}};
    return run(receiver->receive(std::move(request))).status;
  }
};

} // namespace

TEST_CASE("an authentic delivery wakes the repository, and its secret is read once", "[webhook]") {
  Stand stand;
  CHECK(stand.deliver("1") == 202);
  CHECK(stand.deliver("2") == 202);
  CHECK(stand.wakes == 2);
  CHECK(stand.reads == 1);
}

TEST_CASE("the same delivery again is answered, and does nothing", "[webhook]") {
  Stand stand;
  CHECK(stand.deliver("1") == 202);
  CHECK(stand.deliver("1") == 202);
  CHECK(stand.wakes == 1);
  stand.wake_error = Error{Code::ApiUnreachable, "gone", Retry::Backoff, {}};
  CHECK(stand.deliver("2") == 503);
  stand.wake_error.reset();
  CHECK(stand.deliver("2") == 202); // it was not accepted before
  CHECK(stand.wakes == 3);
}

TEST_CASE("who knows no secret gets one answer, whatever there is", "[webhook]") {
  Stand stand;
  for (const char* path : {"/hook/shop/web", "/hook/shop/other", "/hook/", "/hook/shop", "/hook/shop/web/", "/hook//",
                           "/hook/a/../b", "/hook/SHOP/web", "/hook/shop/web%00"}) {
    INFO(path);
    CHECK(stand.deliver("1", "wrong", path) == 403);
  }
  CHECK(stand.wakes == 0);
  stand.there = false;
  stand.receiver.emplace(stand.kube, stand.metrics,
                         [](std::string, std::string) -> Task<Result<std::optional<Target>>> { co_return std::nullopt; });
  CHECK(stand.deliver("1") == 403); // the right secret of none
}

TEST_CASE("a secret that is renewed counts at once, the old one no longer, and guesses don't make it read again", "[webhook]") {
  Stand stand({.trust = 0ms, .distrust = 1h});
  CHECK(stand.deliver("1") == 202);
  for (int i = 0; i < 20; ++i) CHECK(stand.deliver(cat("x", i), "wrong") == 403);
  CHECK(stand.reads == 1);

  Stand quick({.distrust = 0ms});
  CHECK(quick.deliver("1") == 202);
  quick.token = "second";
  CHECK(quick.deliver("2", "second") == 202);
  CHECK(quick.deliver("3", "first") == 403);
  CHECK(quick.wakes == 2);
}

TEST_CASE("a secret that cannot be read, is empty or missing lets nobody in", "[webhook]") {
  Stand stand({.distrust = 0ms});
  stand.secret_code = 500;
  CHECK(stand.deliver("1") == 503); // the host may try again
  stand.secret_code = 404;
  CHECK(stand.deliver("1") == 403);
  stand.secret_code = 200;
  stand.token = "";
  CHECK(stand.deliver("1", "") == 403);
  CHECK(stand.wakes == 0);
}

TEST_CASE("too many deliveries are turned away, those of strangers without harm to the others", "[webhook]") {
  Stand stand({.every = 1h, .burst = 2, .bad_every = 1h, .bad_burst = 3});
  CHECK(stand.deliver("1") == 202); // one of the three: the secret was not known yet
  for (int i = 0; i < 2; ++i) CHECK(stand.deliver("x", "wrong") == 403);
  CHECK(stand.deliver("x", "wrong") == 429);
  CHECK(stand.deliver("2") == 202);
  CHECK(stand.deliver("3") == 429);
  const auto lookups = stand.lookups;
  for (int i = 0; i < 10; ++i) stand.deliver("1", "wrong", cat("/hook/shop/guess-", i));
  CHECK(stand.lookups <= lookups + 3); // names that nobody has are not looked up for ever
}

TEST_CASE("the receiver's server refuses what is too large and cuts who drips", "[webhook][server]") {
  Stand stand;
  auto limits = Receiver::limits();
  CHECK(limits.body_bytes == 1u << 20);
  CHECK(limits.idle <= 10s);
  limits.body_bytes = 1000;
  limits.idle = 100ms;
  server::HttpServer server(stand.loop.executor(), limits);
  stand.receiver->install(server);
  REQUIRE(server.listen("127.0.0.1:0"));
  TaskGroup serving(stand.loop.executor());
  serving.spawn("server", server.serve());
  const auto talk = [&](std::string bytes) -> Task<std::string> {
    boost::asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect({boost::asio::ip::address_v4::loopback(), server.port()}, asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(bytes), as_result);
    std::string text;
    for (std::array<char, 4096> chunk;;) {
      const auto [error, count] = co_await socket.async_read_some(asio::buffer(chunk), as_result);
      if (error) co_return text;
      text.append(chunk.data(), count);
    }
  };
  const std::string post = "POST /hook/shop/web HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
                    mac = hmac_sha256_hex("first", "{}");
  CHECK(stand.run(talk(cat(post, "X-Signature: sha256=", mac, "\r\nContent-Length: 2\r\n\r\n{}"))).starts_with("HTTP/1.1 202"));
  CHECK(stand.run(talk(cat(post, "X-Signature: sha256=", mac, "\r\nContent-Length: 2\r\n\r\n[]"))).starts_with("HTTP/1.1 403"));
  CHECK(stand.run(talk(cat(post, "Content-Length: 1001\r\n\r\n"))).starts_with("HTTP/1.1 413"));
  CHECK(stand.run(talk(cat(post, "X-Long: ", std::string(9000, 'x'), "\r\n\r\n"))).starts_with("HTTP/1.1 431"));
  CHECK(stand.run(talk("GET /hook/shop/web HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).starts_with("HTTP/1.1 405"));
  CHECK(stand.run(talk("POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
            .starts_with("HTTP/1.1 404"));
  CHECK(stand.run(talk(cat(post, "Content-Length: 100\r\n\r\nhalf"))).empty()); // it never sends the rest, and is cut
  CHECK(stand.wakes == 1);
  stand.loop.inside([&] { serving.stop(); });
  stand.until([&] { return serving.running() == 0; });
}
