#include "server/http_server.h"

#include "base/text.h"
#include "support/catch.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <optional>

using namespace gitsync;
using namespace gitsync::server;
using tcp = asio::ip::tcp;

namespace {

/// A server on a free loopback port and clients on the same thread.
struct Bench {
  asio::io_context io;
  HttpServer server;
  TaskGroup group{io.get_executor()};
  int handled = 0;

  explicit Bench(HttpServer::Limits limits = {}) : server(io.get_executor(), limits) {
    server.route("GET", "/hello", [this](const Request& request) {
      ++handled;
      return Response{.body = cat("hello ", request.query)};
    });
    server.route("POST", "/echo", [this](const Request& request) {
      ++handled;
      return Response{.content_type = std::string(request.header("content-type")), .body = request.body};
    });
    server.route("GET", "/throws", [](const Request&) -> Response { throw std::runtime_error("secret detail"); });
    server.route("GET", "/big", [this](const Request&) {
      ++handled;
      return Response{.body = std::string(16u << 20, 'x')}; // more than the kernel's buffers take
    });
    const auto listening = server.listen("127.0.0.1:0");
    REQUIRE(listening);
    REQUIRE(server.port() != 0);
    group.spawn("server", server.serve());
  }

  /// Runs a client to its end, then stops the server; hangs are cut by a guard far beyond any healthy run.
  template <class T> T run(Task<T> client) {
    std::optional<T> result;
    std::exception_ptr thrown;
    asio::co_spawn(io, std::move(client), [&](std::exception_ptr error, T value) {
      thrown = error;
      if (!error) result = std::move(value);
      group.stop();
    });
    io.run_for(std::chrono::minutes(2));
    if (thrown) std::rethrow_exception(thrown);
    REQUIRE(result);
    REQUIRE(group.running() == 0);
    REQUIRE(server.connections() == 0);
    return std::move(*result);
  }
};

Task<tcp::socket> connect(uint16_t port) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect({asio::ip::address_v4::loopback(), port}, asio::use_awaitable);
  co_return socket;
}

/// All bytes until the server closes; `reset` tells whether it ended with an error instead of an end of stream.
Task<std::string> read_all(tcp::socket& socket, bool* reset = nullptr) {
  std::string text;
  std::array<char, 4096> chunk;
  for (;;) {
    const auto [error, count] = co_await socket.async_read_some(asio::buffer(chunk), as_result);
    if (error) {
      if (reset) *reset = error != asio::error::eof;
      co_return text;
    }
    text.append(chunk.data(), count);
  }
}

/// Sends the bytes and reads to the end.
Task<std::string> talk(uint16_t port, std::string bytes) {
  auto socket = co_await connect(port);
  co_await asio::async_write(socket, asio::buffer(bytes), as_result);
  co_return co_await read_all(socket);
}

/// The status codes of the answers, in their order.
std::vector<std::string> statuses(const std::string& text) {
  std::vector<std::string> codes;
  for (size_t at = text.find("HTTP/1."); at != std::string::npos; at = text.find("HTTP/1.", at + 1))
    codes.push_back(text.substr(at + 9, 3));
  return codes;
}

std::string body_of(const std::string& text) {
  const size_t at = text.find("\r\n\r\n");
  return at == std::string::npos ? "" : text.substr(at + 4);
}

const std::string close_now = "Host: x\r\nConnection: close\r\n";

} // namespace

TEST_CASE("http server: what a request gets", "[server]") {
  struct Case {
    std::string name, request;
    std::vector<std::string> codes;
    std::string contains;
  };
  const auto row = GENERATE_COPY(values<Case>({
      {"GET", "GET /hello?a=1 HTTP/1.1\r\n" + close_now + "\r\n", {"200"}, "hello a=1"},
      {"HTTP/1.0 closes by itself", "GET /hello HTTP/1.0\r\n\r\n", {"200"}, "hello "},
      {"POST with a body",
       "POST /echo HTTP/1.1\r\nContent-Type: a/b\r\nContent-Length: 3\r\n" + close_now + "\r\nabc",
       {"200"},
       "\r\n\r\nabc"},
      {"chunked body",
       "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + close_now + "\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
       {"200"},
       "\r\n\r\nabc"},
      {"unknown path", "GET /nothing HTTP/1.1\r\n" + close_now + "\r\n", {"404"}, "nothing at this path"},
      {"path with a dot segment is not resolved", "GET /x/../hello HTTP/1.1\r\n" + close_now + "\r\n", {"404"}, ""},
      {"absolute target", "GET http://x/hello HTTP/1.1\r\n" + close_now + "\r\n", {"404"}, ""},
      {"wrong method", "DELETE /hello HTTP/1.1\r\n" + close_now + "\r\n", {"405"}, "Allow: GET, HEAD\r\n"},
      {"HEAD where only POST is", "HEAD /echo HTTP/1.1\r\n" + close_now + "\r\n", {"405"}, "Allow: POST\r\n"},
      {"a handler that throws", "GET /throws HTTP/1.1\r\n" + close_now + "\r\n", {"500"}, "internal error"},
      {"pipelined",
       "GET /hello?1 HTTP/1.1\r\nHost: x\r\n\r\nGET /no HTTP/1.1\r\nHost: x\r\n\r\nGET /hello?3 HTTP/1.1\r\n" + close_now +
           "\r\n",
       {"200", "404", "200"},
       "hello 3"},
      {"what follows a close is not read",
       "GET /hello HTTP/1.1\r\n" + close_now + "\r\nGET /hello HTTP/1.1\r\n" + close_now + "\r\n",
       {"200"},
       ""},
      {"header too large", "GET /hello HTTP/1.1\r\nX: " + std::string(9000, 'a') + "\r\n\r\n", {"431"}, ""},
      {"header that never ends", "GET /hello HTTP/1.1\r\nX: " + std::string(64 << 10, 'a'), {"431"}, ""},
      {"target too large", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n", {"431"}, ""},
      {"many small headers",
       [] {
         std::string r = "GET /hello HTTP/1.1\r\n";
         for (int i = 0; i < 2000; ++i) r += "A: b\r\n";
         return r + "\r\n";
       }(),
       {"431"},
       ""},
      {"announced body too large", "POST /echo HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", {"413"}, ""},
      {"absurd length", "POST /echo HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", {"413"}, ""},
      {"length beyond 64 bits", "POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", {"400"}, ""},
      {"two lengths", "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", {"400"}, ""},
      {"negative length", "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", {"400"}, ""},
      {"length and chunks",
       "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       {"400"},
       ""},
      {"chunked body too large",
       "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" + std::string(0x10001, 'a') + "\r\n0\r\n\r\n",
       {"413"},
       ""},
      {"chunk size that is none", "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", {"400"}, ""},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {"400"}, ""},
      {"TLS hello",
       std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(300, '\x01') + "\r\n\r\n",
       {"400"},
       ""},
      {"NUL in a header", std::string("GET /hello HTTP/1.1\r\nX: a\0b\r\n\r\n", 31), {"400"}, ""},
  }));
  INFO(row.name);
  Bench bench;
  const auto text = bench.run(talk(bench.server.port(), row.request));
  CHECK(statuses(text) == row.codes);
  CHECK(text.find(row.contains) != std::string::npos);
  CHECK(text.find("secret detail") == std::string::npos);
  CHECK(text.find("X-Content-Type-Options: nosniff\r\n") != std::string::npos);
}

TEST_CASE("http server: the limits themselves are allowed", "[server]") {
  Bench bench;
  const std::string body(64 << 10, 'b');
  const auto text = bench.run(
      talk(bench.server.port(), cat("POST /echo HTTP/1.1\r\nContent-Length: ", body.size(), "\r\n", close_now, "\r\n", body)));
  CHECK(statuses(text) == std::vector<std::string>{"200"});
  CHECK(body_of(text) == body);
}

TEST_CASE("http server: HEAD has the length of GET and no body", "[server]") {
  Bench bench;
  // The GET after it would be misread if the HEAD had sent a body.
  const auto text = bench.run(
      talk(bench.server.port(), "HEAD /hello?abc HTTP/1.1\r\nHost: x\r\n\r\nGET /hello?d HTTP/1.1\r\n" + close_now + "\r\n"));
  CHECK(statuses(text) == std::vector<std::string>{"200", "200"});
  const size_t end_of_head = text.find("\r\n\r\n");
  CHECK(text.substr(0, end_of_head).find("Content-Length: 9") != std::string::npos);
  CHECK(text.substr(end_of_head + 4, 7) == "HTTP/1.");
  CHECK(bench.handled == 2);
}

namespace {

/// Sends one byte at a time, for ever, and counts how many were taken until the server cut the connection.
Task<int> drip(uint16_t port, std::string start) {
  auto socket = co_await connect(port);
  co_await asio::async_write(socket, asio::buffer(start), as_result);
  for (int sent = 0;; ++sent) {
    co_await sleep_for(std::chrono::milliseconds(5));
    const auto [error, count] = co_await asio::async_write(socket, asio::buffer("a", 1), as_result);
    if (error) co_return sent;
  }
}

Task<int> silent(uint16_t port, std::string start) {
  auto socket = co_await connect(port);
  co_await asio::async_write(socket, asio::buffer(start), as_result);
  co_return static_cast<int>((co_await read_all(socket)).size());
}

/// Asks for much and reads nothing until the server has given up; returns how many connections it still holds.
Task<size_t> never_reads(Bench& bench, std::string request) {
  auto socket = co_await connect(bench.server.port());
  socket.set_option(tcp::socket::receive_buffer_size(4096));
  co_await asio::async_write(socket, asio::buffer(request), as_result);
  while (bench.handled == 0) co_await sleep_for(std::chrono::milliseconds(1));
  while (bench.handled == 1 && bench.server.connections() != 0) co_await sleep_for(std::chrono::milliseconds(1));
  co_return bench.server.connections();
}

} // namespace

TEST_CASE("http server: slow clients are cut by one deadline for the whole request", "[server]") {
  const HttpServer::Limits limits{.idle = std::chrono::milliseconds(100)};
  SECTION("dripping a header") {
    Bench bench(limits);
    CHECK(bench.run(drip(bench.server.port(), "GET /hello HTTP/1.1\r\nX: ")) > 0);
    CHECK(bench.handled == 0);
  }
  SECTION("dripping a body") {
    Bench bench(limits);
    CHECK(bench.run(drip(bench.server.port(), "POST /echo HTTP/1.1\r\nContent-Length: 60000\r\n\r\n")) > 0);
    CHECK(bench.handled == 0);
  }
  SECTION("saying nothing") {
    Bench bench(limits);
    CHECK(bench.run(silent(bench.server.port(), "")) == 0);
  }
  SECTION("saying nothing more after an answer") {
    Bench bench(limits);
    CHECK(bench.run(silent(bench.server.port(), "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")) > 0);
    CHECK(bench.handled == 1);
  }
  SECTION("not reading the answer") {
    Bench bench(limits);
    CHECK(bench.run(never_reads(bench, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n")) == 0);
  }
}

namespace {

struct Crowd {
  bool first_cut = false;
  bool active_lives = false;
  std::string late;
};

/// All places taken: one by a client that has asked something, the others by silent ones that came after it.
Task<Crowd> crowd(Bench& bench, size_t places) {
  const uint16_t port = bench.server.port();
  std::vector<tcp::socket> sockets;
  for (size_t i = 0; i < places; ++i) sockets.push_back(co_await connect(port));
  while (bench.server.connections() < places) co_await sleep_for(std::chrono::milliseconds(1));
  const std::string ask = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  std::array<char, 1024> answer;
  co_await asio::async_write(sockets[0], asio::buffer(ask), asio::use_awaitable);
  co_await sockets[0].async_read_some(asio::buffer(answer), asio::use_awaitable);

  Crowd result;
  result.late = co_await talk(port, "GET /hello?late HTTP/1.1\r\n" + close_now + "\r\n");
  result.first_cut = (co_await read_all(sockets[1])).empty();
  co_await asio::async_write(sockets[0], asio::buffer(ask), asio::use_awaitable);
  result.active_lives = co_await sockets[0].async_read_some(asio::buffer(answer), asio::use_awaitable) > 0;
  co_return result;
}

Task<int> flood(Bench& bench, size_t count) {
  std::vector<tcp::socket> sockets;
  size_t most = 0;
  for (size_t i = 0; i < count; ++i) {
    sockets.push_back(co_await connect(bench.server.port()));
    most = std::max(most, bench.server.connections());
  }
  co_return static_cast<int>(most);
}

} // namespace

TEST_CASE("http server: a new client gets in although all places are taken", "[server]") {
  Bench bench(HttpServer::Limits{.connections = 4, .idle = std::chrono::minutes(1)});
  const auto result = bench.run(crowd(bench, 4));
  CHECK(statuses(result.late) == std::vector<std::string>{"200"});
  CHECK(result.first_cut);
  CHECK(result.active_lives);
  CHECK(bench.server.evicted() == 1);
}

TEST_CASE("http server: a flood of connections stays bounded", "[server]") {
  Bench bench(HttpServer::Limits{.connections = 4, .idle = std::chrono::minutes(1)});
  CHECK(bench.run(flood(bench, 200)) <= 8);
  CHECK(bench.server.evicted() > 0);
}

namespace {
Task<bool> cut_by_stop(Bench& bench) {
  auto socket = co_await connect(bench.server.port());
  while (bench.server.connections() == 0) co_await sleep_for(std::chrono::milliseconds(1));
  bench.group.stop();
  co_return (co_await read_all(socket)).empty();
}
} // namespace

TEST_CASE("http server: stopping closes open connections and waits for them", "[server]") {
  Bench bench(HttpServer::Limits{.idle = std::chrono::hours(1)});
  CHECK(bench.run(cut_by_stop(bench)));
}

TEST_CASE("http server: a port in use is an error that says so", "[server]") {
  asio::io_context io;
  HttpServer first(io.get_executor()), second(io.get_executor());
  REQUIRE(first.listen("127.0.0.1:0"));
  const auto result = second.listen(cat("127.0.0.1:", first.port()));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::InvalidArgument);
  CHECK(result.error().message.starts_with(cat("listen address \"127.0.0.1:", first.port(), "\": ")));
  CHECK(second.port() == 0);
  CHECK(second.listen("127.0.0.1:0"));
}

TEST_CASE("http server: all addresses are bound where no host is given", "[server]") {
  asio::io_context io;
  HttpServer server(io.get_executor());
  REQUIRE(server.listen(":0"));
  tcp::socket client(io);
  boost::system::error_code error;
  client.connect({asio::ip::address_v4::loopback(), server.port()}, error);
  CHECK_FALSE(error);
}
