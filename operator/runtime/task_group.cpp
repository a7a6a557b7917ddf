#include "runtime/task_group.h"

#include "base/log.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>

namespace gitsync {

Task<> sleep_for(std::chrono::steady_clock::duration duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(as_result);
}

TaskGroup::~TaskGroup() {
  if (entries_.empty()) return;
  for (const auto& entry : entries_) log::error("a task outlives its owner", {{"task", entry.name}});
  std::abort();
}

void TaskGroup::spawn(std::string name, Task<> task) {
  if (stopping_) return;
  entries_.emplace_back();
  const auto entry = std::prev(entries_.end());
  entry->name = std::move(name);
  asio::co_spawn(executor_, std::move(task),
                 asio::bind_cancellation_slot(entry->cancel.slot(), [this, entry](std::exception_ptr error) {
                   if (error) {
                     std::string what = "unknown";
                     try {
                       std::rethrow_exception(error);
                     } catch (const boost::system::system_error& e) {
                       // Cancellation surfaces as operation_aborted where a coroutine was not written to notice it.
                       what = e.code() == asio::error::operation_aborted && stopping_ ? "" : e.what();
                     } catch (const std::exception& e) { what = e.what(); }
                     if (!what.empty()) {
                       log::error("a task ended with an exception", {{"task", entry->name}, {"error", what}});
                       std::abort();
                     }
                   }
                   entries_.erase(entry);
                   if (entries_.empty())
                     for (auto* waiter : waiters_) waiter->cancel();
                 }));
}

void TaskGroup::stop() {
  if (stopping_) return;
  stopping_ = true;
  // A handler may erase its entry at once: step on before emitting.
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto& entry = *it++;
    entry.cancel.emit(asio::cancellation_type::terminal);
  }
}

Task<> TaskGroup::wait() {
  if (entries_.empty()) co_return;
  asio::steady_timer timer(executor_, asio::steady_timer::time_point::max());
  waiters_.push_back(&timer);
  struct Leave { // also where this coroutine was cancelled before it could wait, which is an exception
    std::list<asio::steady_timer*>& queue;
    std::list<asio::steady_timer*>::iterator mine;
    ~Leave() { queue.erase(mine); }
  } leave{waiters_, std::prev(waiters_.end())};
  do co_await timer.async_wait(as_result);
  while (!entries_.empty() && !is_cancelled(co_await asio::this_coro::cancellation_state));
}

} // namespace gitsync
