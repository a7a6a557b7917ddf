// What is declared → the cluster, stage by stage, many at a time.
#include "base/log.h"
#include "base/text.h"
#include "object/order.h"
#include "plan/gate.h"
#include "reconcile/sync.h"
#include "runtime/parallel.h"

namespace gitsync::reconcile {
namespace {
constexpr size_t in_flight = 32;
constexpr int tries_when_told_to_wait = 3;
constexpr std::chrono::seconds patience{30}; // for a CRD to be served
} // namespace

std::vector<ObjectRef> Sync::pending() const {
  std::vector<ObjectRef> out;
  for (const auto& [file, objects] : desired_.files)
    for (const auto& ref : objects)
      if (const auto* object = context_.table.find(ref);
          object && !object->paused &&
          (object->phase == Phase::Pending || (object->phase == Phase::Applying && object->applied != object->content)))
        out.push_back(ref);
  return out;
}

Task<Result<>> Sync::definitions_served(const std::vector<ObjectRef>& crds) {
  for (const auto& crd : crds)
    if (!co_await context_.drift.established(crd, patience))
      co_return fail(Code::Timeout, cat(crd.text(), ": not Established within ", patience.count(), " s"));
  co_return co_await context_.discovery.refresh();
}

/// A kind or version that a CRD of this revision defines is served a moment after the CRD was written. Returns in any case: the
/// apply tells of what is missing.
Task<> Sync::await_served(GroupKind kind, std::set<std::string> versions) {
  const auto served = [&] {
    return std::ranges::all_of(versions, [&](const std::string& version) {
      return context_.discovery.map().find(kind.group, version, kind.kind) != nullptr;
    });
  };
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (auto pause = std::chrono::milliseconds(20); !served(); pause = std::min(pause * 2, std::chrono::milliseconds(1'000))) {
    co_await context_.discovery.refresh();
    // The kind is there: only a definition that was written just now can bring the version.
    const bool hopeless = context_.discovery.map().find(kind) && !definitions_written_;
    if (served() || hopeless || std::chrono::steady_clock::now() >= deadline) co_return;
    co_await sleep_for(pause);
  }
}

/// One stage of objects that may all be applied now; their errors.
Task<std::vector<Error>> Sync::apply_stage(Stage stage, const std::vector<ObjectRef>& objects) {
  std::vector<Error> errors;
  std::map<GroupKind, std::set<std::string>> kinds; // with the versions that are needed
  std::vector<ObjectRef> crds;
  for (const auto& ref : objects)
    if (const auto* object = context_.table.find(ref)) kinds[ref.group_kind()].insert(object->version);
  // Watches first, so that no change between our write and our first look is missed.
  for (const auto& [kind, versions] : kinds) {
    co_await await_served(kind, versions);
    for (const auto& version : versions) co_await context_.watches.require({kind, version}, std::chrono::seconds(5));
  }
  const bool definitions = stage == Stage::Definitions;
  co_await parallel_for(objects.size(), in_flight, [&](size_t i) -> Task<> {
    const ObjectRef ref(objects[i]); // NOLINT(performance-unnecessary-copy-initialization): the coroutine's own
    for (int attempt = 1;; ++attempt) {
      co_await context_.applier.idle(ref); // a correction with the earlier body
      const auto* before = context_.table.find(ref);
      if (!before || before->phase != Phase::Pending) co_return; // a correction was faster, or it is no longer wanted
      const bool first = before->applied.empty();
      auto outcome = co_await context_.applier.apply(ref);
      touch(ref);
      auto& metrics = context_.reporter.metrics;
      if (outcome) {
        metrics.applied(report::ApplyAction::Sync, outcome->created   ? report::ApplyResult::Created
                                                   : outcome->changed ? report::ApplyResult::Configured
                                                                      : report::ApplyResult::Unchanged);
        if (outcome->recreated)
          event(report::EventReason::Recreated,
                cat(ref.text(), " could not be changed in place, and was deleted and made anew (", recreate_annotation, ")"));
        if (definitions && first && ref.kind == "CustomResourceDefinition") crds.push_back(ref);
        definitions_written_ |= definitions && outcome->changed;
        co_return;
      }
      if (outcome.error().retry == Retry::After && attempt < tries_when_told_to_wait) {
        co_await sleep_for(outcome.error().after);
        continue;
      }
      metrics.applied(report::ApplyAction::Sync,
                      outcome.error().code == Code::ApiConflict ? report::ApplyResult::Conflict : report::ApplyResult::Failed);
      failed_.insert(ref);
      errors.push_back(std::move(outcome.error()));
      co_return;
    }
  });
  if (!crds.empty())
    if (auto served = co_await definitions_served(crds); !served) {
      failed_.insert(crds.begin(), crds.end());
      errors.push_back(std::move(served.error()));
    }
  co_return errors;
}

Task<Sync::Applied> Sync::apply_pending() {
  const auto started = std::chrono::steady_clock::now();
  const bool stop = !spec_ || spec_->spec.on_error == api::OnError::Stop;
  Applied out;
  failed_.clear();
  definitions_written_ = false;
  // Round by round: what one applies may be what the next one waits for. Each round applies or fails at least one object.
  for (bool more = true; more;) {
    more = false;
    out.waiting = 0;
    std::map<Stage, std::vector<ObjectRef>> stages;
    const Gate gate(desired_, context_.table, failed_);
    for (auto& ref : pending()) {
      const auto answer = gate.ask(*context_.table.find(ref));
      if (answer == Gate::Answer::Go) stages[stage_of(ref.group_kind())].push_back(std::move(ref));
      if (answer == Gate::Answer::Wait) ++out.waiting;
    }
    for (auto& [stage, objects] : stages) {
      if (!failed_.empty()) { // Continue: not what stands on something that this round has found to fail
        const Gate later(desired_, context_.table, failed_);
        std::erase_if(objects, [&](const ObjectRef& ref) {
          const auto* object = context_.table.find(ref);
          return !object || later.ask(*object) != Gate::Answer::Go;
        });
      }
      if (objects.empty()) continue;
      auto errors = co_await apply_stage(stage, objects);
      const bool refused = !errors.empty();
      std::ranges::move(errors, std::back_inserter(out.errors));
      if (refused && stop) break; // no later stage begins
      more |= out.waiting > 0;
    }
    if (!out.errors.empty() && stop) break;
  }
  context_.reporter.metrics.phase(report::Phase::Apply, milliseconds_between(started, std::chrono::steady_clock::now()) / 1000);
  co_return out;
}

} // namespace gitsync::reconcile
