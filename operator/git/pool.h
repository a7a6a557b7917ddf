// Which worker process takes which job. Control thread only.
#pragma once
#include "base/clock.h"
#include "base/error.h"
#include "git/client.h"
#include "runtime/worker_process.h"

#include <list>
#include <map>
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
  Instant used{}; // since when it is busy, or idle
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

/// How many workers there may be.
struct PoolLimits {
  size_t workers = 2; // as a rule
  size_t surge = 2;   // where all have been busy for `stuck`
  std::chrono::milliseconds stuck{0};
};

/// Prefers the worker that has the URL's mirror open, then the one used last (so that the others become idle and leave). Pure.
Choice choose(std::span<const WorkerView> workers, const PoolLimits& limits, std::string_view credentials, std::string_view url,
              Instant now);

/// Owns the workers. Jobs of one URL run one after the other, in the order of their arrival; the URL that was served longest
/// ago comes first, so that one with many jobs doesn't keep others waiting.
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
  Waiter* next_waiter() const;
  void watch_stuck();
  void watch_idle();
  void drop_idle();

  asio::any_io_executor executor_;
  Client::Options options_;
  std::list<PoolWorker> workers_;
  std::list<Waiter*> waiters_;
  std::vector<std::string> busy_urls_;
  std::map<std::string, uint64_t> served_; // of URLs that have waiters: when it was their turn last
  uint64_t turn_ = 0;
  asio::steady_timer idle_timer_, surge_timer_;
  bool closed_ = false;
};

} // namespace gitsync::git
