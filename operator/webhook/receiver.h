// Takes the git hosts' word that something was pushed: POST /hook/<namespace>/<name>.
#pragma once
#include "api/git_repository.h"
#include "kube/client.h"
#include "report/metrics.h"
#include "server/http_server.h"
#include "webhook/limits.h"

#include <functional>
#include <map>
#include <optional>

namespace gitsync::webhook {

/// A GitRepository that may be told, and how.
struct Target {
  api::WebhookSpec spec;
  std::function<Task<Result<>>()> wake; // makes it look at its remote
};

/// Control thread only. What a delivery says is never looked at: an authentic one makes the repository poll, which is all that
/// it can do, and several become one poll. So nobody can make the operator fetch what it wouldn't fetch by itself. Whoever
/// knows no secret learns nothing, not even which repositories exist; what they cost is a hash of a bounded body, and an API
/// request now and then.
class Receiver {
public:
  struct Options {
    std::chrono::milliseconds every{1'000}; // accepted deliveries of a repository, after a burst
    unsigned burst = 10;
    std::chrono::milliseconds bad_every{100}; // others, per repository and for all unknown ones together
    unsigned bad_burst = 100;
    std::chrono::milliseconds memory{3'600'000}; // of accepted deliveries: the same one again is answered, and does nothing
    size_t most = 4'096;
    std::chrono::milliseconds trust{300'000};  // how long a secret is not read again while it fits
    std::chrono::milliseconds distrust{5'000}; // and while it doesn't
  };
  /// Nothing where there is no such GitRepository, or none with a webhook. May ask the API server.
  using Find = std::function<Task<Result<std::optional<Target>>>(std::string ns, std::string name)>;

  Receiver(kube::Client& kube, report::Metrics& metrics, Find find) : Receiver(kube, metrics, std::move(find), Options{}) {}
  Receiver(kube::Client& kube, report::Metrics& metrics, Find find, Options options);

  /// Adds its route; the receiver must outlive the server.
  void install(server::HttpServer& server);
  /// What install() routes to.
  Task<server::Response> receive(server::Request request);

  static constexpr std::string_view prefix = "/hook/";
  /// Of a server that is only for this: what hosts send on a push is some 100 KiB at most.
  static server::HttpServer::Limits limits() { return {.body_bytes = 1u << 20, .connections = 64}; }

private:
  struct Known {
    Allowance accepted, bad;
    std::string secret_name, secret;
    std::optional<Instant> read{};
    std::optional<Target> target{};
    Instant found{};
  };
  Task<Result<>> read_secret(std::string ns, std::string name, std::string key);
  Known& known(const std::string& key);
  server::Response answer(report::WebhookResult result);

  kube::Client& kube_;
  report::Metrics& metrics_;
  Find find_;
  Options options_;
  Seen seen_;
  Allowance unknown_;
  std::map<std::string, Known> known_; // by "namespace/name", of repositories that exist
};

} // namespace gitsync::webhook
