#include "runtime/event.h"

namespace gitsync {
Task<bool> Event::wait_for(std::chrono::steady_clock::duration limit) {
  if (set_) co_return true;
  // One timer of its own: the shared one has no deadline.
  asio::steady_timer deadline(timer_.get_executor(), limit);
  // Shared: the handler may be queued already when this frame ends.
  const auto over = std::make_shared<bool>(false);
  deadline.async_wait([this, over, alive = std::weak_ptr<int>(alive_)](boost::system::error_code error) {
    if (error || alive.expired()) return;
    *over = true;
    timer_.cancel();
  });
  while (!set_ && !*over) {
    co_await timer_.async_wait(as_result);
    if (!set_ && is_cancelled(co_await asio::this_coro::cancellation_state)) co_return false;
  }
  co_return set_;
}

Task<Semaphore::Permit> Semaphore::acquire() {
  if (free_ > 0 && waiting_.empty()) {
    --free_;
    co_return Permit(this);
  }
  Waiter waiter{asio::steady_timer(executor_, asio::steady_timer::time_point::max())};
  waiting_.push_back(&waiter);
  struct Leave { // also where this coroutine was cancelled before it could wait, which is an exception
    std::list<Waiter*>& queue;
    Waiter* waiter;
    ~Leave() {
      if (!waiter->granted) queue.remove(waiter);
    }
  } leave{waiting_, &waiter};
  while (!waiter.granted) {
    co_await waiter.timer.async_wait(as_result);
    if (!waiter.granted && is_cancelled(co_await asio::this_coro::cancellation_state)) co_return Permit();
  }
  co_return Permit(this);
}

void Semaphore::release() {
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  Waiter* next = waiting_.front();
  waiting_.pop_front();
  next->granted = true;
  next->timer.cancel();
}

} // namespace gitsync
