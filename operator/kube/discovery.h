// What the server serves, kept and refreshed.
#pragma once
#include "kube/client.h"
#include "runtime/event.h"

#include <memory>

namespace gitsync::kube {

/// Control thread only. The map is swapped whole.
class Discovery {
public:
  Discovery(Client& client, const asio::any_io_executor& executor);

  /// Empty before the first refresh().
  const ResourceMap& map() const { return *map_; }
  /// Asks the server; callers that come while one asks share its answer.
  Task<Result<>> refresh();
  Instant refreshed_at() const { return at_; }

private:
  Client& client_;
  std::shared_ptr<const ResourceMap> map_ = std::make_shared<ResourceMap>();
  Instant at_{};
  Semaphore one_;
};

} // namespace gitsync::kube
