// The API server as a test sees it: plain requests as the administrator.
#pragma once
#include "support/http.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gitsync::test {

using nlohmann::json;

/// Where an object lies: "/api/v1/namespaces/shop/configmaps/settings". `api` is an apiVersion; ns "" for cluster-scoped kinds
/// and name "" for the collection.
std::string path_of(const std::string& api, const std::string& plural, const std::string& ns, const std::string& name = {});
inline std::string config_map(const std::string& ns, const std::string& name) { return path_of("v1", "configmaps", ns, name); }
inline std::string deployment(const std::string& ns, const std::string& name) {
  return path_of("apps/v1", "deployments", ns, name);
}
inline std::string service(const std::string& ns, const std::string& name) { return path_of("v1", "services", ns, name); }
inline std::string secret(const std::string& ns, const std::string& name) { return path_of("v1", "secrets", ns, name); }
inline std::string git_sync(const std::string& ns, const std::string& name = {}) {
  return path_of("gitops.volaticloud.com/v1alpha1", "gitsyncs", ns, name);
}
inline std::string git_repository(const std::string& ns, const std::string& name = {}) {
  return path_of("gitops.volaticloud.com/v1alpha1", "gitrepositories", ns, name);
}

/// Main thread only. What cannot be is thrown, with the server's words.
class Api {
public:
  Api(std::string server, Http::Tls tls) : server_(std::move(server)), http_(std::move(tls)) {}

  struct Reply {
    long status = 0;
    json body;
    bool ok() const { return status >= 200 && status < 300; }
    std::string message() const;
  };
  Reply request(const std::string& method, const std::string& path, const json& body = {},
                const std::string& type = "application/json");

  json get(const std::string& path);
  /// Nothing where there is no such object.
  std::optional<json> find(const std::string& path);
  bool exists(const std::string& path) { return find(path).has_value(); }
  json list(const std::string& path) { return get(path).at("items"); }
  json create(const std::string& path, const json& object);
  /// A JSON merge patch, under that field manager.
  json merge(const std::string& path, const json& patch, const std::string& manager = "intruder");
  /// A JSON patch, under that field manager.
  json patch(const std::string& path, const json& operations, const std::string& manager = "intruder");
  /// A server-side apply.
  json apply(const std::string& path, const json& object, const std::string& manager, bool force = true);
  json put(const std::string& path, const json& object);
  /// A missing object is fine.
  void remove(const std::string& path);
  /// A raw text, such as /metrics.
  std::string text(const std::string& path);

private:
  json demand(const std::string& what, Reply reply);

  std::string server_;
  Http http_;
};

/// The condition of that type, or null.
json condition_of(const json& object, const std::string& type);
/// "True", "False", "Unknown", or "" where there is none.
std::string condition_status(const json& object, const std::string& type);
/// Its reason, "" where there is none.
std::string condition_reason(const json& object, const std::string& type);
/// The names of a list's items.
std::vector<std::string> names_of(const json& items);
/// The entry of that field manager, or null.
json managed_by(const json& object, const std::string& manager);
/// metadata.uid and the like, "" where missing: at(object, "/metadata/uid").
std::string text_at(const json& object, const std::string& pointer);

} // namespace gitsync::test
