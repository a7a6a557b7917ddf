// gitsync suspend | resume: spec.suspend.
#include "api/names.h"
#include "app/cluster.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/text.h"

namespace gitsync::app {
namespace {

using nlohmann::json;

Task<Result<std::string>> set_suspend(Session& session, const SuspendOptions& options) {
  const auto path = session.path(options.kind, options.name);
  const auto before = co_await session.client.get(path);
  if (!before) co_return std::unexpected(before.error());
  const bool suspended = read_member(read_member(*before, "spec"), "suspend") == true;
  if (suspended == options.suspend) co_return std::string(suspended ? "is suspended already" : "is not suspended");
  json body = {{"spec", {{"suspend", options.suspend}}}};
  if (!options.suspend)
    body["metadata"]["annotations"][std::string(api::requested_at_annotation)] =
        rfc3339_micro(std::chrono::system_clock::now());
  const auto after = co_await session.client.patch(path, kube::PatchType::Merge, body.dump(), std::string(cli_field_manager));
  if (!after) co_return std::unexpected(after.error());
  if (!options.suspend) co_return std::string("resumed; reconciliation requested");
  co_return std::string(options.kind == Kind::GitSync
                            ? "suspended: neither new revisions nor drift are acted on until it is resumed"
                            : "suspended: no longer polled until it is resumed; GitSyncs enforce the last revision");
}

} // namespace

int run_suspend(const SuspendOptions& options) {
  return with_cluster(options.cluster, options.ns, [&](Session& session) -> Task<int> {
    const auto said = co_await set_suspend(session, options);
    if (!said) {
      print_error(about(options.kind, session.ns, options.name, said.error()));
      co_return 1;
    }
    print_redacted(cat(object_text(options.kind, session.ns, options.name), ": ", *said, "\n"));
    co_return 0;
  });
}

} // namespace gitsync::app
