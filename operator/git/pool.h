// Which worker process takes which job. Control thread only.
#pragma once
#include "base/clock.h"
#include "base/error.h"
#include "git/client.h"
#include "runtime/worker_process.h"

#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gitsync::git {

/// What choose() knows of a worker.
struct WorkerView {
  std::string credentials;       // the one credential set that it serves
  std::vector<std::string> urls; // served lately
  bool busy = false;
  Instant used{};
};

struct Choice {
  enum Kind {
    Use,     // an idle worker fits
    Start,   // there is room for one more
    Replace, // an idle worker of another credential set gives way
    Wait,    // all are busy
  } kind = Wait;
  size_t index = 0; // of Use and Replace
};

/// Prefers the worker that has the URL's mirror open, then the one used last (so that the others become idle and leave). Pure.
Choice choose(std::span<const WorkerView> workers, size_t limit, std::string_view credentials, std::string_view url);

/// Owns the workers. Jobs of one URL run one after the other, in the order of their arrival; at most Options::workers at a
/// time.
class Pool : public std::enable_shared_from_this<Pool> {
public:
  Pool(asio::any_io_executor executor, Client::Options options);
  ~Pool();

  /// The right to use a worker for one job. Unless done() was called, the worker is killed when the lease ends: a job that did
  /// not end properly leaves nothing behind.
  class Lease {
  public:
    Lease(std::shared_ptr<Pool> pool, std::list<struct PoolWorker>::iterator worker, std::string url);
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    WorkerProcess& process() const;
    /// Whether the worker has been told its limits.
    bool started() const;
    void set_started();
    void done() { done_ = true; }

  private:
    std::shared_ptr<Pool> pool_;
    std::list<struct PoolWorker>::iterator worker_;
    std::string url_;
    bool done_ = false;
  };

  /// Waits for the URL's turn and a worker. Errors: WorkerDied (no process can be started), Cancelled, GitLimit (too many
  /// wait).
  Task<Result<Lease>> acquire(std::string url, std::string credentials);
  /// Kills all workers; jobs under way end with an error, nothing new begins.
  void close();
  uint64_t resident() const;
  const Client::Options& options() const { return options_; }
  asio::any_io_executor executor() const { return executor_; }

private:
  struct Waiter;
  struct WaiterGuard;
  void release(std::list<PoolWorker>::iterator worker, const std::string& url, bool healthy);
  void pump();
  bool try_grant(Waiter& waiter);
  void watch_idle();
  void drop_idle();

  asio::any_io_executor executor_;
  Client::Options options_;
  std::list<PoolWorker> workers_;
  std::list<Waiter*> waiters_;
  std::vector<std::string> busy_urls_;
  asio::steady_timer idle_timer_;
  bool closed_ = false;
};

} // namespace gitsync::git
