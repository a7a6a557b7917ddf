// gitsync plan: what the plan that waits would change, as the operator has computed it. Exit codes as of kubectl diff.
#include "api/meta.h"
#include "api/names.h"
#include "api/status.h"
#include "app/cluster.h"
#include "app/plan_view.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "apply/preview_store.h"
#include "base/text.h"
#include "object/decode.h"

namespace gitsync::app {
namespace {

using nlohmann::json;

constexpr int nothing_waits = 0, plan_waits = 1, failed = 2;
constexpr std::chrono::seconds patience{30}; // for the operator to have computed it
constexpr std::chrono::milliseconds pause{200};

struct Shown {
  api::GitSyncStatus status;
  std::optional<Preview> plan; // nothing: no plan waits
};

Task<Result<Shown>> fetch(Session& session, const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto sync = co_await session.client.get(session.path(Kind::GitSync, name));
    if (!sync) co_return std::unexpected(sync.error());
    Shown out{api::parse_git_sync_status(*sync), {}};
    if (out.status.plan_digest.empty()) co_return out;
    PreviewStore store(session.client, {session.ns, name, api::parse_meta(*sync).uid, {}}, {});
    auto plan = co_await store.load();
    if (plan && plan->digest == out.status.plan_digest) {
      out.plan = std::move(*plan);
      co_return out;
    }
    if (!plan && plan.error().code != Code::ApiNotFound) co_return std::unexpected(plan.error());
    if (std::chrono::steady_clock::now() > deadline)
      co_return fail(Code::Timeout, cat("what plan ", out.status.plan_digest,
                                        " would change is not stored yet; the operator's log tells whether it cannot be"));
    co_await sleep_for(pause);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return fail(Code::Cancelled, "stopped");
  }
}

void print_plan(const Shown& shown, const Session& session, const PlanOptions& options) {
  if (options.output != Output::Table) {
    auto value = shown.plan ? preview_to_json(*shown.plan) : json::object();
    if (shown.plan && shown.status.plan_since) value["waitingSince"] = rfc3339(*shown.status.plan_since);
    return print_redacted(options.output == Output::Json ? cat(value.dump(2, ' ', false, json::error_handler_t::replace), "\n")
                                                         : json_to_yaml(value));
  }
  const auto who = object_text(Kind::GitSync, session.ns, options.name);
  const auto* ready = api::find_condition(shown.status.conditions, api::ready_condition);
  if (!shown.plan) return print_redacted(cat(who, ": no plan waits", ready ? cat(": ", ready->message) : "", "\n"));
  print_redacted(cat(who, ": plan ", shown.plan->digest, " of ", api::short_revision(shown.plan->revision),
                     shown.status.plan_since ? cat(" waits since ", rfc3339(*shown.status.plan_since)) : "", "; computed ",
                     rfc3339(shown.plan->computed), "\n", plan_text(*shown.plan), "to consent: gitsync approve ", options.name,
                     " -n ", session.ns, " --plan-digest ", shown.plan->digest, "\n"));
}

} // namespace

int run_plan(const PlanOptions& options) {
  bool connected = false;
  const int code = with_cluster(options.cluster, options.ns, [&](Session& session) -> Task<int> {
    connected = true;
    const auto shown = co_await fetch(session, options.name);
    if (!shown) {
      print_error(about(Kind::GitSync, session.ns, options.name, shown.error()));
      co_return failed;
    }
    print_plan(*shown, session, options);
    co_return shown->plan ? plan_waits : nothing_waits;
  });
  return connected ? code : failed; // 1 would be taken for a plan
}

} // namespace gitsync::app
