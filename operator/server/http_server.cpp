#include "server/http_server.h"

#include "base/log.h"
#include "base/text.h"
#include "server/listen_address.h"

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <sys/socket.h>

namespace gitsync::server {
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
namespace {

/// The answer to bytes that are no request, or nothing where there is nobody to answer.
std::optional<Response> refusal(const boost::system::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return Response{.status = 431, .body = "the request's header is too large\n"};
  if (error == http::error::body_limit) return Response{.status = 413, .body = "the request's body is too large\n"};
  if (error == http::error::end_of_stream || error == http::error::partial_message) return {};
  if (error.category() == make_error_code(http::error::bad_method).category())
    return Response{.status = 400, .body = "the request is malformed\n"};
  return {};
}

Request to_request(http::request<http::string_body>&& message) {
  Request request;
  request.method = message.method() == http::verb::head ? "GET" : std::string(message.method_string());
  const std::string_view target(message.target().data(), message.target().size());
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

} // namespace

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

struct HttpServer::Connection {
  beast::tcp_stream stream;
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
  /// Ends what the connection waits for; its coroutine then removes it.
  void cut() { stream.close(); }
};

HttpServer::HttpServer(asio::any_io_executor executor, Limits limits)
    : executor_(std::move(executor)), limits_(limits), acceptor_(executor_), tasks_(executor_) {}

HttpServer::~HttpServer() = default;

void HttpServer::route(std::string method, std::string path, Handler handler) {
  routes_[std::move(path)][std::move(method)] = std::move(handler);
}

void HttpServer::route_below(std::string method, std::string prefix, SlowHandler handler) {
  below_.push_back({std::move(method), std::move(prefix), std::move(handler)});
}

Result<> HttpServer::listen(std::string_view text) {
  const auto address = parse_listen_address(text);
  if (!address) return std::unexpected(address.error());
  const auto bind = [&](const tcp::endpoint& endpoint) {
    boost::system::error_code error;
    acceptor_.close(error);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    // All addresses means both protocols; a single IPv6 address means only itself.
    if (!error && endpoint.protocol() == tcp::v6()) acceptor_.set_option(asio::ip::v6_only(!address->any), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    return error;
  };
  boost::system::error_code error;
  if (address->any) {
    error = bind({asio::ip::address_v6::any(), address->port});
    if (error == asio::error::address_family_not_supported) error = bind({asio::ip::address_v4::any(), address->port});
  } else {
    error = bind({address->host, address->port});
  }
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (!error) return {};
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  return fail(Code::InvalidArgument,
              cat("listen address \"", text, "\": ", error.message(), "; choose a free port of this machine"));
}

Response HttpServer::answer(const Request& request, std::string& allow) const {
  const auto path = routes_.find(request.path);
  if (path == routes_.end()) return {.status = 404, .body = "there is nothing at this path\n"};
  const auto handler = path->second.find(request.method);
  if (handler == path->second.end()) {
    std::vector<std::string> methods;
    for (const auto& [method, unused] : path->second) {
      methods.push_back(method);
      if (method == "GET") methods.emplace_back("HEAD");
    }
    allow = join(methods, ", ");
    return {.status = 405, .body = cat("use ", allow, "\n")};
  }
  try {
    return handler->second(request);
  } catch (const std::exception& defect) {
    log::error("an HTTP handler failed", {{"path", request.path}, {"error", defect.what()}});
    return {.status = 500, .body = "internal error\n"};
  }
}

Task<Response> HttpServer::respond(Request request, std::string& allow) {
  const Below* found = nullptr;
  if (!routes_.contains(request.path))
    for (const auto& below : below_)
      if (request.path.starts_with(below.prefix)) found = &below;
  if (!found) co_return answer(request, allow);
  if (found->method != request.method) {
    allow = found->method;
    co_return Response{.status = 405, .body = cat("use ", allow, "\n")};
  }
  const std::string path = request.path;
  std::string defect;
  try {
    co_return co_await found->handler(std::move(request));
  } catch (const std::exception& thrown) { defect = thrown.what(); }
  log::error("an HTTP handler failed", {{"path", path}, {"error", defect}});
  co_return Response{.status = 500, .body = "internal error\n"};
}

void HttpServer::make_room() {
  if (open_.size() < limits_.connections) return;
  // A connection that is cut stays in the list until its coroutine has noticed: it must not be chosen twice.
  for (auto& connection : open_) {
    if (!connection.stream.socket().is_open()) continue;
    ++evicted_;
    connection.cut();
    return;
  }
}

Task<> HttpServer::serve() {
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!is_cancelled(co_await asio::this_coro::cancellation_state)) {
    auto [error, socket] = co_await acceptor_.async_accept(as_result);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) break;
    if (error) {
      // Out of file descriptors, or the client went away first: both pass.
      co_await sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    make_room();
    // Connections that are cut but have not ended yet count too: a hard bound on memory.
    if (open_.size() >= 2 * limits_.connections) continue;
    open_.emplace_back(std::move(socket));
    tasks_.spawn("http connection", converse(std::prev(open_.end())));
  }
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  tasks_.stop();
  for (auto& connection : open_) connection.cut();
  co_await tasks_.wait();
}

Task<> HttpServer::converse(std::list<Connection>::iterator connection) {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto& stream = connection->stream;
  // The header and what a client sends ahead; the body goes to the message as it comes.
  beast::flat_buffer buffer(size_t{limits_.header_bytes} + 4096);
  for (bool keep_alive = true; keep_alive && !is_cancelled(co_await asio::this_coro::cancellation_state);) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(limits_.header_bytes);
    parser.body_limit(limits_.body_bytes);
    stream.expires_after(limits_.idle); // one deadline for every read of this request
    const auto [read_error, read_bytes] = co_await http::async_read(stream, buffer, parser, as_result);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) break;

    Response response;
    std::string allow;
    unsigned version = 11;
    bool head = false;
    if (read_error) {
      const auto refused = refusal(read_error);
      if (!refused) break;
      response = *refused;
      keep_alive = false;
    } else {
      // It has asked something: it is the last to give way.
      open_.splice(open_.end(), open_, connection);
      auto message = parser.release();
      version = message.version();
      head = message.method() == http::verb::head;
      keep_alive = message.keep_alive();
      response = co_await respond(to_request(std::move(message)), allow);
      if (is_cancelled(co_await asio::this_coro::cancellation_state)) break;
    }

    http::response<http::string_body> out{static_cast<http::status>(response.status), version};
    out.set(http::field::content_type, response.content_type);
    out.set("X-Content-Type-Options", "nosniff");
    out.set(http::field::cache_control, "no-store");
    if (!allow.empty()) out.set(http::field::allow, allow);
    if (response.retry_after > 0) out.set(http::field::retry_after, cat(response.retry_after));
    out.keep_alive(keep_alive);
    out.content_length(response.body.size());
    if (!head) out.body() = std::move(response.body);
    http::response_serializer<http::string_body> serializer(out);
    stream.expires_after(limits_.idle);
    const auto [write_error, written] = co_await http::async_write(stream, serializer, as_result);
    if (write_error) break;
  }
  // What the client still sends would turn a close into a reset, and the reset would overtake the refusal: end our side first
  // and read on for a moment, bounded like everything else.
  boost::system::error_code ignored;
  if (stream.socket().is_open() && !is_cancelled(co_await asio::this_coro::cancellation_state)) {
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream.expires_after(std::min<std::chrono::milliseconds>(limits_.idle, std::chrono::seconds(1)));
    std::array<char, 4096> rest;
    for (size_t drained = 0; drained < limits_.body_bytes;) {
      const auto [error, count] = co_await stream.async_read_some(asio::buffer(rest), as_result);
      if (error || is_cancelled(co_await asio::this_coro::cancellation_state)) break;
      drained += count;
    }
  }
  stream.close();
  open_.erase(connection);
}

} // namespace gitsync::server
