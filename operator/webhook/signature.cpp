#include "webhook/signature.h"

#include "base/hash.h"
#include "base/text.h"

namespace gitsync::webhook {
namespace {

std::string_view header_of(api::WebhookType type) {
  switch (type) {
  case api::WebhookType::GitHub: return "x-hub-signature-256";
  case api::WebhookType::GitLab: return "x-gitlab-token";
  case api::WebhookType::Gitea: return "x-gitea-signature";
  case api::WebhookType::Bitbucket: return "x-hub-signature";
  case api::WebhookType::Generic: break;
  }
  return "x-signature";
}

} // namespace

bool authentic(api::WebhookType type, std::string_view secret, const server::Request& request) {
  if (secret.empty()) return false;
  const auto given = request.header(header_of(type));
  // Of the token only its hash is compared, so that not even its length shows.
  if (type == api::WebhookType::GitLab) return equal_in_constant_time(sha256_hex(given), sha256_hex(secret));
  const auto mac = hmac_sha256_hex(secret, request.body);
  return equal_in_constant_time(given, type == api::WebhookType::Gitea ? mac : cat("sha256=", mac));
}

std::string identity_of(std::string_view repository, api::WebhookType type, const server::Request& request) {
  return sha256_hex(cat(repository, "\n", request.header(header_of(type)), "\n", request.body));
}

} // namespace gitsync::webhook
