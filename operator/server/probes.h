// /healthz, /readyz and /metrics.
#pragma once
#include "base/error.h"
#include "report/metrics.h"
#include "server/http_server.h"

#include <functional>
#include <string>
#include <vector>

namespace gitsync::server {

/// Whether one part of the operator works; the error's text says why not. Runs on the control thread and must not block.
using Check = std::function<Result<>()>;

/// Named checks, asked at every probe. Control thread only.
class Probes {
public:
  /// /healthz: only what a restart would mend. Without checks it says that the control thread's loop turns, since that loop
  /// answers.
  void add_live(std::string name, Check check) { live_.push_back({std::move(name), std::move(check)}); }
  /// /readyz: what must be true before this replica counts (caches filled, API server reached).
  void add_ready(std::string name, Check check) { ready_.push_back({std::move(name), std::move(check)}); }

  /// 200 {"status":"ok"}, or 503 {"status":"unhealthy","failed":[{"name":…,"reason":…}]}; reasons are redacted.
  Response health() const { return ask(live_, "unhealthy"); }
  /// The same with "unready".
  Response readiness() const { return ask(ready_, "unready"); }

  /// Adds the routes of all three; probes and metrics must outlive the server.
  void install(HttpServer& server, report::Metrics& metrics) const;

private:
  struct Named {
    std::string name;
    Check check;
  };
  static Response ask(const std::vector<Named>& checks, std::string_view failed);
  std::vector<Named> live_;
  std::vector<Named> ready_;
};

} // namespace gitsync::server
