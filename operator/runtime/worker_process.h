// A child process that does what may hang, crash or eat memory, and can be killed at any moment.
#pragma once
#include "base/error.h"
#include "runtime/frame.h"
#include "runtime/task.h"

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace gitsync {

/// Control thread only. The child has an empty environment, a process group of its own, no inherited file descriptors but
/// standard error, and a socket as standard input and output which carries frames (runtime/frame.h). Destruction kills the
/// whole group with SIGKILL and reaps it without blocking: no zombie stays behind.
class WorkerProcess {
public:
  struct Options {
    std::filesystem::path executable;
    std::vector<std::string> arguments; // argv, its first element is the program's name
    std::string name = "worker";        // for messages: "git worker"
    size_t max_frame = max_frame_bytes;
  };

  /// Errors: WorkerDied (retry with backoff) where no process can be started.
  static Result<std::unique_ptr<WorkerProcess>> start(asio::any_io_executor executor, Options options);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// Sends one message. Errors: WorkerDied with how the child ended; Cancelled.
  Task<Result<>> send(std::string_view payload);
  /// The next message, valid until the next receive(). Errors: as of send(). After an error the worker cannot be used any more.
  Task<Result<std::string_view>> receive();

  /// SIGKILL to the whole group. What waits in send() or receive() then gets WorkerDied.
  void kill();
  /// False once the child has ended, for whatever reason. Costs one system call.
  bool alive() const;
  pid_t pid() const;
  /// Resident bytes of the child, 0 once it has ended.
  uint64_t resident() const;

private:
  struct State;
  explicit WorkerProcess(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
  friend class KillTimer;
};

/// Kills a worker when a time has passed; does nothing any more once it is destroyed. Control thread only.
class KillTimer {
public:
  KillTimer(WorkerProcess& worker, std::chrono::milliseconds after);
  ~KillTimer();
  KillTimer(const KillTimer&) = delete;
  KillTimer& operator=(const KillTimer&) = delete;
  /// Whether it was this timer that killed the worker.
  bool fired() const;

private:
  struct State;
  std::shared_ptr<State> state_;
};

} // namespace gitsync
