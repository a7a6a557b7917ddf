// The inventory follows what happened: union before creating, shrunk only after a confirmed deletion.
#include "reconcile/sync.h"
#include "runtime/parallel.h"

namespace gitsync::reconcile {
namespace {
constexpr size_t writes_at_once = 4;

InventoryRecord record_of(const ManagedObject& object, const OwnHome& home) {
  InventoryRecord out{object.ref,   object.version, object.at,      object.uid, object.applied,
                      object.owned, object.foreign, object.empties, {}};
  out.leaving = object.phase == Phase::Removing;
  out.created = object.created;
  out.unasked = object.unasked;
  out.given_up = out.leaving && object.rules && object.rules->keep;
  // Of what leaves the body is needed no more, but to know the operator's own.
  if (!out.leaving || is_own_branch(object, home)) out.body = object.body.json();
  return out;
}
} // namespace

void Sync::touch(const ObjectRef& ref) {
  if (chunks_.empty()) return; // save() lays the chunks out anew
  const unsigned index = chunk_of(ref, inventory_.chunks);
  if (const auto* object = context_.table.find(ref); object && object->sync == facts_) chunks_[index].insert(ref);
  dirty_.insert(index);
}

void Sync::recorded(const ManagedObject& object) {
  touch(object.ref);
  wake_.set();
}

Task<Result<>> Sync::announce(std::vector<ObjectRef> created) {
  auto meta = stored_;
  meta.salt = inventory_.salt;
  std::set<ObjectRef> all(meta.pending.begin(), meta.pending.end());
  all.insert(created.begin(), created.end());
  meta.pending.assign(all.begin(), all.end());
  auto saved = co_await store_.save_meta(meta);
  if (!saved) co_return saved;
  stored_ = meta;
  inventory_.pending = meta.pending;
  co_return Result<>{};
}

/// What was let through is in the cluster. Asked when nothing is pending.
bool Sync::carried_out() const {
  return desired_.tree == inventory_.under_way.tree && desired_.spec_key == inventory_.under_way.spec_key &&
         (!leaving_now() || !spec_ || !spec_->spec.prune);
}

bool Sync::unsaved() const {
  if (inventory_.healthy != stored_.healthy || inventory_.healthy_chunks != stored_.healthy_chunks ||
      inventory_.quarantine != stored_.quarantine)
    return true;
  if (!dirty_.empty() || (chunks_.empty() && desired_.objects() > 0)) return true;
  return pending().empty() && (!stored_.pending.empty() || (!stored_.under_way.tree.empty() && carried_out()) ||
                               desired_.tree != stored_.tree || desired_.spec_key != stored_.spec_key);
}

/// The chunks that changed. Where their number changes, the head follows at once, since it names them.
Task<Result<>> Sync::save_records() {
  size_t bytes = 0;
  for (const auto& [file, refs] : desired_.files) {
    for (const auto& ref : refs)
      if (const auto* object = context_.table.find(ref)) bytes += object->body.size() + 200;
  }
  const unsigned wanted = chunks_for(bytes);
  const unsigned before = stored_.chunks;
  if (chunks_.empty() || wanted > inventory_.chunks || wanted * 8 < inventory_.chunks) {
    inventory_.chunks = wanted;
    chunks_.assign(wanted, {});
    for (const auto& [file, refs] : desired_.files)
      for (const auto& ref : refs) chunks_[chunk_of(ref, wanted)].insert(ref);
    for (const auto& ref : desired_.leaving) chunks_[chunk_of(ref, wanted)].insert(ref);
    for (unsigned i = 0; i < wanted; ++i) dirty_.insert(i);
  }
  const std::vector<unsigned> indices(dirty_.begin(), dirty_.end());
  dirty_.clear(); // what changes while these are written is dirty again
  Result<> result;
  co_await parallel_for(indices.size(), writes_at_once, [&](size_t i) -> Task<> {
    std::vector<InventoryRecord> records;
    for (const auto& ref : chunks_[indices[i]])
      if (const auto* object = context_.table.find(ref); object && object->sync == facts_)
        records.push_back(record_of(*object, context_.home));
    auto saved = co_await store_.save_chunk(inventory_.chunks, indices[i], records);
    if (saved) co_return;
    dirty_.insert(indices[i]);
    result = saved;
  });
  if (!result || inventory_.chunks == stored_.chunks) co_return result;
  auto meta = stored_;
  meta.salt = inventory_.salt;
  meta.chunks = inventory_.chunks;
  if (auto saved = co_await store_.save_meta(meta); !saved) {
    dirty_.insert(0);
    co_return saved;
  }
  stored_ = std::move(meta);
  if (before != 0) co_await store_.drop_chunks(before);
  co_return result;
}

Task<Result<>> Sync::save() {
  if (auto saved = co_await save_records(); !saved) co_return saved;
  auto meta = inventory_;
  // The revision counts as carried out only when nothing of it waits: otherwise a restart reads it again.
  if (pending().empty()) {
    meta.revision = desired_.revision;
    meta.commit = desired_.commit;
    meta.tree = desired_.tree;
    meta.spec_key = desired_.spec_key;
    meta.pending.clear();
    if (carried_out()) meta.under_way = {};
  }
  const unsigned healthy_before = stored_.healthy_chunks;
  if (meta != stored_) {
    auto saved = co_await store_.save_meta(meta);
    if (!saved) {
      dirty_.insert(0);
      co_return saved;
    }
  }
  inventory_ = stored_ = meta;
  if (healthy_before != 0 && healthy_before != meta.healthy_chunks) co_await store_.drop_healthy(healthy_before);
  co_return Result<>{};
}

} // namespace gitsync::reconcile
