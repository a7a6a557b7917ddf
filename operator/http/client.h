// HTTP over libcurl's multi interface, driven by Asio on the control thread. Knows no Kubernetes.
#pragma once
#include "base/error.h"
#include "runtime/task.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::http {

/// Who we trust and who we are. Shared and immutable: connections are reused between requests with equal material; after a
/// rotation a new Tls makes new connections.
struct Tls {
  std::string ca_pem;            // empty: the system's bundle
  std::string cert_pem, key_pem; // empty: no client certificate
  std::string server_name;       // reserved: must be empty
  bool insecure = false;         // a kubeconfig's insecure-skip-tls-verify, never a default
};

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers; // "Name: value"
  std::string authorization;        // value of the Authorization header; kept apart so that nothing logs it
  std::string body;
  std::chrono::milliseconds timeout{60'000}; // for the whole exchange
  size_t max_body = 64u << 20;               // of the answer; beyond it the transfer is cut
  std::shared_ptr<const Tls> tls;
  std::vector<std::string> keep; // names, in lower case, of headers that Response::headers shall have
};

struct Response {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;
  std::vector<std::pair<std::string, std::string>> headers; // those of Request::keep, in their order; names in lower case

  /// The first header of that name, or "".
  std::string_view header(std::string_view name) const;
};

/// Control thread only. Requests go over HTTP/2, many in flight on one connection; streams over HTTP/1.1, one connection each,
/// so that a watch never waits behind a list. Redirects are not followed. A transport failure is ApiUnreachable, a deadline
/// Timeout (of unknown outcome for a write).
class Client {
public:
  explicit Client(asio::any_io_executor executor);
  ~Client();

  /// Sends and waits for the whole answer, whatever its status. Cancelling the coroutine drops the transfer.
  Task<Result<Response>> send(Request request);

  /// Hands the answer's body to `sink` as it arrives; sink returns false to end the stream. Answers other than 200 are
  /// not streamed: they come back whole in Response::body (capped). Returns when the peer, the sink or the time-out ends it.
  Task<Result<Response>> stream(Request request, std::function<bool(std::string_view)> sink);

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace gitsync::http
