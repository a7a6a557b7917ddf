#include "api/git_repository.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::api;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("a GitRepository with nothing but a URL", "[api]") {
  const auto parsed = parse_git_repository(json::parse(
      R"({"metadata": {"namespace": "shop", "name": "code"}, "spec": {"url": "https://git.example.com/shop.git"}})"));
  REQUIRE(parsed);
  GitRepositorySpec expected;
  expected.url = "https://git.example.com/shop.git";
  CHECK(parsed->spec == expected); // the struct's own defaults are the parser's
  CHECK(parsed->status == GitRepositoryStatus{});
}

TEST_CASE("a GitRepository with everything", "[api]") {
  const auto parsed = parse_git_repository(json::parse(R"({
    "metadata": {"namespace": "shop", "name": "code", "generation": 4},
    "spec": {"url": "git@git.example.com:shop.git", "ref": {"tag": "v1.2.0"}, "interval": "1m30s", "timeout": "5m",
             "secretRef": {"name": "git-credentials"}, "suspend": true,
             "verify": {"mode": "TagAndHEAD", "secretRef": {"name": "signers"}, "authors": ["*@example.com"],
                        "committers": ["c@example.com"], "history": "ForwardOnly",
                        "users": [{"signer": "anna@example.com", "user": "anna"}]},
             "webhook": {"type": "Gitea", "secretRef": {"name": "hook"}}},
    "status": {"observedGeneration": 3, "revision": "v1.2.0@sha1:abc", "lastHandledReconcileAt": "then",
               "lastFetch": {"time": "2026-11-23T12:00:00Z", "milliseconds": 12.5},
               "conditions": [{"type": "Ready", "status": "True", "reason": "Fetched", "message": "m",
                               "lastTransitionTime": "2026-11-23T12:00:00Z"}]}})"));
  REQUIRE(parsed);
  const GitRepositorySpec expected = {"git@git.example.com:shop.git",
                                      {{}, "v1.2.0", {}, {}},
                                      90s,
                                      5min,
                                      "git-credentials",
                                      VerifySpec{VerifyMode::TagAndHead,
                                                 "signers",
                                                 {"*@example.com"},
                                                 {"c@example.com"},
                                                 HistoryRule::ForwardOnly,
                                                 {{"anna@example.com", "anna"}}},
                                      WebhookSpec{WebhookType::Gitea, "hook"},
                                      true};
  CHECK(parsed->spec == expected);
  CHECK(parsed->meta.generation == 4);
  CHECK(parsed->status.observed_generation == 3);
  CHECK(parsed->status.revision == "v1.2.0@sha1:abc");
  CHECK(parsed->status.last_handled_reconcile_at == "then");
  REQUIRE(parsed->status.last_fetch);
  CHECK(parsed->status.last_fetch->milliseconds == 12.5);
  CHECK(is_true(parsed->status.conditions, ready_condition));
}

TEST_CASE("a broken GitRepository names itself and everything that is wrong", "[api]") {
  const auto parsed = parse_git_repository(json::parse(R"({"metadata": {"namespace": "shop", "name": "code"},
    "spec": {"url": "https://u:p@h/x", "ref": {"branch": "a", "tag": "b"}, "interval": "soon"}})"));
  REQUIRE_FALSE(parsed);
  const auto& message = parsed.error().message;
  INFO(message);
  CHECK(message.starts_with("GitRepository shop/code: spec.url: must not contain credentials"));
  CHECK(message.find("spec.ref: at most one") != std::string::npos);
  CHECK(message.find("spec.interval: \"soon\" is not a duration") != std::string::npos);
}
