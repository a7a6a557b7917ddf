#include "registry/client.h"

#include "base/json_read.h"
#include "base/secret.h"
#include "base/text.h"
#include "registry/challenge.h"

namespace gitsync::registry {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds request_timeout{15};
constexpr size_t max_answer = 1 << 20;

// Whatever a tag may name; without the indexes a registry says 404 to multi-platform images.
constexpr std::string_view accepted =
    "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

std::string basic(const Credentials& credentials) {
  const auto encoded = base64_encode(cat(credentials.user, ":", credentials.password));
  register_secret(encoded);
  return cat("Basic ", encoded);
}

/// host[:port] of an absolute URL; empty where it is none that we send credentials to.
std::string url_host(std::string_view url, std::string_view scheme) {
  if (!url.starts_with(scheme) || url.size() > 2048) return {};
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F || c == '\\' || c == '#') return {};
  const auto rest = url.substr(scheme.size());
  const auto host = rest.substr(0, rest.find_first_of("/?"));
  return host.empty() || host.find('@') != std::string_view::npos ? std::string() : std::string(host);
}

/// A failure of an answer that neither has the image nor says that there is none.
std::unexpected<Error> refusal(std::string_view host, const http::Response& response) {
  const auto after = response.retry_after.value_or(std::chrono::seconds(0));
  const auto retry = response.retry_after ? Retry::After : Retry::Backoff;
  if (response.status == 429) return fail(Code::RegistryError, cat(host, " asks for a pause (429)"), retry, after);
  if (response.status >= 300 && response.status < 400)
    return fail(Code::RegistryError, cat(host, " answers ", response.status,
                                         ", a redirect, which is not followed: name the "
                                         "registry that it leads to"));
  return fail(Code::RegistryError, cat(host, " answers ", response.status), retry, after);
}

std::unexpected<Error> denied(std::string_view host, int status, const Question& question) {
  const auto what = cat(" to pull ", question.image.repository);
  if (!question.credentials)
    return fail(Code::RegistryAuth, cat(host, " wants credentials (", status, ")", what,
                                        "; name a Secret that has them in spec.images[].secretRef. Some registries say so of a "
                                        "repository that does not exist yet, too"));
  return fail(
      Code::RegistryAuth,
      cat(host, " refuses the credentials (", status, ")", what,
          "; renew them in the Secret or grant them that. Some registries say so of a repository that does not exist yet, "
          "too"));
}

} // namespace

std::string api_host(std::string_view registry) {
  return registry == "docker.io" ? "registry-1.docker.io" : std::string(registry);
}

Result<std::string> token_url(std::string_view realm, std::string_view service, const ImageName& image,
                              const std::set<std::string>& plain) {
  const bool from_plain = plain.contains(image.registry);
  const bool usable = !url_host(realm, "https://").empty() || (from_plain && plain.contains(url_host(realm, "http://")));
  if (!usable)
    return fail(Code::RegistryError,
                "the registry names a token service that is no https:// URL: no credentials are sent there");
  return cat(realm, realm.find('?') == std::string_view::npos ? "?" : "&", "service=", url_encode(service),
             "&scope=", url_encode(cat("repository:", image.repository, ":pull")));
}

Client::Client(http::Client& http, const asio::any_io_executor& executor, Options options)
    : http_(http), options_(std::move(options)), permits_(executor, options_.at_once) {}

Task<Result<http::Response>> Client::send(Request request, std::shared_ptr<const http::Tls> tls) {
  http::Request out;
  out.method = std::move(request.method);
  out.authorization = std::move(request.authorization);
  const std::string host = url_host(request.url, request.url.starts_with("https:") ? "https://" : "http://");
  out.url = std::move(request.url);
  out.headers = {std::string(accepted), "User-Agent: gitsync"};
  out.timeout = request_timeout;
  out.max_body = max_answer;
  out.tls = std::move(tls);
  out.keep = {"www-authenticate", "docker-content-digest"};
  auto response = co_await http_.send(std::move(out));
  if (response || response.error().code == Code::Cancelled) co_return response;
  const auto& cause = response.error().message;
  if (response.error().code == Code::ApiServerError) co_return fail(Code::RegistryError, cat(host, ": ", cause));
  const bool trust = cause.find("certificate") != std::string::npos;
  co_return fail(Code::RegistryDown,
                 cat(host, " cannot be reached: ", cause,
                     trust ? "; a CA of your own belongs into the key ca.crt of the Secret in spec.images[].secretRef" : ""));
}

/// One token for one look: none is kept, so that a renewed Secret counts at once.
Task<Result<std::string>> Client::token(const Question& question, std::string url, std::shared_ptr<const http::Tls> tls) {
  const std::string host = url_host(url, url.starts_with("https:") ? "https://" : "http://");
  Request request{"GET", std::move(url), question.credentials ? basic(*question.credentials) : std::string()};
  auto response = co_await send(std::move(request), std::move(tls));
  if (!response) co_return std::unexpected(std::move(response.error()));
  if (response->status == 401 || response->status == 403) co_return denied(host, response->status, question);
  if (response->status != 200) co_return refusal(host, *response);
  const json body = json::parse(response->body, nullptr, false);
  auto token = read_text(body, "token");
  if (token.empty()) token = read_text(body, "access_token");
  if (token.empty() || token.find_first_of("\r\n") != std::string::npos)
    co_return fail(Code::RegistryError, cat(host, " answers without a token"));
  co_return token; // it lives a few minutes and goes into no text, so the register of secrets is spared it
}

Task<Result<Answer>> Client::ask(const Question& question) {
  auto material = std::make_shared<http::Tls>();
  material->ca_pem = question.ca_pem;
  const std::shared_ptr<const http::Tls> tls = std::move(material);
  const std::string host = api_host(question.image.registry);
  const std::string url = cat(options_.plain_http.contains(question.image.registry) ? "http://" : "https://", host, "/v2/",
                              question.image.repository, "/manifests/", question.tag);
  Request first{"HEAD", url, {}};
  auto response = co_await send(std::move(first), tls);
  if (!response) co_return std::unexpected(std::move(response.error()));
  if (response->status == 401) {
    std::string authorization;
    for (const auto& [name, value] : response->headers) {
      if (name != "www-authenticate") continue;
      for (const auto& challenge : parse_challenges(value)) {
        const auto parameter = [&](const std::string& key) {
          const auto it = challenge.parameters.find(key);
          return it == challenge.parameters.end() ? std::string() : it->second;
        };
        if (challenge.scheme == "bearer" && authorization.empty()) {
          auto service = token_url(parameter("realm"), parameter("service"), question.image, options_.plain_http);
          if (!service) co_return std::unexpected(std::move(service.error()));
          auto token = co_await this->token(question, std::move(*service), tls);
          if (!token) co_return std::unexpected(std::move(token.error()));
          authorization = cat("Bearer ", *token);
        } else if (challenge.scheme == "basic" && authorization.empty() && question.credentials) {
          authorization = basic(*question.credentials);
        }
      }
    }
    if (authorization.empty()) co_return denied(host, response->status, question);
    Request second{"HEAD", url, std::move(authorization)};
    response = co_await send(std::move(second), tls);
    if (!response) co_return std::unexpected(std::move(response.error()));
  }
  if (response->status == 200) {
    Answer found{true, std::string(response->header("docker-content-digest"))};
    co_return found;
  }
  if (response->status == 404) co_return Answer{};
  if (response->status == 401 || response->status == 403) co_return denied(host, response->status, question);
  co_return refusal(host, *response);
}

Task<Result<Answer>> Client::look(Question question) {
  const auto permit = co_await permits_.acquire();
  if (!permit) co_return fail(Code::Cancelled, "look cancelled", Retry::Never);
  auto answer = co_await ask(question);
  if (!answer && answer.error().code != Code::Cancelled) {
    answer.error().message = redact(answer.error().message);
    co_return wrap(std::move(answer.error()), cat("image ", question.image.text(), ":", question.tag));
  }
  co_return answer;
}

} // namespace gitsync::registry
