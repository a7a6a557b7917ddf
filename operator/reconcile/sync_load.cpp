// What was remembered: the inventory of an earlier process, so that drift is seen at once, also while git is away.
#include "api/names.h"
#include "base/log.h"
#include "base/text.h"
#include "reconcile/sync.h"

namespace gitsync::reconcile {

void Sync::restore(InventoryRecord record) {
  ManagedObject* known = context_.table.find(record.ref);
  if (known && known->sync != facts_ && known->uid.empty() && !record.uid.empty()) {
    context_.dispossess(record.ref); // who never had it
    known = context_.table.find(record.ref);
  }
  if (known && known->sync != facts_) {
    log::warn("an object stands in two inventories; the first keeps it",
              {{"object", record.ref.text()}, {"gitsync", meta_.key()}, {"first", known->sync->owner}});
    return;
  }
  auto& object = context_.table.get(record.ref, facts_);
  object.version = std::move(record.version);
  object.at = std::move(record.at);
  object.uid = std::move(record.uid);
  object.owned = record.owned;
  object.applied = record.applied;
  object.foreign = std::move(record.foreign);
  object.foreign_known = !record.leaving;
  object.empties = std::move(record.empties);
  object.created = record.created;
  object.unasked = record.unasked || (record.leaving && spec_ && !spec_->spec.prune);
  if (record.leaving) {
    if (!record.body.empty()) object.body = Body(std::move(record.body));
    object.phase = Phase::Removing;
    if (record.given_up) object.rules = given_up_rules();
    desired_.leaving.insert(object.ref);
  } else {
    object.rules = rules_again(object.ref, record.body, ignore_rules());
    object.content = content_of(facts_->salt, record.body, object.rules);
    if (record.body.find(wave_annotation) != std::string::npos || record.body.find(depends_on_annotation) != std::string::npos)
      if (auto hints = order_hints(nlohmann::json::parse(record.body, nullptr, false)); hints && !hints->empty()) {
        object.order = std::make_shared<const OrderHints>(std::move(*hints));
        desired_.ordered.insert(object.ref);
      }
    desired_.toggle(object.ref, object.content);
    object.body = Body(std::move(record.body));
    object.phase = Phase::Unseen;
    desired_.files[object.at.file].push_back(object.ref);
  }
  chunks_[chunk_of(object.ref, inventory_.chunks)].insert(object.ref);
}

Task<bool> Sync::load() {
  auto meta = co_await store_.load_meta();
  if (meta && meta->chunks > 0) {
    inventory_ = stored_ = *meta;
    facts_->salt = inventory_.salt;
    chunks_.assign(inventory_.chunks, {});
    desired_ = {};
    health_.clear();
    inquiries_.clear();
    seen_ = false;
    auto records = co_await store_.load_records(inventory_, [this](InventoryRecord record) { restore(std::move(record)); });
    if (!records) meta = std::unexpected(records.error());
    if (records)
      if (auto healthy = co_await load_healthy(); !healthy) meta = std::unexpected(healthy.error());
  }
  if (!meta) {
    report_failed(
        {wrap(meta.error(), cat("GitSync ", meta_.key(), ": nothing is applied or pruned before its inventory can be read"))
             .error()},
        false);
    for (auto it = desired_.files.begin(); it != desired_.files.end(); ++it)
      for (const auto& ref : it->second) context_.table.erase(ref);
    for (const auto& ref : desired_.leaving) context_.table.erase(ref);
    desired_ = {};
    co_return false;
  }
  if (meta->chunks == 0) {
    inventory_ = {};
    inventory_.salt = meta->salt.empty() ? random_bytes(16) : meta->salt;
    inventory_.pending = meta->pending;
    facts_->salt = inventory_.salt;
  }
  // Objects that an earlier process was about to create: perhaps it did. The next plan declares them again or prunes them.
  for (const auto& ref : inventory_.pending) {
    if (context_.table.find(ref)) continue;
    auto& object = context_.table.get(ref, facts_);
    object.phase = Phase::Removing;
    desired_.leaving.insert(ref);
  }
  desired_.revision = inventory_.revision;
  desired_.commit = inventory_.commit;
  desired_.tree = inventory_.tree;
  desired_.spec_key = inventory_.spec_key;
  // Before anything is seen or corrected: what is paused stays as it is.
  if (context_.discovery.map().find_plural(api::api_group, api::pause_plural)) // not where the definition is an older one
    co_await context_.pauses.known(std::chrono::seconds(10));
  for (const auto& pause : context_.pauses.of(facts_->owner))
    if (auto* object = context_.table.find(pause.object); object && object->sync == facts_) object->paused = true;
  for (const auto& kind : kinds()) co_await context_.watches.require(kind, std::chrono::seconds(10));
  loaded_ = true;
  pauses_changed();
  untold_ = desired_.revision != status_.last_applied_revision;
  failures_ = 0;
  context_.reporter.metrics.set_objects(meta_.ns, meta_.name, desired_.objects());
  co_return true;
}

} // namespace gitsync::reconcile
