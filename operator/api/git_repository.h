// A GitRepository as the operator uses it: parsed, defaulted, checked. Pure.
#pragma once
#include "api/meta.h"
#include "api/spec_reader.h"
#include "api/status.h"
#include "base/error.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace gitsync::api {

/// The one ref that is followed; at most one member is set, none means the remote's HEAD.
struct GitRef {
  std::string branch, tag, commit, name;
  friend bool operator==(const GitRef&, const GitRef&) = default;
};

enum class VerifyMode {
  Head,        // the commit
  Tag,         // the annotated tag that names it
  TagAndHead,  // both
  EveryCommit, // the commit, and each one that came since the revision before
};
enum class HistoryRule {
  Any,
  ForwardOnly, // a commit that does not descend from the applied one waits for an Approval
};

/// Which user of the cluster signs as whom.
struct SignerUser {
  std::string signer; // a principal of allowed_signers, or a key's fingerprint
  std::string user;
  friend bool operator==(const SignerUser&, const SignerUser&) = default;
};

/// spec.verify.
struct VerifySpec {
  VerifyMode mode = VerifyMode::Head;
  std::string secret;                           // spec.verify.secretRef.name
  std::vector<std::string> authors, committers; // mail addresses with * and ?; empty: any
  HistoryRule history = HistoryRule::Any;
  std::vector<SignerUser> users;
  friend bool operator==(const VerifySpec&, const VerifySpec&) = default;
};

/// How a delivery proves that its sender knows the secret.
enum class WebhookType { GitHub, GitLab, Gitea, Bitbucket, Generic };

/// spec.webhook.
struct WebhookSpec {
  WebhookType type = WebhookType::Generic;
  std::string secret; // spec.webhook.secretRef.name
  friend bool operator==(const WebhookSpec&, const WebhookSpec&) = default;
};

struct GitRepositorySpec {
  std::string url;
  GitRef ref;
  std::chrono::milliseconds interval{15'000}; // pause between two polls
  std::chrono::milliseconds timeout{60'000};  // of one fetch or read
  std::string secret;                         // spec.secretRef.name; "" for none
  std::optional<VerifySpec> verify{};
  std::optional<WebhookSpec> webhook{};
  bool suspend = false;
  friend bool operator==(const GitRepositorySpec&, const GitRepositorySpec&) = default;
};

struct GitRepository {
  Meta meta;
  GitRepositorySpec spec;
  GitRepositoryStatus status;
};

/// Never throws, whatever the JSON is. InvalidSpec with all that is wrong, beginning "GitRepository ns/name: spec.url: …"; use
/// parse_meta() and parse_git_repository_status() then, and mark it Stalled.
Result<GitRepository> parse_git_repository(const nlohmann::json& object);

/// Every field that the parser reads, for the test that holds it against the CRD.
std::vector<FieldRead> git_repository_fields();

/// What is wrong with a URL, "" where nothing is. https, http, ssh and file URLs and user@host:path are taken, without
/// credentials; the same rules stand in the CRD.
std::string_view url_problem(std::string_view url);
/// What is wrong with a branch's or tag's short name, or (full) a full ref name; "" where nothing is. The rules are those of
/// git-check-ref-format(1) that matter, on printable ASCII.
std::string_view ref_problem(std::string_view name, bool full);

} // namespace gitsync::api
