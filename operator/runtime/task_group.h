// Owns loops: nothing is detached, everything can be stopped and waited for.
#pragma once
#include "runtime/task.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string>

namespace gitsync {

/// Control thread only. A task that ends with an exception is a defect: it is logged and the process aborts, so that a
/// half-working operator never goes on (a supervisor restarts it and it repairs itself from the inventory).
class TaskGroup {
public:
  explicit TaskGroup(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup(); // asserts that nothing runs any more

  /// Starts a task. After stop() it is not started at all.
  void spawn(std::string name, Task<> task);
  /// Asks every task to end: cancels what it waits for. Idempotent.
  void stop();
  /// Returns when the last task has ended, or early where the waiting coroutine is cancelled.
  Task<> wait();

  bool stopping() const { return stopping_; }
  size_t running() const { return entries_.size(); }
  asio::any_io_executor executor() const { return executor_; }

private:
  struct Entry {
    std::string name;
    asio::cancellation_signal cancel;
  };
  asio::any_io_executor executor_;
  std::list<Entry> entries_;
  std::list<asio::steady_timer*> waiters_;
  bool stopping_ = false;
};

} // namespace gitsync
