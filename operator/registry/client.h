// Asks container registries whether they have an image: the pull half of the OCI distribution API.
#pragma once
#include "base/error.h"
#include "http/client.h"
#include "object/image_name.h"
#include "registry/pull_secret.h"
#include "runtime/event.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gitsync::registry {

struct Question {
  ImageName image;
  std::string tag;
  std::optional<Credentials> credentials; // of the image's registry; none: anonymous
  std::string ca_pem;                     // empty: the system's CAs
};

struct Answer {
  bool found = false;
  std::string digest; // of the manifest or index, where the registry tells it: "sha256:…"
};

/// Where a registry that is called so in images answers: Docker Hub's API lies on a host of its own.
std::string api_host(std::string_view registry);

/// The URL of the token that a Bearer challenge asks for, for pulling that repository and nothing else, whatever scope the
/// challenge names. Errors: RegistryError where the realm is not https (http only from one of the `plain` hosts to one of
/// them) or is no URL. Pure.
Result<std::string> token_url(std::string_view realm, std::string_view service, const ImageName& image,
                              const std::set<std::string>& plain);

/// Control thread only. https always, but for the hosts of Options::plain_http. Credentials go to the registry itself (Basic)
/// or to the token service that it names (Bearer), as Docker's clients do it; redirects are not followed, so nobody else gets
/// them. A look is at most three requests of 15 s each.
class Client {
public:
  struct Options {
    std::set<std::string> plain_http; // host:port of registries and token services that are asked over http
    size_t at_once = 8;               // looks under way; others wait for their turn
  };
  Client(http::Client& http, const asio::any_io_executor& executor, Options options);

  /// Errors, each beginning with the image: RegistryDown, RegistryAuth, RegistryError; Retry::After where the registry
  /// says when to come back.
  Task<Result<Answer>> look(Question question);

private:
  struct Request {
    std::string method, url, authorization;
  };
  Task<Result<http::Response>> send(Request request, std::shared_ptr<const http::Tls> tls);
  Task<Result<std::string>> token(const Question& question, std::string url, std::shared_ptr<const http::Tls> tls);
  Task<Result<Answer>> ask(const Question& question);

  http::Client& http_;
  Options options_;
  Semaphore permits_;
};

} // namespace gitsync::registry
