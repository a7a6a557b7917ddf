// The plan that waits, as it is stored for those who have to consent to it: in ConfigMaps of the GitSync, so that looking at it
// needs neither git nor the right to read Secrets.
#pragma once
#include "apply/inventory_store.h"
#include "plan/preview.h"

namespace gitsync {

/// Of one GitSync. Control thread only.
class PreviewStore {
public:
  PreviewStore(kube::Client& client, InventoryStore::Owner owner, std::function<bool()> may_write)
      : client_(client), owner_(std::move(owner)), may_write_(std::move(may_write)) {}

  /// Replaces what was stored.
  Task<Result<>> save(const Preview& preview);
  /// What is stored; ApiNotFound where nothing is, or where another one is being written at this moment.
  Task<Result<Preview>> load();
  /// Deletes it; best effort, the GitSync's deletion takes the rest.
  Task<> drop();

private:
  struct Part {
    size_t parts = 0;
    std::string digest, bytes;
  };
  Task<Result<Part>> load_part(size_t index);
  Task<> drop_from(size_t first, size_t parts);
  std::string path(size_t index) const;

  kube::Client& client_;
  InventoryStore::Owner owner_;
  std::function<bool()> may_write_;
};

} // namespace gitsync
