// Limits how many coroutines are inside at once, by turns of those that want in.
#pragma once
#include "runtime/task.h"
#include "runtime/turns.h"

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <string>
#include <utility>

namespace gitsync {

/// Control thread only. Who enters next: runtime/turns.h.
class FairSemaphore {
public:
  FairSemaphore(const asio::any_io_executor& executor, size_t permits) : executor_(executor), turns_(permits) {}

  /// Holds one permit for its lifetime; empty where the waiting coroutine was cancelled.
  class Permit {
  public:
    Permit() = default;
    Permit(FairSemaphore* owner, std::string party) : owner_(owner), party_(std::move(party)) {}
    Permit(Permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), party_(std::move(other.party_)) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(party_, other.party_);
      return *this;
    }
    ~Permit() {
      if (owner_) owner_->release(party_);
    }
    explicit operator bool() const { return owner_ != nullptr; }

  private:
    FairSemaphore* owner_ = nullptr;
    std::string party_;
  };
  Task<Permit> acquire(std::string party, Priority priority);

private:
  struct Waiter {
    asio::steady_timer timer;
    bool granted = false;
  };
  void release(const std::string& party);
  void admit();

  asio::any_io_executor executor_;
  Turns turns_;
  std::map<Turns::Ticket, Waiter*> waiting_;
};

} // namespace gitsync
