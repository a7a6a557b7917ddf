// gitsync reconcile: asks, and waits for what comes of it.
//
// The GitSync is asked first: the operator polls its source as part of that request, so one write sets everything going, and
// its answer names the source. The source is asked too, since only its own request tells that a fetch failed: GitSyncs go on
// with what they have.
#include "api/names.h"
#include "api/spec_reader.h"
#include "app/await.h"
#include "app/current.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/text.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace gitsync::app {
namespace {

using nlohmann::json;

class Reconcile {
public:
  Reconcile(Session& session, const ReconcileOptions& options)
      : session_(session), options_(options), deadline_(started_ + options.timeout),
        requested_at_(rfc3339_micro(std::chrono::system_clock::now())) {}

  /// False where it failed; the reason is printed.
  Task<bool> run() {
    using namespace asio::experimental::awaitable_operators;
    auto object = co_await ask(options_.kind, options_.name);
    if (!object) co_return failed(object.error());
    if (options_.kind == Kind::GitRepository || !options_.with_source)
      co_return co_await result_of(options_.kind, options_.name, std::move(*object));

    const auto [source_ns, source] = source_of(*object);
    if (source_ns != session_.ns) // somebody else's: the operator polls it all the same
      co_return co_await result_of(options_.kind, options_.name, std::move(*object));
    if (!api::is_dns_subdomain(source))
      co_return failed(about(Kind::GitSync, session_.ns, options_.name,
                             fail(Code::InvalidSpec, "spec.sourceRef.name: has to name a GitRepository").error()));
    auto source_object = co_await ask(Kind::GitRepository, source);
    if (!source_object) co_return failed(source_object.error());
    const auto [source_done, sync_done] = co_await (result_of(Kind::GitRepository, source, std::move(*source_object)) &&
                                                    result_of(Kind::GitSync, options_.name, std::move(*object)));
    co_return source_done&& sync_done;
  }

private:
  /// Writes the annotation; returns the object.
  Task<Result<json>> ask(Kind kind, std::string name) {
    const json body = {{"metadata", {{"annotations", {{api::requested_at_annotation, requested_at_}}}}}};
    auto object = co_await session_.client.patch(session_.path(kind, name), kube::PatchType::Merge, body.dump(),
                                                 std::string(cli_field_manager));
    if (!object) co_return std::unexpected(about(kind, session_.ns, name, object.error()));
    print_redacted(cat(object_text(kind, session_.ns, name), ": reconciliation requested\n"));
    co_return object;
  }

  /// Prints what came of it, waiting where that is wanted; what is known to fail already is told in either case.
  Task<bool> result_of(Kind kind, std::string name, json object) {
    const auto who = object_text(kind, session_.ns, name);
    if (!options_.wait && outcome_of(kind, object, requested_at_).state == Outcome::State::Waiting) co_return true;
    const auto outcome = co_await await_outcome(session_, kind, std::move(object), requested_at_, deadline_);
    if (!outcome) co_return failed(wrap(outcome.error(), who).error());
    if (outcome->state == Outcome::State::Failed) {
      print_note(cat("error: ", who, ": ", outcome->text, "\n")); // what a status says has its own code where there is one
      co_return false;
    }
    const auto took = static_cast<int64_t>(milliseconds_between(started_, std::chrono::steady_clock::now()));
    print_redacted(cat(who, ": ", outcome->text, " (after ", took, " ms)\n"));
    co_return true;
  }

  static bool failed(const Error& error) {
    print_error(error);
    return false;
  }

  Session& session_;
  const ReconcileOptions& options_;
  const Instant started_ = std::chrono::steady_clock::now();
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
