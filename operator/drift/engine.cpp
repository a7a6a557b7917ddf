#include "drift/engine.h"

#include "api/names.h"
#include "api/status.h"
#include "base/json_read.h"
#include "base/log.h"
#include "base/text.h"
#include "object/resource_version.h"

namespace gitsync {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds first_retry{1'000}, longest_retry{300'000};
constexpr size_t most_heats = 10'000;
constexpr int tries_to_claim = 4;

ObjectRef ref_of(const GroupKind& kind, const json& object) {
  const auto& metadata = read_member(object, "metadata");
  if (!metadata.is_object()) return {};
  return {kind.group, kind.kind, read_text(metadata, "namespace"), read_text(metadata, "name")};
}

bool is_established(const json& crd) {
  const auto& conditions = read_member(read_member(crd, "status"), "conditions");
  return conditions.is_array() && std::ranges::any_of(conditions, [](const json& condition) {
           return read_text(condition, "type") == "Established" && read_text(condition, "status") == "True";
         });
}

} // namespace

DriftEngine::DriftEngine(ObjectTable& table, Applier& applier, const asio::any_io_executor& executor)
    : table_(table), applier_(applier), executor_(executor), corrections_(executor) {}

void DriftEngine::kind_restarted(const GroupKind& kind) {
  for (auto& [ref, object] : table_)
    if (ref.group == kind.group && ref.kind == kind.kind) object->present = false;
}

/// Most events are echoes of our own writes: those cost their first bytes only.
bool DriftEngine::live_skip(const GroupKind& kind, const kube::EventHeader& header, std::string_view line) {
  ManagedObject* object = table_.find({kind.group, kind.kind, header.ns, header.name});
  const uint64_t version = header.version_number();
  if (!object || version == 0 || kind.kind == "CustomResourceDefinition") return false;
  if (object->phase == Phase::Applying) {
    parked_[object->ref] = {{}, false, std::string(line), version}; // read after the answer, if it is news then
    object->present = true;
    return true;
  }
  if (object->phase == Phase::Unseen || version > object->resource_version) return false;
  object->present = true;
  return true;
}

void DriftEngine::live_changed(const GroupKind& kind, json live) {
  const ObjectRef ref = ref_of(kind, live);
  if (const auto it = waiting_established_.find(ref); it != waiting_established_.end() && is_established(live))
    it->second->set();
  if (ManagedObject* object = table_.find(ref)) consider(*object, std::move(live));
}

void DriftEngine::consider(ManagedObject& object, json live) {
  object.present = true;
  auto judgement = judge(object, live);
  const bool was_unseen = object.phase == Phase::Unseen;
  // The watch sees with the operator's eyes. Only who may write an object can have given it our label: of any other one under a
  // name that was declared nothing is told.
  const bool labelled =
      read_text(read_member(read_member(live, "metadata"), "labels"), api::owner_label_key) == object.sync->label;
  if (labelled && judgement.verdict != Verdict::Stale && judgement.verdict != Verdict::Park && live_) live_(object, live);
  // About to be pruned, and another GitSync's by now: then it is no longer ours to delete.
  if (object.phase == Phase::Removing && !labelled) {
    if (pruned_) pruned_(object.ref);
    return;
  }
  switch (judgement.verdict) {
  case Verdict::Stale:
  case Verdict::Ignore: return;
  case Verdict::Park: parked_[object.ref] = {std::move(live), false, {}, 0}; return;
  case Verdict::Deleting:
    object.phase = Phase::Deleting; // the DELETED event brings it back
    return;
  case Verdict::Unapplied:
    object.phase = Phase::Pending;
    if (was_unseen && unapplied_) unapplied_(object);
    return;
  case Verdict::Settled: {
    object.foreign = std::move(judgement.mine->foreign);
    object.foreign_known = true;
    object.resource_version = version_of(live);
    object.phase = Phase::Settled;
    const std::string uid = read_text(live["metadata"], "uid");
    if (uid != object.uid) {
      object.uid = uid;
      object.created = false; // somebody else made this one
      if (recorded_) recorded_(object);
    }
    if (open_.erase(object.ref)) tell({DriftReport::Outcome::Settled, object.sync, object.ref, {}, {}, 0, false, {}});
    return;
  }
  case Verdict::Modified:
    // Reported, not corrected: another owner of the same value is no difference worth telling.
    if (object.sync->drift == api::DriftMode::Report && holds(json::parse(object.body.json(), nullptr, false), live)) {
      object.phase = Phase::Settled;
      if (open_.erase(object.ref)) tell({DriftReport::Outcome::Settled, object.sync, object.ref, {}, {}, 0, false, {}});
      return;
    }
    drifted(object, api::operation::modified, std::move(live));
    return;
  }
}

void DriftEngine::live_deleted(const GroupKind& kind, json last) {
  if (ManagedObject* object = table_.find(ref_of(kind, last))) consider_gone(*object, last);
}

void DriftEngine::consider_gone(ManagedObject& object, const json& last) {
  switch (judge_absence(object, last)) {
  case Absence::Stale: return;
  case Absence::Park: parked_[object.ref] = {last, true, {}, 0}; return;
  case Absence::Pruned:
    object.present = false;
    if (pruned_) pruned_(object.ref);
    return;
  case Absence::Gone:
    object.present = false;
    if (object.phase == Phase::Pending) return; // about to be applied
    drifted(object, api::operation::deleted, last);
    return;
  }
}

void DriftEngine::kind_synced(const GroupKind& kind) {
  std::vector<ManagedObject*> missing;
  for (auto& [ref, object] : table_)
    if (ref.group == kind.group && ref.kind == kind.kind && !object->present) missing.push_back(object.get());
  for (ManagedObject* object : missing) {
    switch (object->phase) {
    case Phase::Pending:
    case Phase::Applying: break; // the apply comes, or its answer tells
    case Phase::Removing:
      if (pruned_) pruned_(object->ref);
      break;
    case Phase::Unseen:
      if (object->applied != object->content) {
        object->phase = Phase::Pending;
        if (unapplied_) unapplied_(*object);
        break;
      }
      [[fallthrough]];
    case Phase::Settled:
    case Phase::Drifted:
    case Phase::Deleting: drifted(*object, api::operation::deleted, json()); break;
    }
  }
}

void DriftEngine::drifted(ManagedObject& object, std::string_view operation, json live) {
  const bool again = !open_.insert(object.ref).second;
  const bool correcting = object.phase == Phase::Drifted && again && object.sync->drift == api::DriftMode::Correct;
  object.phase = Phase::Drifted;
  // In mode Ignore nobody expects it back.
  if (operation == api::operation::deleted && object.sync->drift == api::DriftMode::Ignore)
    object.health = health::State::Healthy;
  if (operation == api::operation::deleted && object.sync->drift != api::DriftMode::Ignore && live_) live_(object, json());
  if (object.sync->suspended || object.sync->drift == api::DriftMode::Ignore) {
    if (object.sync->drift == api::DriftMode::Ignore) open_.erase(object.ref);
    return;
  }
  if (object.sync->drift == api::DriftMode::Report) {
    if (again) return;
    DriftReport report{DriftReport::Outcome::Detected, object.sync, object.ref, operation, {}, 0, false, {}};
    if (operation == api::operation::modified)
      report.culprit = culprit(live, object.sync->manager, json::parse(object.body.json(), nullptr, false));
    tell(std::move(report));
    return;
  }
  if (correcting) return; // a correction waits in its back-off already, and applies what is right then
  corrections_.spawn("correct", correct(object.ref, operation, std::move(live), std::chrono::steady_clock::now()));
}

Task<> DriftEngine::correct(ObjectRef ref, std::string_view operation, json live, Instant seen) {
  if (heat_.size() > most_heats) std::erase_if(heat_, [&](const auto& entry) { return entry.second.cold(seen); });
  auto& heat = heat_[ref];
  const auto pause = heat.next(seen);
  const bool fighting = heat.fighting();
  if (pause.count() > 0) {
    if (const auto* object = table_.find(ref)) {
      tell({DriftReport::Outcome::Detected,
            object->sync,
            ref,
            operation,
            live.is_object() ? culprit(live, object->sync->manager, json::parse(object->body.json(), nullptr, false))
                             : Culprit{},
            0,
            true,
            {}});
    }
    co_await sleep_for(pause);
    live = json(); // old by now
  }
  auto retry = first_retry;
  auto leftovers = Leftovers::InPlace;
  for (;;) {
    ManagedObject* object = table_.find(ref);
    if (!object || object->phase != Phase::Drifted || object->sync->suspended ||
        object->sync->drift != api::DriftMode::Correct) {
      if (object && object->phase != Phase::Drifted) open_.erase(ref);
      co_return;
    }
    const auto sync = object->sync;
    json desired;
    const bool modified = operation == api::operation::modified;
    if (modified) {
      desired = json::parse(object->body.json(), nullptr, false);
      for (int tries = 0; tries < tries_to_claim; ++tries) {
        if (!live.is_object()) { // after a pause or a conflict: what was seen is old
          auto fresh = co_await applier_.read(ref);
          if (!fresh) break; // gone, or not to be had: the apply tells
          live = std::move(*fresh);
        }
        object = table_.find(ref);
        if (!object || object->phase != Phase::Drifted) break;
        const auto known = object->foreign_known ? std::optional(Known{object->foreign, object->empties}) : std::nullopt;
        const auto fields = claim_leftovers(live, sync->manager, desired, known, leftovers);
        if (!fields) break;
        auto claimed = co_await applier_.set_managed_fields(ref, live, *fields);
        if (claimed) break;
        log::debug("leftovers were not claimed", {{"object", ref.text()}, {"error", claimed.error().text()}});
        if (claimed.error().code != Code::ApiConflict) break;
        live = json(); // a controller wrote its status meanwhile
      }
      object = table_.find(ref);
      if (!object || object->phase != Phase::Drifted) {
        open_.erase(ref);
        co_return;
      }
    }
    const std::string uid_before = object->uid;
    auto outcome = co_await applier_.apply(ref, Priority::Urgent);
    const auto now = std::chrono::steady_clock::now();
    if (outcome) {
      object = table_.find(ref);
      if (!object || object->phase != Phase::Drifted) open_.erase(ref); // Drifted: an event during the write opened it again
      DriftReport report{DriftReport::Outcome::Corrected, sync,     ref, operation, {},
                         milliseconds_between(seen, now), fighting, {}};
      if (operation == api::operation::deleted && object && object->uid == uid_before && !uid_before.empty())
        report.operation = api::operation::unlabelled;
      if (modified && live.is_object()) report.culprit = culprit(live, sync->manager, desired);
      if (object && object->uid != uid_before && recorded_) recorded_(*object);
      tell(std::move(report));
      co_return;
    }
    if (outcome.error().code == Code::Cancelled) co_return;
    if (outcome.error().code == Code::ApiInvalid && modified &&
        std::exchange(leftovers, Leftovers::Refused) == Leftovers::InPlace) {
      live = json();
      continue; // at once: what they hold beside ours may be what makes it invalid
    }
    tell({DriftReport::Outcome::Failed,
          sync,
          ref,
          operation,
          {},
          milliseconds_between(seen, now),
          fighting,
          outcome.error().text()});
    // Whatever the reason: the world may change (a webhook heals, a namespace is gone at last), and giving up would leave the
    // drift.
    co_await sleep_for(std::max<std::chrono::steady_clock::duration>(retry, outcome.error().after));
    retry = std::min(retry * 2, longest_retry);
    live = json();
  }
}

void DriftEngine::applied(ManagedObject& object) {
  const auto it = parked_.find(object.ref);
  if (it == parked_.end()) return;
  Parked parked = std::move(it->second);
  parked_.erase(it);
  if (!parked.line.empty()) {
    if (parked.version <= object.resource_version) return; // the echo of the write that was just answered
    const json event = json::parse(parked.line, nullptr, false);
    if (!event.is_object() || !event.contains("object")) return;
    parked.object = event["object"];
  }
  if (parked.deleted)
    consider_gone(object, parked.object);
  else
    consider(object, std::move(parked.object));
}

void DriftEngine::forget(const ObjectRef& ref) {
  parked_.erase(ref);
  heat_.erase(ref);
  open_.erase(ref);
}

Task<bool> DriftEngine::established(ObjectRef crd, std::chrono::steady_clock::duration limit) {
  auto& event = waiting_established_[crd];
  if (!event) event = std::make_shared<Event>(executor_);
  const auto mine = event;
  const bool is = co_await mine->wait_for(limit);
  waiting_established_.erase(crd);
  co_return is;
}

std::vector<ObjectRef> DriftEngine::drifted(const SyncFacts& sync) const {
  std::vector<ObjectRef> out;
  std::ranges::copy_if(open_, std::back_inserter(out), [&](const ObjectRef& ref) {
    const auto* object = table_.find(ref);
    return object && object->sync->owner == sync.owner;
  });
  return out;
}

void DriftEngine::mode_changed(const std::shared_ptr<const SyncFacts>& sync) {
  if (sync->suspended) return;
  for (auto& [ref, object] : table_) {
    if (object->sync != sync || object->phase != Phase::Drifted) continue;
    open_.erase(ref);
    // Counted anew under the new mode; the live state isn't kept, so what is there is found by applying (or by the next event).
    if (sync->drift == api::DriftMode::Correct) drifted(*object, api::operation::modified, json());
  }
}

} // namespace gitsync
