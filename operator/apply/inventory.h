// What is remembered of a GitSync's objects across restarts: the codec. Pure.
//
// Kept in Secrets (rendered manifests may hold secrets) beside the GitSync: one "meta", and the records in chunks by the hash
// of their identity, so that a change of one object rewrites one chunk.
#pragma once
#include "plan/healthy_set.h"
#include "plan/managed_object.h"
#include "plan/plan.h"

#include <string>
#include <string_view>
#include <vector>

namespace gitsync {

/// The head of an inventory.
struct InventoryMeta {
  std::string salt;                             // bytes
  unsigned chunks = 0;                          // 0: nothing was stored yet
  std::string revision, commit, tree, spec_key; // of the DesiredSet that was accepted and carried out
  HealthySet::Identity healthy;                 // the revision that a rollback goes back to; empty: none is known
  unsigned healthy_chunks = 0;                  // parts of what differs from it
  /// A revision that was rolled back: not applied again before its path or the spec changes.
  struct Quarantine {
    std::string revision, commit, tree, spec_key, why;
    friend bool operator==(const Quarantine&, const Quarantine&) = default;
  } quarantine;
  /// A plan that was let through (an Approval, a sync window) and is not carried out yet: whatever restarts meanwhile, it is
  /// not asked about again. The same tree and key declare the same.
  struct UnderWay {
    std::string tree, spec_key, digest; // digest: of the plan that was approved, empty where nothing was asked
    friend bool operator==(const UnderWay&, const UnderWay&) = default;
  } under_way;
  bool rolling_back = false;      // decided, not carried out yet
  std::vector<ObjectRef> pending; // about to be created: written before the first of them, so that none is ever lost track of
  friend bool operator==(const InventoryMeta&, const InventoryMeta&) = default;
};

/// One object in a chunk. `leaving`: not declared any more, not yet confirmed to be gone.
struct InventoryRecord {
  ObjectRef ref;
  std::string version;
  SourceLocation at;
  std::string uid;
  Digest applied, owned;
  std::vector<PathHash> foreign, empties;
  std::string body; // JSON; empty for one that is leaving
  bool leaving = false;
  bool given_up = false; // leaving, and left in the cluster
  bool created = false;  // ManagedObject::created; an operator that did not know it wrote none
  bool unasked = false;  // ManagedObject::unasked
};

/// How many chunks `bytes` of bodies want: a power of two.
unsigned chunks_for(size_t bytes);
/// In which chunk an object is recorded. Stable across versions of the operator.
unsigned chunk_of(const ObjectRef& ref, unsigned chunks);

std::string encode_meta(const InventoryMeta& meta);
Result<InventoryMeta> decode_meta(std::string_view bytes);
std::string encode_chunk(const std::vector<InventoryRecord>& records);
Result<std::vector<InventoryRecord>> decode_chunk(std::string_view bytes);

} // namespace gitsync
