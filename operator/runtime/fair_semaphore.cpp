#include "runtime/fair_semaphore.h"

namespace gitsync {

Task<FairSemaphore::Permit> FairSemaphore::acquire(std::string party, Priority priority) {
  Waiter waiter{asio::steady_timer(executor_, asio::steady_timer::time_point::max())};
  const auto ticket = turns_.queue(party, priority);
  waiting_.emplace(ticket, &waiter);
  struct Leave { // also where this coroutine was cancelled before it could wait, which is an exception
    FairSemaphore& self;
    const std::string& party;
    Turns::Ticket ticket;
    Waiter& waiter;
    bool taken = false;
    ~Leave() {
      self.waiting_.erase(ticket);
      if (taken) return;
      self.turns_.leave(ticket);
      if (waiter.granted) self.release(party);
    }
  } leave{*this, party, ticket, waiter};
  admit();
  while (!waiter.granted) {
    co_await waiter.timer.async_wait(as_result);
    if (!waiter.granted && is_cancelled(co_await asio::this_coro::cancellation_state)) co_return Permit();
  }
  leave.taken = true;
  co_return Permit(this, party);
}

void FairSemaphore::release(const std::string& party) {
  turns_.release(party);
  admit();
}

void FairSemaphore::admit() {
  for (auto entry = turns_.next(); entry; entry = turns_.next()) {
    auto& waiter = *waiting_.at(entry->ticket);
    waiter.granted = true;
    waiter.timer.cancel();
  }
}

} // namespace gitsync
