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
constexpr std::chrono::seconds patience_with_peers{10};
constexpr size_t most_named = 5;                          // objects in a message
constexpr std::chrono::seconds pause_between_glances{30}; // at what is awaited while it terminates; the watches tell sooner

/// The operator's own namespace goes, and with it the operator: that is an uninstallation, and what is managed stays.
Task<Result<bool>> is_uninstalled(kube::Client& kube, std::string home) {
  const auto found = co_await kube.get(cat("/api/v1/namespaces/", url_encode(home)));
  if (found) co_return !read_text(read_member(*found, "metadata"), "deletionTimestamp").empty();
  if (found.error().code == Code::ApiForbidden) co_return false; // not for us to know
  if (found.error().code == Code::ApiNotFound) co_return true;
  co_return std::unexpected(found.error());
}

/// Declared objects with the namespace and name of one that leaves. The API server may serve one object in two groups (an
/// Event; an Ingress in its time), and a manifest that moves from one to the other is no reason to delete it.
std::vector<ObjectRef> twins_of(const std::set<ObjectRef>& leaving, ObjectTable& table) {
  std::set<std::pair<std::string, std::string>> names;
  for (const auto& ref : leaving) names.emplace(ref.ns, ref.name);
  std::vector<ObjectRef> out;
  for (const auto& [ref, object] : table)
    if (object->phase != Phase::Removing && names.contains({ref.ns, ref.name})) out.push_back(ref);
  return out;
}

/// Which of them is that very object; null where none is.
const ManagedObject* declared_as(const std::string& uid, const ObjectRef& ref, const std::vector<ObjectRef>& twins,
                                 ObjectTable& table) {
  if (uid.empty()) return nullptr;
  for (const auto& twin : twins)
    if (const auto* object = table.find(twin); object && twin != ref && object->phase != Phase::Removing && object->uid == uid)
      return object;
  return nullptr;
}

} // namespace

void Sync::forget(const ObjectRef& ref) {
  context_.drift.forget(ref);
  touch(ref);
  if (!chunks_.empty()) chunks_[chunk_of(ref, inventory_.chunks)].erase(ref);
  desired_.leaving.erase(ref);
  health_.erase(ref);
  inquiries_.forget(ref);
  terminating_.erase(ref);
  if (const auto* object = context_.table.find(ref); object && object->sync == facts_) context_.table.erase(ref);
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
  const auto twins = twins_of(desired_.leaving, context_.table);
  std::vector<std::string> names;
  for (auto& [stage, objects] : stages) {
    co_await parallel_for(objects.size(), in_flight, [&](size_t i) -> Task<> {
      const ObjectRef ref = objects[i];
      auto& metrics = context_.reporter.metrics;
      co_await context_.applier.idle(ref); // a correction may be bringing it back this moment, with another UID
      const auto leaves = [&] {            // ours, and to go: looked at again after each wait
        const auto* known = context_.table.find(ref);
        return known && known->sync == facts_ && known->phase == Phase::Removing && !known->unasked;
      };
      if (!leaves()) co_return;
      const auto* object = context_.table.find(ref);
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
      if (!leaves()) co_return;
      object = context_.table.find(ref);
      std::string uid = object->uid;
      for (int looks = 0;; ++looks) {
        if (const auto* twin = declared_as(uid, ref, twins, context_.table)) {
          log::info("stays, since git declares it as another kind",
                    {{"gitsync", meta_.key()}, {"object", ref.text()}, {"as", twin->ref.text()}});
          forget(ref);
          co_return;
        }
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
        if (!leaves()) co_return; // the watch was faster: it is gone
        // Gone, held by its finalizers, or another object by now: only one with our label is ours to delete, whatever its UID.
        auto owned = co_await context_.applier.owned(ref);
        if (!owned && owned.error().code == Code::ApiForbidden && never_made(ref)) owned = Applier::Owned{};
        if (!leaves()) co_return;
        if (!owned) {
          errors.push_back(std::move(owned.error()));
          co_return;
        }
        if (owned->uid.empty()) {
          forget(ref);
          co_return;
        }
        if (owned->uid == uid) { // its finalizers hold it; the watch tells when it is gone
          terminating_[ref] = join(owned->finalizers, ", ");
          co_return;
        }
        uid = std::move(owned->uid);
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

/// What this GitSync no longer declares another one may declare by the same commit: then it is handed over, not deleted. True
/// while there is one that hasn't read it; one that cannot (its git is away, its manifests are broken) doesn't stop the pruning
/// for ever.
bool Sync::must_await_peers(const std::string& commit) {
  const auto now = std::chrono::steady_clock::now();
  if (context_.peers_behind(*this, commit)) {
    if (!std::exchange(peers_awaited_, true)) peers_since_ = now;
    if (now - peers_since_ < patience_with_peers) return true;
  }
  peers_awaited_ = false;
  return false;
}

/// Hands an object over to another GitSync that claims it, without deleting it. False where nobody does.
Task<Result<bool>> Sync::give_up(ObjectRef ref) {
  auto* claimant = context_.claimant(ref, *this);
  if (!claimant) co_return false;
  if (const auto account = claimant->facts()->account; account != facts_->account) {
    // Whoever may not write it cannot keep it from being deleted either.
    auto may = co_await context_.applier.may_write(ref, account);
    if (!may) co_return std::unexpected(std::move(may.error()));
    claimant = context_.claimant(ref, *this);
    if (!*may || !claimant || claimant->facts()->account != account) co_return false;
  }
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
  std::set<ObjectRef> going(plan.prune.begin(), plan.prune.end());
  going.insert(plan.unasked.begin(), plan.unasked.end());
  for (const auto& ref : std::set<ObjectRef>(going)) {
    if (ref.group != "apiextensions.k8s.io" || ref.kind != "CustomResourceDefinition") continue;
    const size_t dot = ref.name.find('.');
    if (dot == std::string::npos) continue;
    const auto* resource = context_.discovery.map().find_plural(ref.name.substr(dot + 1), ref.name.substr(0, dot));
    if (!resource) continue; // not served: nothing can be there
    const GroupKind kind{resource->group, resource->kind};
    auto list = co_await context_.kube.get(cat(resource->path(), "?limit=500"), facts_->account);
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
    if (const auto* object = context_.table.find(objects[i]); !object || object->sync != facts_) co_return;
    auto released = co_await context_.applier.release(objects[i]);
    if (!released && !(released.error().code == Code::ApiForbidden && never_made(objects[i]))) {
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

/// All objects go, or stay without an owner, as the policy says; what would take too much with it, and the operator itself,
/// stay.
Task<std::vector<Error>> Sync::delete_all(api::DeletionPolicy policy) {
  const bool orphan = policy == api::DeletionPolicy::Orphan;
  std::vector<ObjectRef> staying;
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
  if (!errors.empty()) co_return errors;
  if (orphan)
    log::info("deleted, its objects stay", {{"gitsync", meta_.key()}});
  else if (!names.empty())
    log::info("deleted, these stay", {{"gitsync", meta_.key()}, {"objects", join(names, ", ")}});
  co_return errors;
}

/// Deleted, and not gone: their own finalizers hold them.
void Sync::report_terminating() {
  std::vector<std::string> names;
  for (const auto& ref : desired_.leaving) {
    const auto held = terminating_.find(ref);
    const bool known = held != terminating_.end() && !held->second.empty();
    if (names.size() < most_named) names.push_back(cat(ref.text(), known ? cat(" (finalizers ", held->second, ")") : ""));
  }
  const size_t count = desired_.leaving.size();
  api::mark_waiting(status_.conditions, api::reason::deleting,
                    cat("Waiting until ", count, count == 1 ? " object is gone: " : " objects are gone: ", join(names, ", "),
                        count > names.size() ? ", …" : "", "; deletionPolicy Delete or Orphan ends the wait"),
                    {meta_.generation, std::chrono::system_clock::now()});
  publish(report::Urgency::Soon);
}

Task<bool> Sync::finalize() {
  if (!meta_.has_finalizer(api::finalizer_name)) co_return true;
  retry_wanted_ = false;
  auto policy = spec_ ? spec_->spec.deletion_policy : api::DeletionPolicy::Orphan; // unreadable: keep everything
  if (policy != api::DeletionPolicy::Orphan && meta_.ns == context_.home.ns) {
    const auto uninstalled = co_await is_uninstalled(context_.kube, meta_.ns);
    if (!uninstalled) {
      report_failed({uninstalled.error()}, false);
      co_return false;
    }
    if (*uninstalled) policy = api::DeletionPolicy::Orphan;
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
  for (const auto& ref : desired_.leaving)
    if (auto* object = context_.table.find(ref)) object->unasked = false;
  const auto now = std::chrono::steady_clock::now();
  const bool waits = policy == api::DeletionPolicy::WaitForTermination;
  const bool only_waits =
      waits && now < next_look_ &&
      std::ranges::all_of(desired_.leaving, [this](const ObjectRef& ref) { return terminating_.contains(ref); });
  bool left = !may_act();
  if (const auto* source = spec_ ? context_.source(spec_->source_key()) : nullptr;
      !left && policy != api::DeletionPolicy::Orphan && !desired_.leaving.empty() && source && source->revision() &&
      must_await_peers(source->revision()->commit)) // it may have been renamed: the new one is about to claim its objects
    co_return false;
  if (!left && !only_waits) {
    auto errors = co_await delete_all(policy);
    next_look_ = std::chrono::steady_clock::now() + pause_between_glances;
    if (!errors.empty()) {
      const bool refused = std::ranges::all_of(errors, [](const Error& error) { return error.code == Code::ApiForbidden; });
      const bool nobody = co_await explain(errors);
      if (!refused || !(nobody || policy == api::DeletionPolicy::Orphan)) {
        report_failed(std::move(errors), false);
        co_return false;
      }
      left = true;
    }
  }
  if (left && !desired_.leaving.empty()) { // nothing else would ever end this
    std::vector<std::string> names;
    for (const auto& ref : desired_.leaving)
      if (names.size() < most_named) names.push_back(ref.text());
    const std::string text =
        cat("Left in the cluster as they are, since ",
            facts_->account.empty() ? "no service account is named" : facts_->account + " may not change them", ": ",
            join(names, ", "), desired_.leaving.size() > names.size() ? ", …" : "");
    event(report::EventReason::Failed, text);
    log::warn("objects are left behind", {{"gitsync", meta_.key()}, {"why", text}});
  } else if (waits && !desired_.leaving.empty()) {
    report_terminating();
    retry_wanted_ = true; // the watches tell; a look now and then all the same
    next_attempt_ = next_look_;
    co_return false;
  }
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
