#include "http/client.h"

#include "base/secret.h"
#include "unit/http/imposter.h"

#include <boost/asio/ip/tcp.hpp>

using namespace gitsync;
using namespace gitsync::http;
using namespace std::chrono_literals;

namespace {

Handler always(int status, std::string body, std::string more = "") {
  return [=](Exchange& exchange) { return exchange.answer(status, body, more); };
}

Request get(const Bench& bench, std::string path = "/") {
  Request out;
  out.url = bench.imposter.url(path);
  return out;
}

} // namespace

TEST_CASE("a request arrives as it was meant", "[http]") {
  struct Row {
    const char* method;
    const char* body;
    const char* length; // header; "": none is sent
  };
  const auto row = GENERATE(values<Row>({{"GET", "", ""},
                                         {"DELETE", "", ""},
                                         {"DELETE", "{}", "2"},
                                         {"POST", "", "0"},
                                         {"POST", "x=1", "3"},
                                         {"PUT", "abc", "3"},
                                         {"PATCH", "", "0"},
                                         {"PATCH", "{\"a\":1}", "7"}}));
  std::string method, target, body, length, custom, authorization, expect;
  Bench bench([&](Exchange& e) -> Task<> {
    method = e.method, target = e.target, body = e.body, length = e.header("content-length");
    custom = e.header("x-custom"), authorization = e.header("authorization"), expect = e.header("expect");
    co_await e.answer(200, "answer");
  });
  auto request = get(bench, "/a/b?c=d%20e");
  request.method = row.method;
  request.body = row.body;
  request.headers = {"X-Custom: yes"};
  request.authorization = "Bearer token-of-test";
  const auto response = bench.run(bench.client.send(request));
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body == "answer");
  CHECK(method == row.method);
  CHECK(target == "/a/b?c=d%20e");
  CHECK(body == row.body);
  CHECK(length == row.length);
  CHECK(custom == "yes");
  CHECK(authorization == "Bearer token-of-test");
  CHECK(expect == "");
}

TEST_CASE("a handle that is used again carries nothing over", "[http]") {
  std::vector<std::string> seen;
  Bench bench([&](Exchange& e) -> Task<> {
    seen.push_back(cat(e.method, " ", e.header("authorization"), " ", e.header("x-custom"), " ", e.body));
    co_await e.answer(200, "x");
  });
  auto first = get(bench);
  first.method = "POST";
  first.body = "body";
  first.authorization = "Bearer abc";
  first.headers = {"X-Custom: yes"};
  first.max_body = 5;
  REQUIRE(bench.run(bench.client.send(first)));
  REQUIRE(bench.run(bench.client.send(get(bench))));
  CHECK(seen == std::vector<std::string>{"POST Bearer abc yes body", "GET   "});
  CHECK(bench.imposter.connections() == 1); // the connection is reused
}

TEST_CASE("every status is an answer, and redirects aren't followed", "[http]") {
  const int status = GENERATE(200, 201, 302, 401, 404, 409, 422, 429, 500, 503);
  Bench bench(always(status, "text", "Location: /elsewhere\r\n"));
  const auto response = bench.run(bench.client.send(get(bench)));
  REQUIRE(response);
  CHECK(response->status == status);
  CHECK(response->body == "text");
  CHECK(bench.imposter.asked().size() == 1);
}

TEST_CASE("Retry-After in seconds is heard, whatever its letters; anything else isn't", "[http]") {
  struct Row {
    const char* header;
    std::optional<std::chrono::seconds> expected;
  };
  const auto row = GENERATE(values<Row>({{"", {}},
                                         {"Retry-After: 7\r\n", 7s},
                                         {"retry-after:7\r\n", 7s},
                                         {"RETRY-AFTER:   0\r\n", 0s},
                                         {"Retry-After: 999999\r\n", 3600s}, // bounded
                                         {"Retry-After: -5\r\n", {}},
                                         {"Retry-After: soon\r\n", {}},
                                         {"Retry-After: 99999999999999999999\r\n", {}},
                                         {"Retry-After:\r\n", {}},
                                         {"X-Retry-After: 7\r\n", {}}}));
  INFO(row.header);
  Bench bench(always(429, "", row.header));
  const auto response = bench.run(bench.client.send(get(bench)));
  REQUIRE(response);
  CHECK(response->retry_after == row.expected);
}

TEST_CASE("nobody listens: ApiUnreachable, to be tried again", "[http]") {
  Bench bench(always(200, ""));
  asio::ip::tcp::acceptor closed(bench.loop.io, {asio::ip::address_v4::loopback(), 0});
  Request request;
  request.url = cat("http://127.0.0.1:", closed.local_endpoint().port(), "/");
  closed.close();
  const auto response = bench.run(bench.client.send(request));
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Code::ApiUnreachable);
  CHECK(response.error().retry == Retry::Backoff);
  CHECK_FALSE(response.error().message.empty());
}

TEST_CASE("an answer that is cut or nonsense is ApiUnreachable", "[http]") {
  const std::string bytes =
      GENERATE("", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "SSH-2.0-OpenSSH_9\r\n\r\n",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  INFO(bytes);
  Bench bench([&](Exchange& e) -> Task<> {
    e.open = false;
    co_await e.write(bytes);
  });
  const auto response = bench.run(bench.client.send(get(bench)));
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Code::ApiUnreachable);
}

TEST_CASE("a server that never answers, or drips, ends at the deadline", "[http]") {
  const bool drips = GENERATE(false, true);
  Bench bench([&](Exchange& e) -> Task<> {
    if (drips) co_await e.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow");
    Event never(co_await asio::this_coro::executor);
    co_await never.wait();
  });
  auto request = get(bench);
  request.timeout = 100ms;
  const auto response = bench.run(bench.client.send(request));
  REQUIRE_FALSE(response);
  CHECK(response.error().code == Code::Timeout);
  CHECK(response.error().retry == Retry::Backoff);
}

TEST_CASE("an answer larger than allowed is cut, told and not tried again", "[http]") {
  struct Row {
    size_t size;
    bool chunked, fits;
  };
  const auto row = GENERATE(values<Row>(
      {{1'000, false, true}, {1'001, false, false}, {5u << 20, false, false}, {1'001, true, false}, {1'000, true, true}}));
  Bench bench([&](Exchange& e) -> Task<> {
    const std::string body(row.size, 'x');
    if (!row.chunked) co_return co_await e.answer(200, body);
    e.open = false;
    co_await e.write(cat("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", body)); // says nothing of its length
  });
  auto request = get(bench);
  request.max_body = 1'000;
  const auto response = bench.run(bench.client.send(request));
  REQUIRE(response.has_value() == row.fits);
  if (row.fits) {
    CHECK(response->body.size() == row.size);
  } else {
    CHECK(response.error().code == Code::ApiServerError);
    CHECK(response.error().retry == Retry::Never);
    CHECK(response.error().message.find("1000") != std::string::npos);
  }
}

TEST_CASE("errors never show credentials of the URL", "[http]") {
  Bench bench(always(200, ""));
  Request request;
  request.url = "nonsense://user:canary-in-url@host/";
  const auto response = bench.run(bench.client.send(request));
  REQUIRE_FALSE(response);
  CHECK(response.error().text().find("canary") == std::string::npos);
}

TEST_CASE("a stream hands over what arrives, as it arrives", "[http]") {
  std::unique_ptr<Event> seen_first;
  Bench bench([&](Exchange& e) -> Task<> {
    co_await e.begin(200);
    co_await e.write("first\n");
    co_await seen_first->wait(); // a client that gathered the body would never come here
    co_await e.write("second\n");
  });
  seen_first = std::make_unique<Event>(bench.loop.executor());
  std::string got;
  const auto response = bench.run(bench.client.stream(get(bench), [&](std::string_view data) {
    got += data;
    if (got == "first\n") seen_first->set();
    return true;
  }));
  seen_first.reset(); // before its loop
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(got == "first\nsecond\n");
  CHECK(response->body.empty());
}

TEST_CASE("a sink may end its stream", "[http]") {
  Bench bench([](Exchange& e) -> Task<> {
    co_await e.begin(200);
    for (;;) { // endless
      co_await e.write(std::string(10'000, 'x'));
      if (!e.socket.is_open()) co_return;
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    }
  });
  size_t calls = 0;
  const auto response = bench.run(bench.client.stream(get(bench), [&](std::string_view) { return ++calls < 3; }));
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(calls == 3);
}

TEST_CASE("an answer other than 200 isn't streamed: it comes back whole, bounded", "[http]") {
  const bool large = GENERATE(false, true);
  Bench bench(always(410, large ? std::string(2'000, 'x') : "gone"));
  auto request = get(bench);
  request.max_body = 1'000;
  const auto response = bench.run(bench.client.stream(request, [](std::string_view) -> bool {
    FAIL_CHECK("no sink for errors");
    return true;
  }));
  REQUIRE(response.has_value() == !large);
  if (!large) {
    CHECK(response->status == 410);
    CHECK(response->body == "gone");
  }
}

TEST_CASE("a stream that is cut is ApiUnreachable, one that outlives its limit Timeout", "[http]") {
  const bool cut = GENERATE(true, false);
  Bench bench([&](Exchange& e) -> Task<> {
    co_await e.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n");
    if (cut) {
      e.open = false;
      co_return;
    }
    Event never(co_await asio::this_coro::executor);
    co_await never.wait();
  });
  auto request = get(bench);
  if (!cut) request.timeout = 100ms;
  std::string got;
  const auto response = bench.run(bench.client.stream(request, [&](std::string_view data) {
    got += data;
    return true;
  }));
  REQUIRE_FALSE(response);
  CHECK(response.error().code == (cut ? Code::ApiUnreachable : Code::Timeout));
  CHECK(got == "abcde");
}

TEST_CASE("cancelling drops the transfer at once and leaves the others alone", "[http]") {
  const bool stream = GENERATE(false, true);
  std::unique_ptr<Event> go;
  size_t waiting = 0;
  Bench bench([&](Exchange& e) -> Task<> {
    if (e.target == "/first") co_return co_await e.answer(200, "");
    ++waiting;
    co_await go->wait();
    co_await e.answer(200, "late");
  });
  go = std::make_unique<Event>(bench.loop.executor());
  REQUIRE(bench.run(bench.client.send(get(bench, "/first")))); // shows that this server has no HTTP/2: requests get connections
  TaskGroup first(bench.loop.executor());
  Outcome<Result<Response>> dropped, kept;
  const auto sink = [](std::string_view) { return true; };
  first.spawn("dropped", keep(stream ? bench.client.stream(get(bench), sink) : bench.client.send(get(bench)), dropped));
  bench.group.spawn("kept", keep(bench.client.send(get(bench)), kept));
  bench.until([&] { return waiting == 2; });
  bench.loop.inside([&] { first.stop(); });
  bench.until([&] { return dropped.ended(); });
  CHECK_FALSE(dropped.thrown);
  REQUIRE(dropped.value);
  REQUIRE_FALSE(dropped.value->has_value());
  CHECK(dropped.value->error().code == Code::Cancelled);
  CHECK_FALSE(kept.ended());
  bench.loop.inside([&] { go->set(); });
  bench.until([&] { return kept.ended(); });
  REQUIRE(kept.value);
  REQUIRE(kept.value->has_value());
  CHECK((*kept.value)->body == "late");
  bench.until([&] { return first.running() == 0; });
  bench.loop.settle(); // nobody waits for it any more
  go.reset();          // before its loop
}

TEST_CASE("a client may be destroyed with its loop while requests are under way", "[http]") {
  // What runs under the sanitizers: nothing of a transfer outlives it.
  size_t waiting = 0;
  {
    Bench bench([&](Exchange&) -> Task<> {
      ++waiting;
      Event never(co_await asio::this_coro::executor);
      co_await never.wait();
    });
    Outcome<Result<Response>> one, two;
    bench.group.spawn("one", keep(bench.client.send(get(bench)), one));
    bench.group.spawn("two", keep(bench.client.stream(get(bench), [](std::string_view) { return true; }), two));
    bench.until([&] { return waiting == 2; });
    bench.loop.inside([&] { bench.group.stop(); });
    bench.until([&] { return one.ended() && two.ended(); });
  }
  CHECK(waiting == 2);
}

TEST_CASE("many requests at once all get their own answer", "[http]") {
  Bench bench([](Exchange& e) -> Task<> {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    co_await e.answer(200, e.target);
  });
  std::vector<Outcome<Result<Response>>> outcomes(200);
  for (size_t i = 0; i < outcomes.size(); ++i)
    bench.group.spawn("one", keep(bench.client.send(get(bench, cat("/", i))), outcomes[i]));
  bench.until([&] { return std::ranges::all_of(outcomes, [](const auto& one) { return one.ended(); }); });
  for (size_t i = 0; i < outcomes.size(); ++i) {
    REQUIRE(outcomes[i].value);
    REQUIRE(outcomes[i].value->has_value());
    CHECK((*outcomes[i].value)->body == cat("/", i));
  }
}
