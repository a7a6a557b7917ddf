// Something that several coroutines can wait for.
#pragma once
#include "runtime/task.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <utility>

namespace gitsync {

/// Stays set until reset(). Control thread only.
class Event {
public:
  explicit Event(const asio::any_io_executor& executor) : timer_(executor, asio::steady_timer::time_point::max()) {}

  void set() {
    set_ = true;
    timer_.cancel();
  }
  void reset() { set_ = false; }
  bool is_set() const { return set_; }

  /// Returns when set; false where the waiting coroutine was cancelled first.
  Task<bool> wait() {
    while (!set_) {
      co_await timer_.async_wait(as_result);
      if (!set_ && is_cancelled(co_await asio::this_coro::cancellation_state)) co_return false;
    }
    co_return true;
  }

  /// The same with a limit; false also where it passed.
  Task<bool> wait_for(std::chrono::steady_clock::duration limit);

private:
  asio::steady_timer timer_;
  bool set_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0); // lets a deadline notice that the event is gone
};

/// Limits how many coroutines are inside at once; first come, first served. Control thread only.
class Semaphore {
public:
  Semaphore(const asio::any_io_executor& executor, size_t permits) : executor_(executor), free_(permits) {}

  /// Holds one permit for its lifetime; empty where the waiting coroutine was cancelled.
  class Permit {
  public:
    Permit() = default;
    explicit Permit(Semaphore* owner) : owner_(owner) {}
    Permit(Permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(owner_, other.owner_);
      return *this;
    }
    ~Permit() {
      if (owner_) owner_->release();
    }
    explicit operator bool() const { return owner_ != nullptr; }

  private:
    Semaphore* owner_ = nullptr;
  };
  Task<Permit> acquire();

private:
  struct Waiter {
    asio::steady_timer timer;
    bool granted = false;
  };
  void release();
  asio::any_io_executor executor_;
  size_t free_;
  std::list<Waiter*> waiting_;
};

} // namespace gitsync
