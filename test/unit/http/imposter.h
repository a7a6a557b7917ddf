// An HTTP/1.1 server on loopback whose answers a test writes byte by byte: slow, cut, oversized, or right.
#pragma once
#include "base/text.h"
#include "http/client.h"
#include "runtime/event.h"
#include "unit/runtime/loop.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gitsync::http {

/// A request as it came in, and the connection to answer on.
struct Exchange {
  asio::ip::tcp::socket& socket;
  std::string method, target, body;
  std::map<std::string, std::string> headers; // names in lower case
  bool open = true;                           // false: close after this answer

  std::string header(const std::string& name) const {
    const auto it = headers.find(name);
    return it == headers.end() ? std::string() : it->second;
  }
  /// Bytes as they stand.
  Task<> write(std::string bytes) { co_await asio::async_write(socket, asio::buffer(bytes), as_result); }
  /// A whole answer.
  Task<> answer(int status, std::string content = "", std::string more = "") {
    co_await write(cat("HTTP/1.1 ", status, " X\r\nContent-Length: ", content.size(), "\r\n", more, "\r\n", content));
  }
  /// The head of an answer whose body ends when the connection does.
  Task<> begin(int status) {
    open = false;
    co_await write(cat("HTTP/1.1 ", status, " X\r\nConnection: close\r\n\r\n"));
  }
};
using Handler = std::function<Task<>(Exchange&)>;

/// Serves until it is stopped; everything on the loop's thread.
class Imposter {
public:
  Imposter(Loop& loop, Handler handler)
      : loop_(loop), handler_(std::move(handler)), acceptor_(loop.io, {asio::ip::address_v4::loopback(), 0}),
        group_(loop.executor()) {
    group_.spawn("accept", accept());
  }
  std::string url(std::string_view path = "") const {
    return cat("http://127.0.0.1:", acceptor_.local_endpoint().port(), path);
  }
  /// Connections that were made.
  size_t connections() const { return connections_; }
  /// What was asked, in order: "GET /path".
  const std::vector<std::string>& asked() const { return asked_; }
  /// On the loop.
  void stop() { group_.stop(); }
  bool idle() const { return group_.running() == 0; }

private:
  Task<> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(as_result);
      if (error) co_return;
      ++connections_;
      group_.spawn("connection", serve(std::move(socket)));
    }
  }

  Task<> serve(asio::ip::tcp::socket socket) {
    std::string buffer;
    for (;;) {
      const auto [error, head] = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer), "\r\n\r\n", as_result);
      if (error) co_return;
      Exchange exchange{socket, {}, {}, {}, {}};
      const std::string text = buffer.substr(0, head - 4);
      const auto lines = split(text, '\n');
      const auto first = split(trim(lines[0]), ' ');
      exchange.method = first.at(0);
      exchange.target = first.at(1);
      for (size_t i = 1; i < lines.size(); ++i) {
        const auto line = trim(lines[i]);
        const size_t colon = line.find(':');
        std::string name(line.substr(0, colon));
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        exchange.headers[name] = trim(line.substr(colon + 1));
      }
      const size_t length = exchange.headers.contains("content-length") ? std::stoul(exchange.headers["content-length"]) : 0;
      if (buffer.size() < head + length) {
        const auto [cut, count] = co_await asio::async_read(socket, asio::dynamic_buffer(buffer),
                                                            asio::transfer_exactly(head + length - buffer.size()), as_result);
        if (cut) co_return;
      }
      exchange.body = buffer.substr(head, length);
      buffer.erase(0, head + length);
      asked_.push_back(exchange.method + " " + exchange.target);
      co_await handler_(exchange);
      if (!exchange.open) co_return;
    }
  }

  [[maybe_unused]] Loop& loop_;
  Handler handler_;
  asio::ip::tcp::acceptor acceptor_;
  TaskGroup group_;
  size_t connections_ = 0;
  std::vector<std::string> asked_;
};

/// A client, an imposter and a group for what is under test.
struct Bench {
  Loop loop;
  Client client{loop.executor()};
  TaskGroup group{loop.executor()};
  Imposter imposter;
  explicit Bench(Handler handler) : imposter(loop, std::move(handler)) {}
  ~Bench() {
    asio::post(loop.io, [this] { // on the control thread, as TaskGroup wants it
      group.stop();
      imposter.stop();
    });
    loop.io.restart();
    loop.io.run_for(std::chrono::minutes(2));
  }

  /// Runs a coroutine to its end.
  template <class T> T run(Task<T> task) {
    Outcome<T> outcome;
    const auto all = [&]() -> Task<> {
      co_await keep(std::move(task), outcome);
      loop.io.stop(); // the imposter would serve for ever
    };
    group.spawn("test", all());
    loop.io.restart();
    loop.io.run_for(std::chrono::minutes(2));
    REQUIRE(outcome.ended());
    REQUIRE_FALSE(outcome.thrown);
    return std::move(*outcome.value);
  }
  /// Lets everything run until `is` holds.
  void until(const std::function<bool()>& is) {
    const auto guard = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    loop.io.restart();
    while (!is() && std::chrono::steady_clock::now() < guard) loop.io.run_one_for(std::chrono::seconds(1));
    REQUIRE(is());
  }
};

} // namespace gitsync::http
