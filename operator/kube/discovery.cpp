#include "kube/discovery.h"

namespace gitsync::kube {

Discovery::Discovery(Client& client, const asio::any_io_executor& executor) : client_(client), one_(executor, 1) {}

Task<Result<>> Discovery::refresh() {
  const auto asked = std::chrono::steady_clock::now();
  const auto permit = co_await one_.acquire();
  if (!permit) co_return fail(Code::Cancelled, "discovery cancelled");
  if (at_ > asked) co_return Result<>{}; // somebody asked after we wanted to know
  auto map = co_await client_.discover();
  if (!map) co_return std::unexpected(std::move(map.error()));
  map_ = std::move(*map);
  at_ = std::chrono::steady_clock::now();
  co_return Result<>{};
}

} // namespace gitsync::kube
