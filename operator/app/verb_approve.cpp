// gitsync approve: consent to the plan for which a GitSync waits.
#include "api/names.h"
#include "api/status.h"
#include "app/cluster.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/json_read.h"
#include "base/text.h"

namespace gitsync::app {
namespace {

using nlohmann::json;

/// A name of its own each time: consent is used up by the plan that it releases.
std::string name_of(const ApproveOptions& options, const std::string& digest) {
  constexpr size_t longest = 200;
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  return cat(options.name.substr(0, longest), "-", digest.substr(digest.find(':') + 1, 10), "-", now.count());
}

/// How the API server names whoever is asking: the admission policy wants exactly that in spec.approver.
Task<Result<std::string>> who_am_i(Session& session) {
  const json review = {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}};
  const auto answer = co_await session.client.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review);
  if (!answer) co_return std::unexpected(answer.error());
  auto name = read_text(read_member(read_member(*answer, "status"), "userInfo"), "username");
  if (name.empty()) co_return fail(Code::ApiServerError, "the API server does not say who is asking");
  co_return name;
}

Task<Result<std::string>> approve(Session& session, const ApproveOptions& options) {
  const auto sync = co_await session.client.get(session.path(Kind::GitSync, options.name));
  if (!sync) co_return std::unexpected(sync.error());
  const auto status = api::parse_git_sync_status(*sync);
  if (status.plan_digest.empty()) co_return fail(Code::InvalidArgument, "no plan waits for an approval");
  if (!options.plan_digest.empty() && options.plan_digest != status.plan_digest)
    co_return fail(Code::InvalidArgument, cat("the plan that waits is ", status.plan_digest, ", not ", options.plan_digest,
                                              ": look at it again, then approve that one"));
  const auto approver = co_await who_am_i(session);
  if (!approver) co_return std::unexpected(approver.error());
  const std::string name = name_of(options, status.plan_digest);
  const json approval = {
      {"apiVersion", api::api_group_version},
      {"kind", api::approval_kind},
      {"metadata", {{"name", name}}},
      {"spec", {{"syncRef", {{"name", options.name}}}, {"planDigest", status.plan_digest}, {"approver", *approver}}}};
  const auto made = co_await session.client.patch(
      cat("/apis/", api::api_group_version, "/namespaces/", session.ns, "/", api::approval_plural, "/", name),
      kube::PatchType::Apply, approval.dump(), std::string(cli_field_manager));
  if (!made) co_return std::unexpected(made.error());
  co_return cat("approved plan ", status.plan_digest, " as ", *approver, " (Approval ", session.ns, "/", name, ")");
}

} // namespace

int run_approve(const ApproveOptions& options) {
  return with_cluster(options.cluster, options.ns, [&](Session& session) -> Task<int> {
    const auto said = co_await approve(session, options);
    if (!said) {
      print_error(about(Kind::GitSync, session.ns, options.name, said.error()));
      co_return 1;
    }
    print_redacted(cat(object_text(Kind::GitSync, session.ns, options.name), ": ", *said, "\n"));
    co_return 0;
  });
}

} // namespace gitsync::app
