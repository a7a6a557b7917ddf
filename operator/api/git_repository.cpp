#include "api/git_repository.h"

#include "api/names.h"
#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::api {
namespace {

using namespace std::chrono_literals;

bool is_graphic(char c) { return c >= '!' && c <= '~'; }
bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
/// A host or user that begins with "-" could be taken for an option by an ssh command. Source: git's CVE-2017-1000117.
bool is_host_start(char c) { return is_alnum(c) || c == '_' || c == '['; }
bool is_commit_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_scp_address(std::string_view url) {
  const size_t at = url.find('@');
  const size_t colon = at == std::string_view::npos ? at : url.find(':', at);
  if (at == 0 || colon == std::string_view::npos || colon == at + 1 || colon + 1 == url.size()) return false;
  if (!is_host_start(url[0]) || !is_host_start(url[at + 1])) return false;
  return std::ranges::all_of(url.substr(0, at), [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; }) &&
         std::ranges::all_of(url.substr(at + 1, colon - at - 1), [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
}

/// spec.verify, spec.webhook: nothing where they are left out, though their fields are read all the same (fields() lists them).
bool is_given(const nlohmann::json& object, std::string_view name) {
  return read_member(read_member(object, "spec"), name).is_object();
}

std::string read_secret_name(SpecReader& reader, const std::string& path, bool given) {
  std::string name = given ? reader.required_text(path) : reader.text(path);
  reader.check(name.empty() || is_dns_subdomain(name), path,
               "must be a Secret's name (lower-case letters, digits, \"-\" and \".\")");
  return name;
}

VerifySpec read_verify(SpecReader& reader, const GitRef& ref, bool given) {
  VerifySpec out;
  out.mode = static_cast<VerifyMode>(reader.choice("verify.mode", {"HEAD", "Tag", "TagAndHEAD", "EveryCommit"}, 0));
  const bool of_tag = out.mode == VerifyMode::Tag || out.mode == VerifyMode::TagAndHead;
  reader.check(!of_tag || !ref.tag.empty(), "verify.mode", "Tag and TagAndHEAD need spec.ref.tag");
  out.secret = read_secret_name(reader, "verify.secretRef.name", given);
  out.authors = reader.texts("verify.authors", 64);
  out.committers = reader.texts("verify.committers", 64);
  out.history = static_cast<HistoryRule>(reader.choice("verify.history", {"Any", "ForwardOnly"}, 0));
  size_t i = 0;
  for (const auto* entry : reader.entries("verify.users", 256)) {
    const auto at = cat("verify.users[", i++, "]");
    SignerUser user{reader.entry_text(*entry, at, "signer", 256), reader.entry_text(*entry, at, "user", 256)};
    reader.check(!user.signer.empty(), at + ".signer", "is required");
    reader.check(!user.user.empty(), at + ".user", "is required");
    out.users.push_back(std::move(user));
  }
  return out;
}

WebhookSpec read_webhook(SpecReader& reader, bool given) {
  return {static_cast<WebhookType>(reader.choice("webhook.type", {"GitHub", "GitLab", "Gitea", "Bitbucket", "Generic"}, 4)),
          read_secret_name(reader, "webhook.secretRef.name", given)};
}

GitRepositorySpec read_spec(SpecReader& reader, const nlohmann::json& object) {
  GitRepositorySpec spec;
  spec.url = reader.required_text("url");
  if (!spec.url.empty()) {
    const auto problem = url_problem(spec.url);
    reader.check(problem.empty(), "url", problem);
  }
  spec.ref = {reader.text("ref.branch"), reader.text("ref.tag"), reader.text("ref.commit"), reader.text("ref.name")};
  const int given = !spec.ref.branch.empty() + !spec.ref.tag.empty() + !spec.ref.commit.empty() + !spec.ref.name.empty();
  reader.check(given <= 1, "ref", "at most one of branch, tag, commit and name may be set");
  const auto check_ref = [&](const std::string& name, std::string_view path, bool full) {
    const auto problem = name.empty() ? std::string_view{} : ref_problem(name, full);
    reader.check(problem.empty(), path, problem);
  };
  check_ref(spec.ref.branch, "ref.branch", false);
  check_ref(spec.ref.tag, "ref.tag", false);
  check_ref(spec.ref.name, "ref.name", true);
  reader.check(spec.ref.commit.empty() ||
                   (spec.ref.commit.size() == 40 && std::ranges::all_of(spec.ref.commit, is_commit_digit)),
               "ref.commit", "must be a full commit id of 40 hexadecimal digits in lower case");
  spec.interval = reader.duration("interval", "15s", 1s, 168h);
  spec.timeout = reader.duration("timeout", "60s", 1s, 1h);
  spec.secret = reader.text("secretRef.name");
  reader.check(spec.secret.empty() || is_dns_subdomain(spec.secret), "secretRef.name",
               "must be a Secret's name (lower-case letters, digits, \"-\" and \".\")");
  const bool verified = is_given(object, "verify"), hooked = is_given(object, "webhook");
  auto verify = read_verify(reader, spec.ref, verified);
  if (verified) spec.verify = std::move(verify);
  auto webhook = read_webhook(reader, hooked);
  if (hooked) spec.webhook = std::move(webhook);
  spec.suspend = reader.flag("suspend", false);
  return spec;
}

} // namespace

Result<GitRepository> parse_git_repository(const nlohmann::json& object) {
  GitRepository out;
  out.meta = parse_meta(object);
  SpecReader reader(object, cat(git_repository_kind, ' ', out.meta.key()));
  out.spec = read_spec(reader, object);
  if (!reader.ok()) return reader.error();
  out.status = parse_git_repository_status(object);
  return out;
}

std::vector<FieldRead> git_repository_fields() {
  const auto empty = nlohmann::json::object();
  SpecReader reader(empty, {});
  read_spec(reader, empty);
  return reader.fields();
}

std::string_view url_problem(std::string_view url) {
  constexpr std::string_view shape = "must be an https://, http://, ssh:// or file:/// URL, or user@host:path, without spaces";
  if (url.size() > 2048) return "must not be longer than 2048 characters";
  if (!std::ranges::all_of(url, is_graphic)) return shape;
  for (const std::string_view scheme : {"https://", "http://", "ssh://"}) {
    if (!url.starts_with(scheme)) continue;
    const auto rest = url.substr(scheme.size());
    if (rest.empty() || !is_host_start(rest[0])) return shape;
    const auto authority = rest.substr(0, rest.find('/'));
    const size_t at = authority.rfind('@');
    if (at == std::string_view::npos) return {};
    for (size_t i = 0; i < authority.size(); ++i)
      if (authority[i] == '@' && (i + 1 == authority.size() || !is_host_start(authority[i + 1]))) return shape;
    if (scheme == "ssh://" && authority.substr(0, at).find(':') == std::string_view::npos) return {};
    return "must not contain credentials; put username and password into a Secret and name it in spec.secretRef";
  }
  if (url.starts_with("file:///")) return {};
  return is_scp_address(url) ? std::string_view{} : shape;
}

std::string_view ref_problem(std::string_view name, bool full) {
  const bool odd = name.empty() || name.size() > (full ? 255 : 244) || !std::ranges::all_of(name, is_graphic) ||
                   name.find_first_of("~^:?*[\\") != std::string_view::npos || name.find("..") != std::string_view::npos ||
                   name.find("@{") != std::string_view::npos || name.find("//") != std::string_view::npos ||
                   name.ends_with('/') || name.ends_with('.');
  const bool is_full = name.starts_with("refs/");
  if (full) return odd || !is_full ? "must be a full ref name such as refs/pull/7/head" : std::string_view{};
  if (odd || is_full || name.starts_with('-') || name.starts_with('/') || name.starts_with('.'))
    return "must be a short name such as main or v1.2.0; a full ref goes into spec.ref.name";
  return {};
}

} // namespace gitsync::api
