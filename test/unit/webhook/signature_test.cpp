#include "webhook/signature.h"

#include "base/hash.h"
#include "base/text.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::webhook;
using api::WebhookType;

namespace {

server::Request delivery(const std::string& header, const std::string& value, const std::string& body = "{}") {
  return {.method = "POST", .path = "/hook/a/b", .query = {}, .body = body, .headers = {{header, value}}};
}

} // namespace

TEST_CASE("a delivery is authentic where it is signed as its host signs", "[webhook]") {
  const std::string secret = "It's a Secret to Everybody", mac = hmac_sha256_hex(secret, "{}");
  const struct {
    const char* what;
    WebhookType type;
    server::Request request;
    bool good;
  } rows[] = {
      // The example of GitHub's documentation.
      {"GitHub", WebhookType::GitHub,
       delivery("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
                "Hello, World!"),
       true},
      {"GitHub, another body", WebhookType::GitHub,
       delivery("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
                "Hello, World"),
       false},
      {"GitHub without sha256=", WebhookType::GitHub, delivery("x-hub-signature-256", mac), false},
      {"GitHub's old header", WebhookType::GitHub, delivery("x-hub-signature", "sha256=" + mac), false},
      {"Bitbucket", WebhookType::Bitbucket, delivery("x-hub-signature", "sha256=" + mac), true},
      {"Bitbucket, empty", WebhookType::Bitbucket, delivery("x-hub-signature", "sha256="), false},
      {"Gitea", WebhookType::Gitea, delivery("x-gitea-signature", mac), true},
      {"Gitea with a prefix", WebhookType::Gitea, delivery("x-gitea-signature", "sha256=" + mac), false},
      {"GitLab", WebhookType::GitLab, delivery("x-gitlab-token", secret), true},
      {"GitLab, another token", WebhookType::GitLab, delivery("x-gitlab-token", secret + "x"), false},
      {"GitLab, no token", WebhookType::GitLab, delivery("x-other", secret), false},
      {"the generic one", WebhookType::Generic, delivery("x-signature", "sha256=" + mac), true},
      {"the generic one by another secret", WebhookType::Generic,
       delivery("x-signature", "sha256=" + hmac_sha256_hex("other", "{}")), false},
      {"nothing", WebhookType::Generic, {}, false},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(authentic(row.type, secret, row.request) == row.good);
  }
  CHECK_FALSE(authentic(WebhookType::GitLab, "", delivery("x-gitlab-token", ""))); // no secret proves nothing
  CHECK_FALSE(authentic(WebhookType::Generic, "", delivery("x-signature", "sha256=" + hmac_sha256_hex("", "{}"))));
}

TEST_CASE("the same delivery is the same, and no other", "[webhook]") {
  const auto one = delivery("x-signature", "s");
  const auto id = identity_of("a/b", WebhookType::Generic, one);
  CHECK(identity_of("a/b", WebhookType::Generic, one) == id);
  CHECK(identity_of("a/c", WebhookType::Generic, one) != id);
  CHECK(identity_of("a/b", WebhookType::Generic, delivery("x-signature", "t")) != id);
  CHECK(identity_of("a/b", WebhookType::Generic, delivery("x-signature", "s", "[]")) != id);
}
