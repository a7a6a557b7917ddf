// Runs coroutines of a test on one thread until nothing is left to do.
#pragma once
#include "runtime/task_group.h"
#include "support/catch.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>

namespace gitsync {

/// The control thread of a test. A hang is cut by a guard far beyond any healthy run, and is a failure.
struct Loop {
  asio::io_context io;

  asio::any_io_executor executor() { return io.get_executor(); }
  /// Until nothing is left, or the guard.
  void run() {
    io.restart();
    io.run_for(std::chrono::minutes(2));
    REQUIRE(io.stopped());
  }
  /// Calls `work` on the loop, as everything of the control thread is called, and then settles.
  void inside(std::function<void()> work) {
    asio::post(io, std::move(work));
    settle();
  }
  /// What is ready now, and what that makes ready: no timer has to fire for it.
  void settle() {
    io.restart();
    while (io.poll() > 0) {}
  }
};

/// Starts `task` on its own in a group, and keeps the value it ended with. `thrown`: it ended by an exception instead, which no
/// wait of ours may do when it is cancelled.
template <class T> struct Outcome {
  std::optional<T> value;
  bool thrown = false;
  bool ended() const { return value.has_value() || thrown; }
};

template <class T> Task<> keep(Task<T> task, Outcome<T>& into) {
  co_await asio::this_coro::throw_if_cancelled(true);
  try {
    into.value = co_await std::move(task);
  } catch (const boost::system::system_error&) { into.thrown = true; }
}

} // namespace gitsync
