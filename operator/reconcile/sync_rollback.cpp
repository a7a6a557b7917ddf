// A revision that is not healthy in time → back to the last healthy one, and never to and fro.
//
// What has to be known for it is stored before the revision's first write, the decision before its own: a crash at any moment
// ends in one of the two states, and git is not needed.
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "reconcile/sync.h"

namespace gitsync::reconcile {

bool Sync::rollback_wanted() const { return spec_ && spec_->spec.rollback && spec_->spec.health_wait; }

/// The set that is applied is healthy: from now on it is what a rollback goes back to.
void Sync::mark_healthy() {
  if (!rollback_wanted()) return;
  HealthySet::Identity identity{desired_.revision, desired_.commit, desired_.tree, desired_.spec_key};
  if (healthy_set_.changes().empty() && healthy_set_.identity().tree == identity.tree &&
      healthy_set_.identity().spec_key == identity.spec_key && healthy_set_.known())
    return; // a commit that touched nothing of ours
  healthy_set_.renew(identity);
  inventory_.healthy = std::move(identity);
  inventory_.healthy_chunks = 0;
  wake_.set(); // to store it
}

/// Before a plan is adopted: how things are now becomes durable, where they are what is healthy.
Task<Result<>> Sync::remember(const Plan& plan) {
  if (!rollback_wanted()) {
    if (healthy_set_.known()) { // switched off: what was kept would be wrong when it is switched on again
      healthy_set_ = {};
      inventory_.healthy = {};
      inventory_.healthy_chunks = 0;
    }
    co_return Result<>{};
  }
  if (!healthy_set_.remember(plan, context_.table)) co_return Result<>{};
  std::vector<InventoryRecord> records;
  size_t bytes = 0;
  for (const auto& [ref, before] : healthy_set_.changes()) {
    InventoryRecord record;
    record.ref = ref;
    record.leaving = !before;
    if (before) {
      record.version = before->version;
      record.at = before->at;
      record.body = before->body.json();
      bytes += record.body.size();
    }
    records.push_back(std::move(record));
  }
  const unsigned chunks = chunks_for(bytes);
  for (unsigned i = 0; i < chunks; ++i) {
    std::vector<InventoryRecord> part;
    for (const auto& record : records)
      if (chunk_of(record.ref, chunks) == i) part.push_back(record);
    if (auto saved = co_await store_.save_healthy(chunks, i, part); !saved) co_return saved;
  }
  auto meta = stored_;
  meta.salt = inventory_.salt;
  meta.healthy = healthy_set_.identity();
  const unsigned before = std::exchange(meta.healthy_chunks, chunks);
  if (auto saved = co_await store_.save_meta(meta); !saved) co_return saved;
  stored_ = meta;
  inventory_.healthy = meta.healthy;
  inventory_.healthy_chunks = chunks;
  if (before != 0 && before != chunks) co_await store_.drop_healthy(before);
  co_return Result<>{};
}

/// What was stored of the last healthy revision.
Task<Result<>> Sync::load_healthy() {
  healthy_set_ = {};
  HealthySet::Changes changes;
  auto loaded = co_await store_.load_healthy(inventory_.healthy_chunks, [&](InventoryRecord record) {
    std::optional<Fallback> before;
    if (!record.leaving) {
      const auto content = content_of(facts_->salt, record.body, rules_again(record.ref, record.body, ignore_rules()));
      before = Fallback{std::move(record.version), std::move(record.at), Body(std::move(record.body)), content};
    }
    changes.emplace(std::move(record.ref), std::move(before));
  });
  if (!loaded) co_return loaded;
  healthy_set_.restore(inventory_.healthy, std::move(changes));
  if (inventory_.rolling_back) rollback_due_ = inventory_.quarantine.why;
  co_return Result<>{};
}

/// The revision that is applied, or being applied, has failed for the reason given.
void Sync::failed_revision(std::string why) {
  if (!rollback_wanted() || !healthy_set_.known() || rollback_due_) return;
  if (healthy_set_.changes().empty() || inventory_.rolling_back) return; // it is the healthy one
  rollback_due_ = std::move(why);
  wake_.set();
}

bool Sync::quarantined(const std::string& commit, const std::string& tree, const std::string& spec_key) const {
  const auto& bad = inventory_.quarantine;
  return !bad.commit.empty() && bad.spec_key == spec_key && (bad.commit == commit || (!tree.empty() && bad.tree == tree));
}

void Sync::adopt_rollback(Rollback rollback) {
  const auto leave_file = [&](const ManagedObject& object) {
    const auto it = desired_.files.find(object.at.file);
    if (it == desired_.files.end()) return;
    std::erase(it->second, object.ref);
    if (it->second.empty()) desired_.files.erase(it);
  };
  for (auto& prepared : rollback.restore) {
    auto& object = context_.table.get(prepared.ref, facts_);
    if (object.phase != Phase::Removing && !object.content.empty()) {
      leave_file(object);
      desired_.toggle(object.ref, object.content);
    }
    const std::string body = prepared.body.json();
    object.rules = rules_again(object.ref, body, ignore_rules());
    prepared.content = content_of(facts_->salt, body, object.rules); // by the rules of now
    desired_.toggle(object.ref, prepared.content);
    object.at = std::move(prepared.at);
    object.version = std::move(prepared.version);
    object.body = std::move(prepared.body);
    object.content = prepared.content;
    object.order = std::move(prepared.order);
    if (object.order)
      desired_.ordered.insert(object.ref);
    else
      desired_.ordered.erase(object.ref);
    if (object.phase != Phase::Applying) object.phase = Phase::Pending;
    desired_.leaving.erase(object.ref);
    desired_.files[object.at.file].push_back(object.ref);
    touch(object.ref);
  }
  const auto leave = [&](const ObjectRef& ref) {
    if (auto* object = context_.table.find(ref)) {
      leave_file(*object);
      if (object->phase != Phase::Removing) desired_.toggle(ref, object->content);
      object->phase = Phase::Removing;
      object->unasked = !spec_->spec.prune;
      desired_.leaving.insert(ref);
    }
    health_.erase(ref);
    inquiries_.forget(ref);
    desired_.ordered.erase(ref);
    context_.drift.forget(ref);
    touch(ref);
  };
  for (const auto& ref : rollback.prune) leave(ref);
  for (const auto& ref : rollback.release) leave(ref);
  const auto& healthy = healthy_set_.identity();
  desired_.revision = healthy.revision;
  desired_.commit = healthy.commit;
  desired_.tree = {}; // what was kept may stand in none of its files: the next revision is read whole
  desired_.spec_key = healthy.spec_key;
}

/// A newer commit that touches the path goes ahead of a rollback under way, which may never end: what the API server has come
/// to refuse it refuses for ever. True where the commit was adopted.
Task<bool> Sync::overtake() {
  const auto* source = context_.source(spec_->source_key());
  if (!source || !source->revision() || std::chrono::steady_clock::now() < next_attempt_) co_return false;
  const auto revision = *source->revision();
  if (accepted(revision) || is_quarantined(revision) || refused_commit_ == revision.commit) co_return false;
  desired_.tree.clear(); // what was put back so far is no tree of git's: read whole
  co_await attempt(revision);
  co_return !inventory_.rolling_back;
}

Task<> Sync::roll_back() {
  const auto started = std::chrono::steady_clock::now();
  if (!inventory_.rolling_back) {
    // The decision first: whatever happens from here on, the next start goes on with it.
    auto meta = stored_;
    meta.quarantine = {desired_.revision, desired_.commit, desired_.tree, desired_.spec_key, redact(*rollback_due_)};
    meta.rolling_back = true;
    meta.under_way = {};
    if (auto saved = co_await store_.save_meta(meta); !saved) {
      report_failed({std::move(saved.error())}, false);
      co_return;
    }
    stored_ = meta;
    inventory_.quarantine = meta.quarantine;
    inventory_.rolling_back = true;
    inventory_.under_way = {};
    log::warn("rolling back", {{"gitsync", meta_.key()},
                               {"from", desired_.revision},
                               {"to", healthy_set_.identity().revision},
                               {"why", *rollback_due_}});
  }
  auto rollback = make_rollback(
      healthy_set_,
      [this](const ObjectRef& ref) {
        const auto* object = context_.table.find(ref);
        if (!object || (object->sync == facts_ && object->phase == Phase::Removing)) return Standing::Absent;
        return object->sync == facts_ ? Standing::Declared : Standing::Others;
      },
      [this](const ObjectRef& ref) {
        const auto* object = context_.table.find(ref);
        return !object || object->created;
      });
  std::vector<std::string> kept;
  for (const auto& ref : rollback.kept) kept.push_back(ref.text());
  std::vector<std::string> left;
  for (const auto& ref : rollback.release)
    if (context_.table.find(ref)) left.push_back(ref.text());
  std::vector<ObjectRef> created;
  for (const auto& object : rollback.restore)
    if (!context_.table.find(object.ref)) created.push_back(object.ref);
  if (!created.empty())
    if (auto announced = co_await announce(std::move(created)); !announced) {
      report_failed({std::move(announced.error())}, false);
      co_return;
    }
  const auto taken_over = rollback.release;
  const size_t changed = rollback.restore.size() + rollback.prune.size() + taken_over.size();
  adopt_rollback(std::move(rollback));
  auto applied = co_await apply_pending();
  auto errors = std::move(applied.errors);
  blocked_ = errors.empty() && applied.waiting > 0;
  if (blocked_) {
    report_rolled_back();
    co_return; // health wakes the next step, which goes on
  }
  if (errors.empty()) errors = co_await release_all(taken_over);
  if (errors.empty() && leaving_now() && spec_->spec.prune) {
    if (auto saved = co_await save_records(); !saved)
      errors.push_back(std::move(saved.error()));
    else
      errors = co_await prune();
  }
  if (errors.empty()) {
    inventory_.rolling_back = false;
    inventory_.healthy_chunks = 0;
    if (auto saved = co_await save(); !saved) {
      inventory_.rolling_back = true;
      errors.push_back(std::move(saved.error()));
    }
  }
  if (!errors.empty()) {
    co_await explain(errors);
    report_failed(std::move(errors), false);
    co_return;
  }
  healthy_set_.renew(healthy_set_.identity());
  rollback_due_.reset();
  if (newer_revision()) { // one that was refused while this went on is told again
    refused_commit_.clear();
    wake_.set();
  }
  adopted_since_ = {};
  ill_since_ = {};
  const auto wall = std::chrono::system_clock::now();
  api::note_outcome(status_.history, inventory_.quarantine.revision, api::outcome::rolled_back);
  api::note_revision(status_.history, {desired_.revision, desired_.digest.hex(), wall, std::string(api::outcome::restored),
                                       static_cast<int64_t>(desired_.objects())});
  if (gated_) { // what waits is another plan now
    refused_commit_.clear();
    wake_.set();
  }
  report_rolled_back();
  context_.reporter.metrics.rolled_back(meta_.ns, meta_.name);
  event(report::EventReason::RolledBack,
        cat(inventory_.quarantine.why, "; rolled back from ", api::short_revision(inventory_.quarantine.revision), " to ",
            api::short_revision(desired_.revision), kept.empty() ? "" : "; not undone: ", join(kept, ", "),
            left.empty() ? "" : "; taken over by it, left as they are: ", join(left, ", ")));
  log::info("rolled back",
            {{"gitsync", meta_.key()},
             {"revision", desired_.revision},
             {"objects", changed},
             {"milliseconds", static_cast<int64_t>(milliseconds_between(started, std::chrono::steady_clock::now()))}});
}

/// Ready is False as long as git wants what has failed.
void Sync::report_rolled_back() {
  const auto& bad = inventory_.quarantine;
  failures_ = 0;
  status_.last_attempted_revision = bad.revision;
  status_.last_applied_revision = status_.last_healthy_revision = healthy_set_.identity().revision;
  status_.errors.clear();
  std::string text = cat(bad.why, inventory_.rolling_back ? "; rolling back to " : "; rolled back to ",
                         api::short_revision(healthy_set_.identity().revision));
  api::mark_not_ready(status_.conditions, api::reason::rolled_back, text, {meta_.generation, std::chrono::system_clock::now()});
  verdict(); // the column HEALTH
  publish(report::Urgency::Soon);
}

} // namespace gitsync::reconcile
