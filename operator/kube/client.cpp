#include "kube/client.h"

#include "base/json_read.h"
#include "base/secret.h"
#include "base/text.h"

namespace gitsync::kube {
namespace {

constexpr size_t max_line = 8u << 20;
constexpr int page = 500;

std::string_view content_type(PatchType type) {
  switch (type) {
  case PatchType::Apply: return "Content-Type: application/apply-patch+yaml";
  case PatchType::Merge: return "Content-Type: application/merge-patch+json";
  case PatchType::Json: return "Content-Type: application/json-patch+json";
  }
  return "";
}

/// The path without its query, for messages.
std::string_view bare(std::string_view path) { return path.substr(0, path.find('?')); }

void impersonate(http::Request& request, const std::string& user) {
  if (!user.empty()) request.headers.push_back("Impersonate-User: " + user);
}

bool about_secret(std::string_view path) { return path.find("/secrets") != std::string_view::npos; }

http::Request patch_request(std::string path, PatchType type, std::string body, const std::string& query,
                            const std::string& as) {
  http::Request request;
  request.method = "PATCH";
  request.url = std::move(path);
  if (!query.empty()) request.url += "?" + query;
  request.headers = {std::string(content_type(type)), "Accept: application/json"};
  impersonate(request, as);
  request.body = std::move(body);
  return request;
}

Code code_of(int status) {
  switch (status) {
  case 400:
  case 413:
  case 415:
  case 422: return Code::ApiInvalid;
  case 401: return Code::ApiUnauthorized;
  case 403: return Code::ApiForbidden;
  case 404: return Code::ApiNotFound;
  case 409: return Code::ApiConflict;
  case 410: return Code::ApiExpired;
  case 429: return Code::ApiThrottled;
  default: return status >= 500 ? Code::ApiServerError : Code::ApiInvalid;
  }
}

/// Messages about immutable fields quote whole objects, and what is wrong with them stands behind: long {…} are cut.
std::string without_dumps(std::string_view text) {
  constexpr size_t longest = 120;
  std::string out;
  size_t open = 0, depth = 0;
  for (const char c : text) {
    if (c == '{') {
      if (depth == 0) open = out.size();
      ++depth;
    }
    out += c;
    if (c != '}' || depth == 0) continue;
    --depth;
    if (depth == 0 && out.size() - open > longest) out.replace(open, std::string::npos, "{…}");
  }
  return out;
}

} // namespace

Error status_error(std::string_view what, const http::Response& response, bool secret) {
  std::string message;
  const auto status = nlohmann::json::parse(response.body, nullptr, false);
  if (read_text(status, "kind") == "Status") message = read_text(status, "message");
  if (message.empty()) message = cat("HTTP ", response.status, " ", shorten(trim(response.body), 200));
  message = without_dumps(message);
  Code code = code_of(response.status);
  // A busy server answers 503 with Retry-After; a webhook that cannot be called answers 500 and may heal.
  if (response.status == 503 && response.retry_after) code = Code::ApiThrottled;
  Error error{code, cat(what, ": ", secret ? redact_quoted(message) : redact(message)), default_retry(code), {}};
  if (response.retry_after) {
    error.retry = Retry::After;
    error.after = *response.retry_after;
  }
  return error;
}

Client::Client(http::Client& http, std::unique_ptr<Access> access, std::string user_agent)
    : http_(http), access_(std::move(access)), user_agent_("User-Agent: " + std::move(user_agent)) {}

Task<Result<http::Response>> Client::send(std::string verb, http::Request request) {
  const std::string path = request.url;
  request.headers.push_back(user_agent_);
  for (bool again = false;; again = true) {
    const auto start = std::chrono::steady_clock::now();
    const auto connection = access_->current(start);
    request.url = connection.server + path;
    request.authorization = connection.authorization;
    request.tls = connection.tls;
    auto answer = co_await http_.send(request);
    const auto end = std::chrono::steady_clock::now();
    if (observer_) observer_(verb, answer ? answer->status : 0, std::chrono::duration<double>(end - start).count());
    if (!answer) co_return wrap(std::move(answer.error()), cat(verb, " ", bare(path)));
    if (answer->status == 401 && !again && access_->refresh(end)) continue;
    if (answer->status < 200 || answer->status > 299)
      co_return std::unexpected(status_error(cat(verb, " ", bare(path)), *answer, about_secret(path)));
    co_return std::move(*answer);
  }
}

Task<Result<nlohmann::json>> Client::parsed(std::string verb, http::Request request) {
  const std::string what = cat(verb, " ", bare(request.url));
  auto answer = co_await send(std::move(verb), std::move(request));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  auto value = nlohmann::json::parse(answer->body, nullptr, false);
  if (!value.is_object()) co_return fail(Code::ApiServerError, cat(what, ": the answer is not a JSON object"));
  co_return value;
}

Task<Result<nlohmann::json>> Client::get(std::string path, std::string as) {
  http::Request request;
  request.url = std::move(path);
  request.headers = {"Accept: application/json"};
  impersonate(request, as);
  return parsed("get", std::move(request));
}

Task<Result<nlohmann::json>> Client::get_metadata(std::string path, bool collection, std::string as) {
  http::Request request;
  request.url = std::move(path);
  request.headers = {cat("Accept: application/json;as=PartialObjectMetadata", collection ? "List" : "", ";g=meta.k8s.io;v=v1")};
  impersonate(request, as);
  return parsed(collection ? "list" : "get", std::move(request));
}

Task<Result<nlohmann::json>> Client::create(std::string path, const nlohmann::json& body, std::string as) {
  http::Request request;
  request.method = "POST";
  request.url = std::move(path);
  request.headers = {"Content-Type: application/json", "Accept: application/json"};
  impersonate(request, as);
  request.body = body.dump();
  return parsed("create", std::move(request));
}

Task<Result<std::string>> Client::patch_raw(std::string path, PatchType type, std::string body, std::string query,
                                            std::string as) {
  auto answer = co_await send(type == PatchType::Apply ? "apply" : "patch",
                              patch_request(std::move(path), type, std::move(body), query, as));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return std::move(answer->body);
}

Task<Result<Client::Applied>> Client::apply(std::string path, std::string body, std::string query, std::string as) {
  auto answer = co_await send("apply", patch_request(std::move(path), PatchType::Apply, std::move(body), query, as));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return Applied{std::move(answer->body), answer->status == 201};
}

Task<Result<nlohmann::json>> Client::patch(std::string path, PatchType type, std::string body, std::string query) {
  const std::string what = cat("patch ", path);
  auto answer = co_await patch_raw(std::move(path), type, std::move(body), std::move(query));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  auto value = nlohmann::json::parse(*answer, nullptr, false);
  if (value.is_discarded()) co_return fail(Code::ApiServerError, cat(what, ": the answer is not JSON"));
  co_return value;
}

Task<Result<nlohmann::json>> Client::replace(std::string path, const nlohmann::json& body) {
  http::Request request;
  request.method = "PUT";
  request.url = std::move(path);
  request.headers = {"Content-Type: application/json", "Accept: application/json"};
  request.body = body.dump();
  return parsed("update", std::move(request));
}

Task<Result<>> Client::remove(std::string path, std::string uid, std::string as, std::string propagation) {
  nlohmann::json options = {{"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"propagationPolicy", propagation}};
  if (!uid.empty()) options["preconditions"] = {{"uid", uid}};
  http::Request request;
  request.method = "DELETE";
  request.url = std::move(path);
  request.headers = {"Content-Type: application/json", "Accept: application/json"};
  impersonate(request, as);
  request.body = options.dump();
  auto answer = co_await send("delete", std::move(request));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return Result<>{};
}

Task<Result<std::string>> Client::list(std::string path, std::string query, std::function<void(nlohmann::json)> sink,
                                       std::string as) {
  std::string next, version;
  for (;;) {
    http::Request request;
    request.url = cat(path, "?limit=", page, query.empty() ? "" : "&", query);
    if (!next.empty()) request.url += "&continue=" + url_encode(next);
    request.headers = {"Accept: application/json"};
    impersonate(request, as);
    auto answer = co_await parsed("list", std::move(request));
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    version = read_text(read_member(*answer, "metadata"), "resourceVersion");
    next = read_text(read_member(*answer, "metadata"), "continue");
    if (answer->contains("items") && (*answer)["items"].is_array()) sink(std::move((*answer)["items"]));
    if (next.empty()) co_return version;
  }
}

Task<Result<>> Client::watch(std::string path, std::string query, std::chrono::seconds timeout,
                             std::function<bool(std::string_view)> sink, std::string as) {
  for (bool again = false;; again = true) {
    const auto start = std::chrono::steady_clock::now();
    const auto connection = access_->current(start);
    http::Request request;
    request.url = cat(connection.server, path, "?watch=true&timeoutSeconds=", timeout.count(), query.empty() ? "" : "&", query);
    request.authorization = connection.authorization;
    request.tls = connection.tls;
    request.headers = {"Accept: application/json", user_agent_};
    impersonate(request, as);
    request.timeout = timeout + std::chrono::seconds(30); // a silent dead stream ends too
    std::string buffer;
    bool too_long = false;
    auto answer = co_await http_.stream(std::move(request), [&](std::string_view data) {
      for (size_t end = data.find('\n'); end != std::string_view::npos; end = data.find('\n')) {
        if (buffer.empty()) {
          if (!sink(data.substr(0, end))) return false;
        } else {
          buffer += data.substr(0, end);
          const std::string line = std::exchange(buffer, {});
          if (!sink(line)) return false;
        }
        data.remove_prefix(end + 1);
      }
      buffer += data;
      too_long = buffer.size() > max_line;
      return !too_long;
    });
    const auto end = std::chrono::steady_clock::now();
    if (observer_) observer_("watch", answer ? answer->status : 0, std::chrono::duration<double>(end - start).count());
    const std::string what = cat("watch ", path);
    if (too_long) co_return fail(Code::ApiServerError, cat(what, ": an event is larger than ", max_line, " bytes"));
    if (!answer) {
      // The stream's own time-out is its normal end.
      if (answer.error().code == Code::Timeout && end - start >= timeout) co_return Result<>{};
      co_return wrap(std::move(answer.error()), what);
    }
    if (answer->status == 401 && !again && access_->refresh(end)) continue;
    if (answer->status != 200) co_return std::unexpected(status_error(what, *answer, about_secret(path)));
    co_return Result<>{};
  }
}

Task<Result<std::shared_ptr<const ResourceMap>>> Client::discover() {
  auto map = std::make_shared<ResourceMap>();
  for (const std::string path : {"/api", "/apis"}) {
    http::Request request;
    request.url = path;
    request.headers = {"Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
                       "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"};
    auto answer = co_await parsed("get", std::move(request));
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    if (read_text(*answer, "kind") == "APIGroupDiscoveryList") {
      if (auto added = map->add(*answer); !added) co_return std::unexpected(std::move(added.error()));
      continue;
    }
    std::vector<std::string> versions; // no aggregation: one request a group version
    if (path == "/api") {
      for (const auto& version : read_member(*answer, "versions"))
        if (version.is_string()) versions.push_back("/api/" + version.get<std::string>());
    } else {
      for (const auto& group : read_member(*answer, "groups"))
        for (const auto& version : read_member(group, "versions"))
          if (auto name = read_text(version, "groupVersion"); !name.empty()) versions.push_back("/apis/" + name);
    }
    for (const auto& version : versions) {
      auto resources = co_await get(version);
      if (!resources) { // an aggregated API that is down: its kinds stay unknown, and unknown kinds are never pruned
        const auto parts = split(version, '/'); // "/apis/<group>/<version>"
        map->add_partial(parts.size() == 4 ? std::string(parts[2]) : std::string());
        continue;
      }
      if (auto added = map->add_legacy(*resources); !added) co_return std::unexpected(std::move(added.error()));
    }
  }
  co_return std::shared_ptr<const ResourceMap>(std::move(map));
}

} // namespace gitsync::kube
