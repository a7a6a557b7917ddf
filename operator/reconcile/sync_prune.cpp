// What is no longer declared leaves the cluster: only with our UID, last things first, and remembered until it is gone.
#include "api/names.h"
#include "base/json_read.h"
#include "base/log.h"
#include "base/text.h"
#include "object/order.h"
#include "reconcile/sync.h"
#include "runtime/parallel.h"

namespace gitsync::reconcile {
namespace {
using nlohmann::json;
constexpr size_t in_flight = 32;

/// The operator's own namespace goes, and with it the operator: that is an uninstallation, and what is managed stays.
Task<Result<bool>> is_uninstalled(kube::Client& kube, std::string home) {
  const auto found = co_await kube.get(cat("/api/v1/namespaces/", url_encode(home)));
  if (found) co_return !read_text(read_member(*found, "metadata"), "deletionTimestamp").empty();
  if (found.error().code == Code::ApiForbidden) co_return false; // not for us to know
  if (found.error().code == Code::ApiNotFound) co_return true;
  co_return std::unexpected(found.error());
}
} // namespace

void Sync::forget(const ObjectRef& ref) {
  context_.drift.forget(ref);
  touch(ref);
  if (!chunks_.empty()) chunks_[chunk_of(ref, inventory_.chunks)].erase(ref);
  desired_.leaving.erase(ref);
  health_.erase(ref);
  inquiries_.forget(ref);
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
  for (const auto& ref : desired_.leaving)
    if (!paused_.contains(ref)) stages[static_cast<int>(stage_of(ref.group_kind()))].push_back(ref);
  std::vector<std::string> names;
  for (auto& [stage, objects] : stages) {
    co_await parallel_for(objects.size(), in_flight, [&](size_t i) -> Task<> {
      const ObjectRef ref = objects[i];
      auto& metrics = context_.reporter.metrics;
      co_await context_.applier.idle(ref); // a correction may be bringing it back this moment, with another UID
      const auto* object = context_.table.find(ref);
      if (!object || object->phase != Phase::Removing) co_return;
      if (object->rules && object->rules->keep) { // its own annotation, or it opted out
        if (auto released = co_await context_.applier.release(ref); !released) {
          errors.push_back(std::move(released.error()));
          co_return;
        }
        metrics.pruned(report::PruneResult::Orphaned);
        forget(ref);
        co_return;
      }
      if (is_own_branch(*object, context_.home)) {
        errors.push_back(
            fail(Code::PruneBlocked, cat(ref.text(), " belongs to the operator itself and is never pruned: put it back, or "
                                                     "take it out of the GitSync by deletionPolicy Orphan"))
                .error());
        metrics.pruned(report::PruneResult::Blocked);
        co_return;
      }
      auto given = co_await give_up(ref);
      if (!given) errors.push_back(std::move(given.error())); // claimed by another GitSync: never deleted instead
      if (!given || *given) co_return;
      object = context_.table.find(ref);
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

/// Hands an object over to another GitSync that claims it, without deleting it. False where nobody does.
Task<Result<bool>> Sync::give_up(ObjectRef ref) {
  auto* claimant = context_.claimant(ref, *this);
  if (!claimant) co_return false;
  auto released = co_await context_.applier.release(ref, claimant->facts());
  if (!released) co_return std::unexpected(std::move(released.error()));
  forget(ref);
  log::info("handed over", {{"gitsync", meta_.key()}, {"object", ref.text()}});
  if (auto* other = context_.claimant(ref, *this)) other->handed_over();
  co_return true;
}

/// Definitions of the plan's deletions that still have objects which it leaves.
Task<std::set<ObjectRef>> Sync::populated(const Plan& plan) {
  std::set<ObjectRef> out;
  const std::set<ObjectRef> going(plan.prune.begin(), plan.prune.end());
  for (const auto& ref : plan.prune) {
    if (ref.group != "apiextensions.k8s.io" || ref.kind != "CustomResourceDefinition") continue;
    const size_t dot = ref.name.find('.');
    if (dot == std::string::npos) continue;
    const auto* resource = context_.discovery.map().find_plural(ref.name.substr(dot + 1), ref.name.substr(0, dot));
    if (!resource) continue; // not served: nothing can be there
    const GroupKind kind{resource->group, resource->kind};
    auto list = co_await context_.kube.get(cat(resource->path(), "?limit=500"));
    if (!list || !read_text(read_member(*list, "metadata"), "continue").empty()) {
      out.insert(ref); // not known, or more than one look shows: then it is asked
      continue;
    }
    for (const auto& item : read_member(*list, "items")) {
      const auto& metadata = read_member(item, "metadata");
      if (!going.contains({kind.group, kind.kind, read_text(metadata, "namespace"), read_text(metadata, "name")})) {
        out.insert(ref);
        break;
      }
    }
  }
  co_return out;
}

/// Leaves these in the cluster, without our label, annotation and field manager.
Task<std::vector<Error>> Sync::release_all(std::vector<ObjectRef> objects) {
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
  bool orphan = spec_ ? spec_->spec.deletion_policy == api::DeletionPolicy::Orphan : true; // unreadable: keep everything
  if (!orphan && meta_.ns == context_.home.ns) {
    const auto uninstalled = co_await is_uninstalled(context_.kube, meta_.ns);
    if (!uninstalled) {
      report_failed({uninstalled.error()}, false);
      co_return false;
    }
    orphan = *uninstalled;
  }
  for (const auto& [file, objects] : desired_.files) {
    for (const auto& ref : objects) {
      if (auto* object = context_.table.find(ref)) object->phase = Phase::Removing;
      context_.drift.forget(ref);
      desired_.leaving.insert(ref);
    }
  }
  desired_.files.clear();
  for (const auto& [ref, pause] : paused_) // deleting the GitSync goes ahead of it
    if (auto* object = context_.table.find(ref)) object->paused = false;
  paused_.clear();
  std::vector<ObjectRef> staying; // all, or what would take too much with it, or the operator itself
  std::vector<std::string> names;
  for (const auto& ref : desired_.leaving) {
    const auto* object = context_.table.find(ref);
    const bool precious = is_protected(ref.group_kind()) || (object && is_own_branch(*object, context_.home)) ||
                          (object && object->rules && object->rules->keep);
    if (!orphan && !precious) continue;
    staying.push_back(ref);
    if (precious) names.push_back(ref.text());
  }
  auto errors = co_await release_all(std::move(staying));
  if (errors.empty() && !orphan) errors = co_await prune();
  if (!errors.empty()) {
    report_failed(std::move(errors), false);
    co_return false;
  }
  if (orphan)
    log::info("deleted, its objects stay", {{"gitsync", meta_.key()}});
  else if (!names.empty())
    log::info("deleted, these stay", {{"gitsync", meta_.key()}, {"objects", join(names, ", ")}});
  for (const auto& ref : std::set<ObjectRef>(desired_.leaving))
    forget(ref); // deleted; their own finalizers may hold them a while
  // Before the finalizer: what is stored may hold secrets, and the objects need it no more.
  co_await store_.drop(stored_);
  previewed_.clear();
  co_await drop_preview();
  stored_ = {};
  if (!co_await set_finalizer(false)) co_return false;
  co_return true;
}

} // namespace gitsync::reconcile
