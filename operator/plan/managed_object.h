// One object that a GitSync manages: what git wants, and what we know of the cluster's side. Some hundred bytes plus its body.
#pragma once
#include "api/git_sync.h"
#include "base/hash.h"
#include "health/health.h"
#include "object/manifest.h"
#include "object/order.h"
#include "object/ownership.h"
#include "plan/object_rules.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace gitsync {

/// What all objects of one GitSync share. Owned by its reconciler; read by drift and apply. Control thread only.
struct SyncFacts {
  std::string owner;   // "namespace/name"
  std::string label;   // value of api::owner_label_key
  std::string manager; // field manager
  std::string salt;    // of all digests of this GitSync
  std::string account; // user as whom its objects are read and written; empty: the operator itself
  api::DriftMode drift = api::DriftMode::Correct;
  api::Undeclared undeclared = api::Undeclared::Keep;
  bool suspended = false;
};

/// JSON as it is sent, compressed where that pays. Immutable.
class Body {
public:
  Body() = default;
  explicit Body(std::string json);
  /// What was given to the constructor.
  std::string json() const;
  bool empty() const { return bytes_.empty(); }
  /// Bytes of the JSON, uncompressed.
  size_t size() const { return size_; }

private:
  std::string bytes_;
  uint32_t size_ = 0;
  bool compressed_ = false;
};

/// Where an object stands between git and the cluster.
enum class Phase : uint8_t {
  Unseen,   // loaded from the inventory; the watch has not shown it yet: nothing is done before it has
  Pending,  // a newer body waits to be applied; drift is of no interest, since the apply comes
  Applying, // a write is under way; what the watch says meanwhile is judged after its answer
  Settled,  // as declared
  Drifted,  // differs, and is not corrected: drift.mode Report, back-off, or a correction that failed
  Deleting, // somebody deletes it and finalizers hold it: it comes back when it is gone
  Removing, // no longer declared: about to be pruned; never corrected
};

struct ManagedObject {
  VersionedKind versioned_kind() const { return {ref.group_kind(), version}; }

  ObjectRef ref;
  std::string version;
  SourceLocation at;
  Body body;
  Digest content;                          // of version and body: whether git changed it
  Digest applied;                          // content that was last applied; empty: never
  std::shared_ptr<const SyncFacts> sync;   // whose it is; never null
  std::shared_ptr<const OrderHints> order; // null where its annotations say nothing
  SharedRules rules{};                     // null where nothing but the body counts

  // The cluster's side, as of our last write or of the last harmless event.
  std::string uid;
  uint64_t resource_version = 0; // 0: unknown, or not a number
  Digest owned;                  // Ownership::digest after our last write
  std::vector<PathHash> foreign, empties;
  bool foreign_known = false;
  Phase phase = Phase::Pending;
  health::State health = health::State::Unknown;
  bool present = false;  // the watch or an answer has shown that it exists
  bool paused = false;   // by a Pause: neither applied nor corrected nor deleted
  bool created = false;  // the one with that UID was made by our own apply; false also where nobody can tell
  bool co_owned = false; // with what declared it before (object/co_owners.h): that lets go before a new body is applied
  bool unasked = false;  // left git while prune.enabled was false: not deleted before its deletion was asked about
};

/// All managed objects of this process by identity. Control thread only. Addresses are stable until erase().
class ObjectTable {
public:
  ManagedObject* find(const ObjectRef& ref) {
    const auto it = objects_.find(ref);
    return it == objects_.end() ? nullptr : it->second.get();
  }
  /// The object of that identity, made for that GitSync where there was none.
  ManagedObject& get(const ObjectRef& ref, const std::shared_ptr<const SyncFacts>& sync) {
    auto& slot = objects_[ref];
    if (!slot) {
      slot = std::make_unique<ManagedObject>();
      slot->ref = ref;
      slot->sync = sync;
    }
    return *slot;
  }
  void erase(const ObjectRef& ref) { objects_.erase(ref); }
  size_t size() const { return objects_.size(); }
  auto begin() { return objects_.begin(); }
  auto end() { return objects_.end(); }

private:
  std::unordered_map<ObjectRef, std::unique_ptr<ManagedObject>, ObjectRefHash> objects_;
};

} // namespace gitsync
