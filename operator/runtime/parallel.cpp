#include "runtime/parallel.h"

#include "runtime/task_group.h"

namespace gitsync {
namespace {
Task<> worker(size_t& next, size_t count, const std::function<Task<>(size_t)>& work) {
  while (next < count) co_await work(next++);
}
} // namespace

Task<> parallel_for(size_t count, size_t limit, std::function<Task<>(size_t)> work) {
  if (count == 0) co_return;
  if (count == 1) {
    co_await work(0);
    co_return;
  }
  // This frame owns what the workers refer to, so it must stay until they have ended, also when it is cancelled.
  co_await asio::this_coro::throw_if_cancelled(false);
  size_t next = 0;
  {
    TaskGroup group(co_await asio::this_coro::executor);
    for (size_t i = 0; i < std::min(limit, count); ++i) group.spawn("parallel", worker(next, count, work));
    co_await group.wait();
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) {
      group.stop();
      while (group.running() > 0) co_await group.wait();
    }
  }
  co_await asio::this_coro::throw_if_cancelled(true);
}

} // namespace gitsync
