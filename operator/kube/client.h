// Requests to the API server and what their answers mean.
#pragma once
#include "base/error.h"
#include "http/client.h"
#include "kube/config.h"
#include "kube/resource.h"
#include "runtime/task.h"

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace gitsync::kube {

/// How a PATCH is meant.
enum class PatchType {
  Apply, // server-side apply: application/apply-patch+yaml (JSON is YAML)
  Merge, // application/merge-patch+json
  Json,  // application/json-patch+json
};

/// Of one finished request, for metrics: verb as Kubernetes names it ("apply", "patch", "get", "list", "watch", …), HTTP status
/// (0: none), seconds.
using RequestObserver = std::function<void(std::string_view verb, int status, double seconds)>;

/// Control thread only. `as` names the user that a request impersonates (api/service_account.h); empty: the operator itself. Of
/// a ServiceAccount the API server adds the groups by itself, so that the operator needs the right to impersonate
/// serviceaccounts and no groups. Retries once after a 401 (rotated token); every other retry is the caller's. The text of
/// errors begins with what was asked ("apply Deployment.apps shop/api") and ends with the server's message; what it quotes of
/// Secrets is masked.
class Client {
public:
  Client(http::Client& http, std::unique_ptr<Access> access, std::string user_agent);

  void observe(RequestObserver observer) { observer_ = std::move(observer); }
  const Access& access() const { return *access_; }

  Task<Result<nlohmann::json>> get(std::string path, std::string as = {});
  /// The same as PartialObjectMetadata (or, of a collection, its List): nothing but metadata crosses the wire.
  Task<Result<nlohmann::json>> get_metadata(std::string path, bool collection = false, std::string as = {});
  Task<Result<nlohmann::json>> create(std::string path, const nlohmann::json& body, std::string as = {});
  /// `body` is sent as it stands. `query` without "?": "fieldManager=x&force=true".
  Task<Result<nlohmann::json>> patch(std::string path, PatchType type, std::string body, std::string query = {});
  /// The same without parsing the answer, for whoever reads only a part of it.
  Task<Result<std::string>> patch_raw(std::string path, PatchType type, std::string body, std::string query = {},
                                      std::string as = {});
  struct Applied {
    std::string body;     // not parsed
    bool created = false; // 201: it did not exist before
  };
  /// A server-side apply.
  Task<Result<Applied>> apply(std::string path, std::string body, std::string query, std::string as = {});
  Task<Result<nlohmann::json>> replace(std::string path, const nlohmann::json& body);
  /// Deletes with a UID precondition where `uid` isn't empty (409 ApiConflict: another object has that name now).
  Task<Result<>> remove(std::string path, std::string uid = {}, std::string as = {}, std::string propagation = "Background");
  /// All pages of a list, page by page to `sink` (an array of items); 500 a page. Returns the list's resourceVersion.
  /// `query`: labelSelector and so on, without limit and continue.
  Task<Result<std::string>> list(std::string path, std::string query, std::function<void(nlohmann::json items)> sink,
                                 std::string as = {});
  /// One watch connection: each line to `sink`, until it ends. Lines are capped at 8 MiB (etcd's objects at about 1.5).
  Task<Result<>> watch(std::string path, std::string query, std::chrono::seconds timeout,
                       std::function<bool(std::string_view line)> sink, std::string as = {});
  /// All that the server serves: aggregated discovery, or the old way where the server has none.
  Task<Result<std::shared_ptr<const ResourceMap>>> discover();

private:
  Task<Result<http::Response>> send(std::string verb, http::Request request);
  Task<Result<nlohmann::json>> parsed(std::string verb, http::Request request);

  http::Client& http_;
  std::unique_ptr<Access> access_;
  std::string user_agent_;
  RequestObserver observer_;
};

/// What an answer other than 2xx means. Pure. `what` begins the message; `secret` masks what the server quotes.
Error status_error(std::string_view what, const http::Response& response, bool secret);

} // namespace gitsync::kube
