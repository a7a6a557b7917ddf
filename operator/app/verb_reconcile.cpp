// gitsync reconcile: asks, and waits for what comes of it.
//
// The source is asked before the GitSync. Waiting, the GitSync is asked only when the source is done, so that "handled" means handled
// with the source's newest revision, also where that changed nothing of the GitSync; what changed is applied without being asked,
// so the order costs no time.
#include "api/json_read.h"
#include "api/names.h"
#include "api/spec_reader.h"
#include "app/await.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/clock.h"
#include "base/text.h"

namespace gitsync::app {
namespace {

using nlohmann::json;

class Reconcile {
public:
  Reconcile(Session& session, const ReconcileOptions& options)
      : session_(session), options_(options), deadline_(std::chrono::steady_clock::now() + options.timeout),
        requested_at_(rfc3339_micro(std::chrono::system_clock::now())) {}

  /// False where it failed; the reason is printed.
  Task<bool> run() {
    if (options_.kind == Kind::GitSync && options_.with_source && !co_await ask_source()) co_return false;
    co_return co_await ask(options_.kind, options_.name);
  }

private:
  Task<bool> ask_source() {
    // Read, not written: a request that is written first would be handled first, with the old revision.
    const auto sync = co_await session_.client.get(session_.path(Kind::GitSync, options_.name));
    if (!sync) co_return failed(about(Kind::GitSync, session_.ns, options_.name, sync.error()));
    const auto& spec = api::read_member(*sync, "spec");
    if (api::read_member(spec, "suspend") == true) co_return told_as_failed(Kind::GitSync, options_.name, outcome_of(Kind::GitSync, *sync, {}));
    const auto source = api::read_text(api::read_member(spec, "sourceRef"), "name");
    if (!api::is_dns_subdomain(source))
      co_return failed(about(Kind::GitSync, session_.ns, options_.name, fail(Code::InvalidSpec, "spec.sourceRef.name: has to name a GitRepository").error()));
    co_return co_await ask(Kind::GitRepository, source);
  }

  /// Writes the annotation, and waits where that is wanted.
  Task<bool> ask(Kind kind, std::string name) {
    const auto start = std::chrono::steady_clock::now();
    const json body = {{"metadata", {{"annotations", {{api::requested_at_annotation, requested_at_}}}}}};
    auto object = co_await session_.client.patch(session_.path(kind, name), kube::PatchType::Merge, body.dump(), std::string(cli_field_manager));
    if (!object) co_return failed(about(kind, session_.ns, name, object.error()));
    const auto who = object_text(kind, session_.ns, name);
    if (const auto now = outcome_of(kind, *object, requested_at_); now.state == Outcome::State::Failed) co_return told_as_failed(kind, name, now);
    print_redacted(cat(who, ": reconciliation requested\n"));
    if (!options_.wait) co_return true;
    const auto outcome = co_await await_outcome(session_, kind, std::move(*object), requested_at_, deadline_);
    if (!outcome) co_return failed(wrap(outcome.error(), who).error());
    if (outcome->state == Outcome::State::Failed) co_return told_as_failed(kind, name, *outcome);
    const auto took = static_cast<int64_t>(milliseconds_between(start, std::chrono::steady_clock::now()));
    print_redacted(cat(who, ": ", outcome->text, " (", took, " ms)\n"));
    co_return true;
  }

  static bool failed(const Error& error) {
    print_error(error);
    return false;
  }
  /// What a status says has its own code where there is one.
  bool told_as_failed(Kind kind, const std::string& name, const Outcome& outcome) const {
    print_note(cat("error: ", object_text(kind, session_.ns, name), ": ", outcome.text, "\n"));
    return false;
  }

  Session& session_;
  const ReconcileOptions& options_;
  const Instant deadline_;
  const std::string requested_at_;
};

} // namespace

int run_reconcile(const ReconcileOptions& options) {
  return with_cluster(options.cluster, options.ns, [&](Session& session) -> Task<int> {
    Reconcile reconcile(session, options);
    co_return co_await reconcile.run() ? 0 : 1;
  });
}

} // namespace gitsync::app
