// What is declared → the cluster, stage by stage, many at a time.
#include "base/log.h"
#include "base/text.h"
#include "object/order.h"
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
          object &&
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

Task<std::vector<Error>> Sync::apply_pending() {
  const auto started = std::chrono::steady_clock::now();
  std::vector<Error> errors;
  std::vector<ObjectRef> all = pending();
  if (all.empty()) co_return errors;
  std::map<Stage, std::vector<ObjectRef>> stages;
  for (auto& ref : all) stages[stage_of(ref.group_kind())].push_back(std::move(ref));

  for (auto& [stage, objects] : stages) {
    std::set<GroupKind> kinds;
    std::vector<ObjectRef> crds;
    for (const auto& ref : objects) kinds.insert(ref.group_kind());
    // Watches first, so that no change between our write and our first look is missed.
    for (const auto& kind : kinds) {
      if (!context_.discovery.map().find(kind)) {
        // Defined by a CRD of this revision: served a moment after it is Established.
        const auto deadline = std::chrono::steady_clock::now() + patience;
        for (auto pause = std::chrono::milliseconds(20);
             !context_.discovery.map().find(kind) && std::chrono::steady_clock::now() < deadline;
             pause = std::min(pause * 2, std::chrono::milliseconds(1'000))) {
          co_await context_.discovery.refresh();
          if (!context_.discovery.map().find(kind)) co_await sleep_for(pause);
        }
      }
      co_await context_.watches.require(kind, std::chrono::seconds(5));
    }
    const bool definitions = stage == Stage::Definitions;
    co_await parallel_for(objects.size(), in_flight, [&](size_t i) -> Task<> {
      const ObjectRef ref = objects[i];
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
          if (definitions && first && ref.kind == "CustomResourceDefinition") crds.push_back(ref);
          co_return;
        }
        if (outcome.error().retry == Retry::After && attempt < tries_when_told_to_wait) {
          co_await sleep_for(outcome.error().after);
          continue;
        }
        metrics.applied(report::ApplyAction::Sync, outcome.error().code == Code::ApiConflict ? report::ApplyResult::Conflict
                                                                                             : report::ApplyResult::Failed);
        errors.push_back(std::move(outcome.error()));
        co_return;
      }
    });
    if (errors.empty() && !crds.empty())
      if (auto served = co_await definitions_served(crds); !served) errors.push_back(std::move(served.error()));
    if (!errors.empty()) break; // Stop: no later stage begins
  }
  context_.reporter.metrics.phase(report::Phase::Apply, milliseconds_between(started, std::chrono::steady_clock::now()) / 1000);
  co_return errors;
}

} // namespace gitsync::reconcile
