#include "support/api.h"

#include "support/eventually.h"

#include <stdexcept>

namespace gitsync::test {

std::string path_of(const std::string& api, const std::string& plural, const std::string& ns, const std::string& name) {
  std::string path = (api.find('/') == std::string::npos ? "/api/" : "/apis/") + api;
  if (!ns.empty()) path += "/namespaces/" + ns;
  path += "/" + plural;
  if (!name.empty()) path += "/" + name;
  return path;
}

std::string Api::Reply::message() const {
  if (body.is_object() && body.contains("message") && body["message"].is_string()) return body["message"].get<std::string>();
  return body.dump();
}

Api::Reply Api::request(const std::string& method, const std::string& path, const json& body, const std::string& type) {
  const auto send = [&] {
    return http_.request(method, server_ + path, body.is_null() ? std::string() : body.dump(),
                         {"Content-Type: " + type, "Accept: application/json"});
  };
  auto raw = send();
  // A kind whose definition came a moment ago ("storage is (re)initializing"): the server asks to come again.
  if (raw.status == 429)
    eventually("the API server takes " + method + " " + path, [&] { return (raw = send()).status != 429; });
  Reply reply{.status = raw.status};
  reply.body = json::parse(raw.body, nullptr, false);
  if (reply.body.is_discarded()) reply.body = json{{"message", raw.body}};
  return reply;
}

json Api::demand(const std::string& what, Reply reply) {
  if (!reply.ok()) throw std::runtime_error(what + ": " + std::to_string(reply.status) + ": " + reply.message());
  return std::move(reply.body);
}

json Api::get(const std::string& path) { return demand("GET " + path, request("GET", path)); }

std::optional<json> Api::find(const std::string& path) {
  auto reply = request("GET", path);
  if (reply.status == 404) return std::nullopt;
  return demand("GET " + path, std::move(reply));
}

json Api::create(const std::string& path, const json& object) { return demand("POST " + path, request("POST", path, object)); }

json Api::merge(const std::string& path, const json& patch, const std::string& manager) {
  return demand("PATCH " + path, request("PATCH", path + "?fieldManager=" + manager, patch, "application/merge-patch+json"));
}

json Api::patch(const std::string& path, const json& operations, const std::string& manager) {
  return demand("PATCH " + path,
                request("PATCH", path + "?fieldManager=" + manager, operations, "application/json-patch+json"));
}

json Api::apply(const std::string& path, const json& object, const std::string& manager, bool force) {
  const std::string query = "?fieldManager=" + manager + (force ? "&force=true" : "");
  return demand("apply " + path, request("PATCH", path + query, object, "application/apply-patch+yaml"));
}

json Api::put(const std::string& path, const json& object) { return demand("PUT " + path, request("PUT", path, object)); }

void Api::remove(const std::string& path) {
  auto reply = request("DELETE", path);
  if (reply.status != 404) demand("DELETE " + path, std::move(reply));
}

std::string Api::text(const std::string& path) {
  auto reply = http_.request("GET", server_ + path);
  if (reply.status != 200) throw std::runtime_error("GET " + path + ": " + std::to_string(reply.status));
  return std::move(reply.body);
}

json condition_of(const json& object, const std::string& type) {
  const auto pointer = json::json_pointer("/status/conditions");
  if (object.contains(pointer))
    for (const auto& condition : object.at(pointer))
      if (condition.value("type", "") == type) return condition;
  return {};
}

std::string condition_status(const json& object, const std::string& type) {
  const auto condition = condition_of(object, type);
  return condition.is_null() ? "" : condition.value("status", "");
}

std::string condition_reason(const json& object, const std::string& type) {
  const auto condition = condition_of(object, type);
  return condition.is_null() ? "" : condition.value("reason", "");
}

std::vector<std::string> names_of(const json& items) {
  std::vector<std::string> names;
  for (const auto& item : items) names.push_back(item["metadata"]["name"]);
  return names;
}

json managed_by(const json& object, const std::string& manager) {
  for (const auto& entry : object["metadata"].value("managedFields", json::array()))
    if (entry.value("manager", "") == manager) return entry;
  return {};
}

std::string text_at(const json& object, const std::string& pointer) {
  const json::json_pointer where(pointer);
  if (!object.contains(where)) return {};
  const auto& value = object.at(where);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

} // namespace gitsync::test
