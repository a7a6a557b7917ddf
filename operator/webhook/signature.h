// Whether a delivery of a git host comes from somebody who knows the secret. Pure.
#pragma once
#include "api/git_repository.h"
#include "server/http_server.h"

#include <string>
#include <string_view>

namespace gitsync::webhook {

/// As the hosts sign: GitHub X-Hub-Signature-256 "sha256=…", Bitbucket X-Hub-Signature "sha256=…", Gitea and Forgejo
/// X-Gitea-Signature without a prefix, the generic one X-Signature "sha256=…", each the HMAC-SHA-256 of the body in hex; GitLab
/// sends the secret itself in X-Gitlab-Token. Compares in constant time. An empty secret proves nothing. Sources: "Validating
/// webhook deliveries" (GitHub), "Manage webhooks" (Bitbucket), "Webhooks" (Gitea, GitLab), "Receivers" (Flux).
bool authentic(api::WebhookType type, std::string_view secret, const server::Request& request);

/// What makes two deliveries the same: the repository, the signature and the body.
std::string identity_of(std::string_view repository, api::WebhookType type, const server::Request& request);

} // namespace gitsync::webhook
