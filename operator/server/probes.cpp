#include "server/probes.h"

#include "report/clean.h"

#include <nlohmann/json.hpp>

namespace gitsync::server {

Response Probes::ask(const std::vector<Named>& checks, std::string_view failed) {
  nlohmann::json reasons = nlohmann::json::array();
  for (const auto& [name, check] : checks)
    if (const auto result = check(); !result)
      reasons.push_back({{"name", name}, {"reason", report::clean(result.error().text(), 1024)}});
  const bool ok = reasons.empty();
  nlohmann::json body{{"status", ok ? "ok" : failed}};
  if (!ok) body["failed"] = std::move(reasons);
  return {.status = ok ? 200U : 503U, .content_type = "application/json", .body = body.dump() + "\n"};
}

void Probes::install(HttpServer& server, report::Metrics& metrics) const {
  server.route("GET", "/healthz", [this](const Request&) { return health(); });
  server.route("GET", "/readyz", [this](const Request&) { return readiness(); });
  server.route("GET", "/metrics", [&metrics](const Request&) {
    return Response{.content_type = std::string(report::Metrics::content_type), .body = metrics.scrape()};
  });
}

} // namespace gitsync::server
