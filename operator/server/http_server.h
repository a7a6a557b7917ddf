// A small, bounded HTTP/1.1 server for probes, metrics and webhooks. Plain HTTP; knows nothing of what it serves.
#pragma once
#include "base/error.h"
#include "runtime/task.h"
#include "runtime/task_group.h"

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::server {

struct Request {
  std::string method; // "GET", "POST", …; a HEAD arrives as GET
  std::string path;   // without the query, as sent
  std::string query;  // without "?"
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers; // names in lower case, in their order
  /// The first header of that (lower-case) name; empty where there is none.
  std::string_view header(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  unsigned retry_after = 0; // seconds, of a 429 or 503; 0: not said
};

/// Runs on the control thread between two other steps: it must not block. An exception becomes a 500 and a line in the log.
using Handler = std::function<Response(const Request&)>;
/// The same for one that has to wait for something; what it waits for has a limit of its own.
using SlowHandler = std::function<Task<Response>(Request)>;

/// Control thread only. Every byte that a client sends or fails to send is bounded: the request by size and by one deadline for
/// all of it (so a client that drips bytes is cut like a silent one), the answer by the same deadline. Where all connections
/// are taken, the one that has gone longest without a request gives way to the new one, so that idle clients cannot keep a
/// kubelet's probe out.
class HttpServer {
public:
  struct Limits {
    uint32_t header_bytes = 8 << 10; // then 431
    uint64_t body_bytes = 64 << 10;  // then 413
    size_t connections = 64;
    std::chrono::milliseconds idle{10'000}; // for one whole request to arrive, and for one answer to leave
  };
  explicit HttpServer(asio::any_io_executor executor) : HttpServer(std::move(executor), Limits{}) {}
  HttpServer(asio::any_io_executor executor, Limits limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Before serve(). A path with routes answers other methods with 405, a path without any with 404. GET answers HEAD too.
  void route(std::string method, std::string path, Handler handler);
  /// Every path that begins with the prefix and has no route of its own.
  void route_below(std::string method, std::string prefix, SlowHandler handler);
  /// Takes the port, so that a wrong address is an error at start-up. Errors: InvalidArgument.
  Result<> listen(std::string_view address);
  /// The port that is bound; 0 before listen().
  uint16_t port() const { return port_; }
  /// Serves until cancelled, then closes every connection and returns when the last has ended. Start it once, after listen(),
  /// in the TaskGroup that stops it; the server must outlive it.
  Task<> serve();

  size_t connections() const { return open_.size(); }
  /// Connections that gave way because all were taken.
  uint64_t evicted() const { return evicted_; }

  /// Which answer a request gets, but for those of route_below(). Needs no socket.
  Response answer(const Request& request, std::string& allow) const;

private:
  struct Connection;
  Task<Response> respond(Request request, std::string& allow);
  Task<> converse(std::list<Connection>::iterator connection);
  void make_room();

  asio::any_io_executor executor_;
  Limits limits_;
  asio::ip::tcp::acceptor acceptor_;
  TaskGroup tasks_;
  std::list<Connection> open_; // the one that has waited longest for a request first
  std::map<std::string, std::map<std::string, Handler>, std::less<>> routes_; // path → method → handler
  struct Below {
    std::string method, prefix;
    SlowHandler handler;
  };
  std::vector<Below> below_;
  uint16_t port_ = 0;
  uint64_t evicted_ = 0;
};

} // namespace gitsync::server
