// Operator side of the render worker: what has its one well-kept library in Go is evaluated in a process that can be killed.
// One process, started when something is asked and gone when nothing was for a while.
#pragma once
#include "render/protocol.h"
#include "runtime/event.h"
#include "runtime/task_group.h"
#include "runtime/worker_process.h"

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>

namespace gitsync::render {

/// Control thread only. Requests wait in one queue and go to the worker in batches, so that many small ones cost little. A
/// worker that dies or hangs is replaced: what it had not answered is asked once more, each on its own, and only what a second
/// worker dies of is given up.
class Client {
public:
  struct Options {
    std::filesystem::path executable;
    std::chrono::milliseconds idle{30'000};
    /// Of one batch. Each expression has a limit of its own in the worker; this is for a worker that hangs.
    std::chrono::milliseconds timeout{30'000};
    size_t batch = 8;
    std::function<void(Code)> on_lost{}; // a worker was lost: Timeout or WorkerDied
  };
  Client(asio::any_io_executor executor, Options options);

  /// One result per expression. Errors: WorkerDied, Timeout (both retry with backoff), Cancelled, Internal (the request makes
  /// no sense).
  Task<Result<std::vector<CelResult>>> evaluate(CelRequest request);
  /// One verdict per object. Errors as above, and InvalidSpec: a key or line that cannot be used.
  Task<Result<std::vector<Verdict>>> verify(VerifyRequest request);

  /// Resident bytes of the worker, 0 where there is none.
  uint64_t resident() const { return process_ ? process_->resident() : 0; }
  /// Whether a worker runs.
  bool running() const { return process_ != nullptr; }

  /// Kills the worker; what waits gets Cancelled. Then wait() before destruction.
  void stop();
  Task<> wait() { return group_.wait(); }

private:
  struct Asked;
  using Batch = std::deque<std::shared_ptr<Asked>>;
  Task<Result<std::string>> ask(uint64_t id, std::string message);
  Task<> work();
  Task<Result<>> converse(Batch& batch);
  Batch take();
  void lost(Batch batch, const Error& error);

  Options options_;
  TaskGroup group_;
  Event news_; // something waits
  Batch queue_;
  std::unique_ptr<WorkerProcess> process_;
  bool working_ = false; // work() runs
  uint64_t last_id_ = 0;
};

} // namespace gitsync::render
