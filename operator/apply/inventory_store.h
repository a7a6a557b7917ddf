// The inventory's Secrets: reading them at start, writing them after changes.
#pragma once
#include "apply/inventory.h"
#include "kube/client.h"
#include "runtime/event.h"

#include <functional>
#include <set>

namespace gitsync {

/// Of one GitSync. Control thread only. A damaged or partly missing inventory is InventoryCorrupt: then nothing may be pruned.
class InventoryStore {
public:
  struct Owner {
    std::string ns, name, uid; // the GitSync: owner of the Secrets, so that they leave with it
    std::string label;
  };
  /// `books` bounds the writes of all GitSyncs that only keep account: what people wait for goes ahead of them.
  InventoryStore(kube::Client& client, Owner owner, std::function<bool()> may_write, Semaphore& books);

  /// The head; one with chunks == 0 and an empty salt where nothing was stored yet.
  Task<Result<InventoryMeta>> load_meta();
  /// All records, chunk by chunk, so that memory stays at one chunk.
  Task<Result<>> load_records(const InventoryMeta& meta, std::function<void(InventoryRecord)> sink);

  Task<Result<>> save_meta(const InventoryMeta& meta);
  Task<Result<>> save_chunk(unsigned chunks, unsigned index, const std::vector<InventoryRecord>& records);
  /// What differs from the last healthy revision: `leaving` marks what did not exist in it.
  Task<Result<>> load_healthy(unsigned chunks, std::function<void(InventoryRecord)> sink);
  Task<Result<>> save_healthy(unsigned chunks, unsigned index, const std::vector<InventoryRecord>& records);
  Task<> drop_healthy(unsigned chunks);
  /// Deletes the chunks of an earlier chunk count; best effort, the GitSync's deletion takes the rest.
  Task<> drop_chunks(unsigned chunks);
  /// Deletes everything stored (after the GitSync's objects are gone).
  Task<> drop(const InventoryMeta& meta);

private:
  Task<Result<>> load_parts(std::string kind, unsigned chunks, std::function<void(InventoryRecord)> sink);
  Task<> drop_parts(std::string kind, unsigned chunks);
  std::string path(const std::string& name) const;
  Task<Result<std::string>> load(std::string name); // bytes; empty where there is no such Secret
  Task<Result<>> save(std::string name, std::string bytes);

  kube::Client& client_;
  Owner owner_;
  std::function<bool()> may_write_;
  Semaphore& books_;
};

} // namespace gitsync
