// What is no longer declared leaves the cluster: only with our UID, last things first, and remembered until it is gone.
#include "api/names.h"
#include "base/log.h"
#include "base/text.h"
#include "object/order.h"
#include "reconcile/sync.h"
#include "runtime/parallel.h"

namespace gitsync::reconcile {
namespace {
using nlohmann::json;
constexpr size_t in_flight = 32;
} // namespace

void Sync::forget(const ObjectRef& ref) {
  context_.drift.forget(ref);
  touch(ref);
  if (!chunks_.empty()) chunks_[chunk_of(ref, inventory_.chunks)].erase(ref);
  desired_.leaving.erase(ref);
  health_.erase(ref);
  context_.table.erase(ref);
}

void Sync::pruned(const ObjectRef& ref) {
  if (!desired_.leaving.contains(ref)) return;
  forget(ref);
  wake_.set(); // the inventory shrinks
}

Task<std::vector<Error>> Sync::prune() {
  std::vector<Error> errors;
  const auto started = std::chrono::steady_clock::now();
  std::map<int, std::vector<ObjectRef>, std::greater<>> stages; // the other way round
  for (const auto& ref : desired_.leaving) stages[static_cast<int>(stage_of(ref.group_kind()))].push_back(ref);
  std::vector<std::string> names;
  for (auto& [stage, objects] : stages) {
    co_await parallel_for(objects.size(), in_flight, [&](size_t i) -> Task<> {
      const ObjectRef ref = objects[i];
      auto& metrics = context_.reporter.metrics;
      co_await context_.applier.idle(ref); // a correction may be bringing it back this moment, with another UID
      const auto* object = context_.table.find(ref);
      if (!object || object->phase != Phase::Removing) co_return;
      std::string uid = object->uid;
      for (int looks = 0;; ++looks) {
        if (!uid.empty()) {
          auto removed = co_await context_.applier.remove(ref, uid);
          if (removed) {
            metrics.pruned(report::PruneResult::Deleted);
            names.push_back(ref.text());
          } else if (removed.error().code != Code::ApiConflict || looks > 1) {
            metrics.pruned(report::PruneResult::Failed);
            errors.push_back(std::move(removed.error()));
            co_return;
          }
        }
        if (!context_.table.find(ref)) co_return; // the watch was faster: it is gone
        // Gone, held by its finalizers, or another object by now: only one with our label is ours to delete, whatever its UID.
        auto owned = co_await context_.applier.owned_uid(ref);
        if (!owned) {
          if (context_.table.find(ref)) errors.push_back(std::move(owned.error()));
          co_return;
        }
        if (owned->empty()) {
          forget(ref);
          co_return;
        }
        if (*owned == uid) co_return; // its finalizers hold it; the watch tells when it is gone
        uid = std::move(*owned);
      }
    });
    if (!errors.empty()) break;
  }
  context_.reporter.metrics.phase(report::Phase::Prune, milliseconds_between(started, std::chrono::steady_clock::now()) / 1000);
  if (!names.empty()) {
    const size_t count = names.size();
    if (names.size() > 10) names.resize(10);
    event(report::EventReason::Pruned,
          cat("Pruned ", count, count == 1 ? " object: " : " objects: ", join(names, ", "), count > 10 ? ", …" : ""));
    log::info("pruned", {{"gitsync", meta_.key()}, {"objects", count}});
  }
  co_return errors;
}

Task<bool> Sync::set_finalizer(bool present) {
  json finalizers = json::array();
  for (const auto& name : meta_.finalizers)
    if (name != api::finalizer_name) finalizers.push_back(name);
  if (present) finalizers.push_back(api::finalizer_name);
  if (!context_.may_write()) co_return false;
  const json patch = {{"metadata", {{"finalizers", finalizers}, {"resourceVersion", meta_.resource_version}}}};
  auto written = co_await context_.kube.patch_raw(
      cat("/apis/", api::api_group_version, "/namespaces/", meta_.ns, "/", api::git_sync_plural, "/", meta_.name),
      kube::PatchType::Merge, patch.dump(), cat("fieldManager=", api::operator_field_manager));
  if (!written && written.error().code != Code::ApiNotFound) {
    if (written.error().code != Code::ApiConflict) report_failed({std::move(written.error())}, false);
    // Somebody wrote in between: with the next event we know the present version.
    retry_wanted_ = true;
    next_attempt_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    co_return false;
  }
  if (present) meta_.finalizers.emplace_back(api::finalizer_name);
  co_return true;
}

Task<bool> Sync::finalize() {
  if (!meta_.has_finalizer(api::finalizer_name)) co_return true;
  const bool orphan = spec_ ? spec_->spec.deletion_policy == api::DeletionPolicy::Orphan : true; // unreadable: keep everything
  for (const auto& [file, objects] : desired_.files) {
    for (const auto& ref : objects) {
      if (auto* object = context_.table.find(ref)) object->phase = Phase::Removing;
      context_.drift.forget(ref);
      desired_.leaving.insert(ref);
    }
  }
  desired_.files.clear();
  if (orphan) {
    log::info("deleted, its objects stay", {{"gitsync", meta_.key()}, {"objects", desired_.leaving.size()}});
    const std::vector<ObjectRef> objects(desired_.leaving.begin(), desired_.leaving.end());
    std::vector<Error> errors;
    co_await parallel_for(objects.size(), in_flight, [&](size_t i) -> Task<> {
      co_await context_.applier.idle(objects[i]);
      auto released = co_await context_.applier.release(objects[i]);
      if (!released) {
        errors.push_back(std::move(released.error()));
        co_return;
      }
      context_.reporter.metrics.pruned(report::PruneResult::Orphaned);
      forget(objects[i]);
    });
    if (!errors.empty()) {
      report_failed(std::move(errors), false);
      co_return false;
    }
  } else {
    auto errors = co_await prune();
    if (!errors.empty()) {
      report_failed(std::move(errors), false);
      co_return false;
    }
    for (const auto& ref : std::set<ObjectRef>(desired_.leaving))
      forget(ref); // deleted; their own finalizers may hold them a while
  }
  // Before the finalizer: what is stored may hold secrets, and the objects need it no more.
  co_await store_.drop(stored_);
  stored_ = {};
  if (!co_await set_finalizer(false)) co_return false;
  co_return true;
}

} // namespace gitsync::reconcile
