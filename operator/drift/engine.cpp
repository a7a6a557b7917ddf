#include "drift/engine.h"

#include "api/names.h"
#include "api/status.h"
#include "base/json_read.h"
#include "base/log.h"
#include "base/text.h"
#include "object/additions.h"
#include "object/co_owners.h"
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

/// What git wants of the object, as far as it is not left to others.
json desired_of(const ManagedObject& object, const json& live) {
  json out = json::parse(object.body.json(), nullptr, false);
  leave_out(out, live.is_object() ? &live : nullptr, object.sync->manager, object.rules);
  return out;
}

Culprit culprit_of(const ManagedObject& object, const json& live) {
  return live.is_object() ? culprit(live, object.sync->manager, desired_of(object, live)) : Culprit{};
}

/// What others added, as one culprit.
Culprit adder_of(const std::vector<Addition>& additions) {
  Culprit out;
  for (const auto& addition : additions) {
    if (out.manager.empty()) out.manager = addition.manager;
    out.paths.push_back(addition.path);
  }
  return out;
}

Overlooked overlooked(const ManagedObject& object) {
  static const ObjectRules none;
  const ObjectRules& rules = object.rules ? *object.rules : none;
  return {rules.ignored, rules.managers};
}

bool held_still(const ManagedObject& object) { return object.sync->suspended || object.paused; }

bool is_established(const json& crd) {
  const auto& conditions = read_member(read_member(crd, "status"), "conditions");
  return conditions.is_array() && std::ranges::any_of(conditions, [](const json& condition) {
           return read_text(condition, "type") == "Established" && read_text(condition, "status") == "True";
         });
}

} // namespace

DriftEngine::DriftEngine(ObjectTable& table, Applier& applier, const asio::any_io_executor& executor)
    : table_(table), applier_(applier), executor_(executor), corrections_(executor) {}

/// Whether that watch shows the object in the version in which it is applied, or would be if that were served.
bool DriftEngine::is_shown_by(const VersionedKind& kind, const ManagedObject& object) const {
  if (object.ref.group != kind.group || object.ref.kind != kind.kind) return false;
  return object.version == kind.version || !applier_.serves(object.versioned_kind());
}

ManagedObject* DriftEngine::find(const VersionedKind& kind, const ObjectRef& ref) const {
  ManagedObject* object = table_.find(ref);
  return object && is_shown_by(kind, *object) ? object : nullptr;
}

void DriftEngine::kind_restarted(const VersionedKind& kind) {
  for (auto& [ref, object] : table_)
    if (is_shown_by(kind, *object)) object->present = false;
}

/// Most events are echoes of our own writes: those cost their first bytes only.
bool DriftEngine::live_skip(const VersionedKind& kind, const kube::EventHeader& header, std::string_view line) {
  ManagedObject* object = find(kind, {kind.group, kind.kind, header.ns, header.name});
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

void DriftEngine::live_changed(const VersionedKind& kind, json live) {
  const ObjectRef ref = ref_of(kind, live);
  if (const auto it = waiting_established_.find(ref); it != waiting_established_.end() && is_established(live))
    it->second->set();
  if (ManagedObject* object = find(kind, ref)) consider(*object, std::move(live));
}

void DriftEngine::consider(ManagedObject& object, json live) {
  object.present = true;
  auto judgement = judge(object, live);
  if (judgement.verdict != Verdict::Stale && judgement.verdict != Verdict::Park)
    object.co_owned = has_co_owner(live, object.sync->manager);
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
    look_beside(object, live);
    return;
  }
  case Verdict::Modified:
    // Reported, not corrected: another owner of the same value is no difference worth telling.
    if (object.sync->drift == api::DriftMode::Report && holds(desired_of(object, live), live)) {
      object.phase = Phase::Settled;
      if (open_.erase(object.ref)) tell({DriftReport::Outcome::Settled, object.sync, object.ref, {}, {}, 0, false, {}});
      return;
    }
    drifted(object, api::operation::modified, std::move(live));
    return;
  }
}

void DriftEngine::live_deleted(const VersionedKind& kind, json last) {
  if (ManagedObject* object = find(kind, ref_of(kind, last))) consider_gone(*object, last);
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

void DriftEngine::kind_synced(const VersionedKind& kind) {
  std::vector<ManagedObject*> missing;
  for (auto& [ref, object] : table_)
    if (!object->present && is_shown_by(kind, *object)) missing.push_back(object.get());
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
  const bool gone = operation == api::operation::deleted;
  const auto [open, fresh] = open_.try_emplace(object.ref);
  const bool correcting = object.phase == Phase::Drifted && !fresh && object.sync->drift == api::DriftMode::Correct;
  object.phase = Phase::Drifted;
  beside_.erase(object.ref); // told again where it is so afterwards
  // In mode Ignore nobody expects it back.
  if (gone && object.sync->drift == api::DriftMode::Ignore) object.health = health::State::Healthy;
  if (gone && object.sync->drift != api::DriftMode::Ignore && live_) live_(object, json());
  if (held_still(object) || object.sync->drift != api::DriftMode::Correct)
    open->second = {operation, gone ? Culprit{} : culprit_of(object, live)};
  if (object.sync->suspended || object.sync->drift == api::DriftMode::Ignore) {
    if (object.sync->drift == api::DriftMode::Ignore) open_.erase(object.ref);
    return;
  }
  if (object.paused || object.sync->drift == api::DriftMode::Report) {
    if (fresh) tell({DriftReport::Outcome::Detected, object.sync, object.ref, operation, open->second.culprit, 0, false, {}});
    return;
  }
  if (correcting) return; // a correction waits in its back-off already, and applies what is right then
  corrections_.spawn("correct", correct(object.ref, operation, std::move(live), std::chrono::steady_clock::now()));
}

void DriftEngine::look_beside(ManagedObject& object, const json& live) {
  const auto& sync = *object.sync;
  if (sync.undeclared == api::Undeclared::Keep || sync.drift == api::DriftMode::Ignore || sync.suspended ||
      (object.rules && object.rules->once)) {
    beside_.erase(object.ref);
    return;
  }
  const auto found = adder_of(additions(live, sync.manager, overlooked(object)));
  if (found.paths.empty()) {
    if (beside_.erase(object.ref)) tell({DriftReport::Outcome::Beside, object.sync, object.ref, {}, {}, 0, false, {}});
    return;
  }
  if (sync.undeclared == api::Undeclared::Remove && sync.drift == api::DriftMode::Correct && !object.paused) {
    drifted(object, api::operation::extended, live);
    return;
  }
  auto& known = beside_[object.ref];
  if (known.manager == found.manager && known.paths == found.paths) return;
  known = found;
  tell({DriftReport::Outcome::Beside, object.sync, object.ref, api::operation::extended, found, 0, false, {}});
}

/// Moves to us what has to go by the apply that follows: what stands in the place of ours, or whatever was added. False where
/// nothing is to be applied any more. `live` is read anew where it isn't an object.
Task<bool> DriftEngine::claim(ObjectRef ref, std::string_view operation, json& live, Leftovers leftovers, Culprit& who) {
  const bool extended = operation == api::operation::extended;
  for (int tries = 0; tries < tries_to_claim; ++tries) {
    if (!live.is_object()) { // after a pause or a conflict: what was seen is old
      auto fresh = co_await applier_.read(ref);
      if (!fresh) break; // gone, or not to be had: the apply tells
      live = std::move(*fresh);
    }
    ManagedObject* object = table_.find(ref);
    if (!object || object->phase != Phase::Drifted) break;
    std::optional<json> fields;
    if (extended) {
      who = adder_of(additions(live, object->sync->manager, overlooked(*object)));
      fields = claim_additions(live, object->sync->manager, overlooked(*object));
      if (!fields) { // somebody took it away
        object->phase = Phase::Settled;
        co_return false;
      }
    } else {
      const auto known = object->foreign_known ? std::optional(Known{object->foreign, object->empties}) : std::nullopt;
      fields = claim_leftovers(live, object->sync->manager, desired_of(*object, live), known, leftovers);
    }
    if (!fields) break;
    auto claimed = co_await applier_.set_managed_fields(ref, live, *fields);
    if (claimed) break;
    log::debug("leftovers were not claimed", {{"object", ref.text()}, {"error", claimed.error().text()}});
    if (claimed.error().code != Code::ApiConflict) break;
    live = json(); // a controller wrote its status meanwhile
  }
  const auto* object = table_.find(ref);
  co_return object && object->phase == Phase::Drifted;
}

Task<> DriftEngine::correct(ObjectRef ref, std::string_view operation, json live, Instant seen) {
  if (heat_.size() > most_heats) std::erase_if(heat_, [&](const auto& entry) { return entry.second.cold(seen); });
  auto& heat = heat_[ref];
  const auto pause = heat.next(seen);
  const bool fighting = heat.fighting();
  const bool extended = operation == api::operation::extended;
  const auto who_did = [&](const ManagedObject& object) {
    return extended && live.is_object() ? adder_of(additions(live, object.sync->manager, overlooked(object)))
                                        : culprit_of(object, live);
  };
  if (pause.count() > 0) {
    if (const auto* object = table_.find(ref))
      tell({DriftReport::Outcome::Detected, object->sync, ref, operation, who_did(*object), 0, true, {}});
    co_await sleep_for(pause);
    live = json(); // old by now
  }
  auto retry = first_retry;
  auto leftovers = Leftovers::InPlace;
  for (;;) {
    ManagedObject* object = table_.find(ref);
    if (!object || object->phase != Phase::Drifted || held_still(*object) || object->sync->drift != api::DriftMode::Correct) {
      if (object && object->phase != Phase::Drifted) open_.erase(ref);
      co_return;
    }
    const auto sync = object->sync;
    const bool modified = operation != api::operation::deleted;
    Culprit who;
    if (modified && !co_await claim(ref, operation, live, leftovers, who)) {
      if (open_.erase(ref)) tell({DriftReport::Outcome::Settled, sync, ref, {}, {}, 0, false, {}});
      co_return;
    }
    object = table_.find(ref);
    if (!object) co_return;
    if (modified && !extended) who = culprit_of(*object, live);
    const std::string uid_before = object->uid;
    const bool left_to_others = object->rules && object->rules->shapes_body();
    auto outcome = co_await applier_.apply(ref, Priority::Urgent);
    const auto now = std::chrono::steady_clock::now();
    if (outcome) {
      object = table_.find(ref);
      if (!object || object->phase != Phase::Drifted) open_.erase(ref); // Drifted: an event during the write opened it again
      if (object && object->uid != uid_before && recorded_) recorded_(*object);
      if (left_to_others && !outcome->changed && !outcome->created) { // only what is left to others had changed
        tell({DriftReport::Outcome::Settled, sync, ref, {}, {}, 0, false, {}});
        co_return;
      }
      DriftReport report{DriftReport::Outcome::Corrected, sync,     ref, operation, std::move(who),
                         milliseconds_between(seen, now), fighting, {}};
      if (!modified && object && object->uid == uid_before && !uid_before.empty())
        report.operation = api::operation::unlabelled;
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
  beside_.erase(ref);
}

Task<bool> DriftEngine::established(ObjectRef crd, std::chrono::steady_clock::duration limit) {
  auto& event = waiting_established_[crd];
  if (!event) event = std::make_shared<Event>(executor_);
  const auto mine = event;
  const bool is = co_await mine->wait_for(limit);
  waiting_established_.erase(crd);
  co_return is;
}

std::vector<DriftEngine::Difference> DriftEngine::drifted(const SyncFacts& sync) const {
  std::vector<Difference> out;
  for (const auto& [ref, open] : open_)
    if (const auto* object = table_.find(ref); object && object->sync->owner == sync.owner)
      out.push_back({ref, open.operation, open.culprit});
  return out;
}

size_t DriftEngine::count_drifted(const SyncFacts& sync) const {
  return static_cast<size_t>(std::ranges::count_if(open_, [&](const auto& entry) {
    const auto* object = table_.find(entry.first);
    return object && object->sync->owner == sync.owner;
  }));
}

std::vector<DriftEngine::Difference> DriftEngine::extended(const SyncFacts& sync) const {
  std::vector<Difference> out;
  for (const auto& [ref, who] : beside_)
    if (const auto* object = table_.find(ref); object && object->sync->owner == sync.owner)
      out.push_back({ref, api::operation::extended, who});
  return out;
}

void DriftEngine::mode_changed(const std::shared_ptr<const SyncFacts>& sync) {
  if (sync->suspended) return;
  for (auto& [ref, object] : table_) {
    if (object->sync != sync) continue;
    if (sync->undeclared == api::Undeclared::Keep) beside_.erase(ref);
    if (!object->paused) resume(*object);
  }
}

void DriftEngine::resume(ManagedObject& object) {
  if (object.phase != Phase::Drifted) return;
  open_.erase(object.ref);
  // Counted anew under the new mode; the live state isn't kept, so what is there is found by applying (or by the next event).
  if (object.sync->drift == api::DriftMode::Correct) drifted(object, api::operation::modified, json());
}

} // namespace gitsync
