#include "git/pool.h"

#include "base/text.h"

#include <algorithm>
#include <optional>

namespace gitsync::git {
namespace {

constexpr size_t max_waiters = 100'000;
constexpr size_t remembered_urls = 8; // as many mirrors as a worker keeps open (mirror.cpp)

} // namespace

struct PoolWorker {
  std::unique_ptr<WorkerProcess> process;
  WorkerView view;
  bool started = false;
};

struct Pool::Waiter {
  std::string url;
  std::string credentials;
  asio::steady_timer timer;
  std::optional<Result<std::list<PoolWorker>::iterator>> granted;
};

/// Takes a waiter off the list however its wait ends; a grant that nobody takes goes back.
struct Pool::WaiterGuard {
  Pool& pool;
  Waiter& waiter;
  bool taken = false;
  ~WaiterGuard() {
    std::erase(pool.waiters_, &waiter);
    if (!taken && waiter.granted && *waiter.granted) pool.release(**waiter.granted, waiter.url, true);
  }
};

Choice choose(std::span<const WorkerView> workers, const PoolLimits& limits, std::string_view credentials, std::string_view url,
              Instant now) {
  std::optional<size_t> fit, oldest;
  const auto knows = [&](const WorkerView& worker) { return std::ranges::find(worker.urls, url) != worker.urls.end(); };
  for (size_t i = 0; i < workers.size(); ++i) {
    const auto& worker = workers[i];
    if (worker.busy) continue;
    if (worker.credentials != credentials) {
      if (!oldest || worker.used < workers[*oldest].used) oldest = i;
    } else if (!fit || std::pair(knows(worker), worker.used) > std::pair(knows(workers[*fit]), workers[*fit].used)) {
      fit = i;
    }
  }
  if (fit) return {Choice::Use, *fit};
  if (workers.size() < limits.workers) return {Choice::Start};
  if (oldest) return {Choice::Replace, *oldest};
  const bool all_stuck = std::ranges::all_of(workers, [&](const auto& worker) { return now - worker.used >= limits.stuck; });
  if (workers.size() < limits.surge && all_stuck) return {Choice::Start};
  return {};
}

Pool::Pool(asio::any_io_executor executor, Client::Options options)
    : executor_(std::move(executor)), options_(std::move(options)), idle_timer_(executor_), surge_timer_(executor_) {
  options_.workers = std::max<size_t>(options_.workers, 1);
  options_.surge = std::max(options_.surge, options_.workers);
}

Pool::~Pool() = default;

Task<Result<Pool::Lease>> Pool::acquire(std::string url, std::string credentials) {
  const auto self = shared_from_this();
  if (closed_) co_return fail(Code::Cancelled, "git worker: the client is closed");
  if (waiters_.size() >= max_waiters)
    co_return fail(Code::GitLimit, cat("git worker: ", max_waiters, " jobs wait already"), Retry::Backoff);
  Waiter waiter{url, std::move(credentials), asio::steady_timer(executor_, asio::steady_timer::time_point::max()), {}};
  WaiterGuard guard{*this, waiter};
  waiters_.push_back(&waiter);
  pump();
  if (!waiter.granted) co_await waiter.timer.async_wait(as_result);
  if (!waiter.granted) co_return fail(Code::Cancelled, "git worker: cancelled while waiting for a worker");
  if (!*waiter.granted) co_return std::unexpected(waiter.granted->error());
  guard.taken = true;
  co_return Lease(self, **waiter.granted, std::move(url));
}

/// The oldest waiter of the URL that was served longest ago, of those that nobody works on.
Pool::Waiter* Pool::next_waiter() const {
  Waiter* out = nullptr;
  uint64_t turn = 0;
  for (auto* waiter : waiters_) {
    if (waiter->granted || std::ranges::find(busy_urls_, waiter->url) != busy_urls_.end()) continue;
    const auto it = served_.find(waiter->url);
    const uint64_t at = it == served_.end() ? 0 : it->second;
    if (!out || at < turn) {
      out = waiter;
      turn = at;
    }
  }
  return out;
}

/// Grants what can be granted.
void Pool::pump() {
  while (auto* waiter = next_waiter()) {
    if (!try_grant(*waiter)) { // no worker is free: nobody else gets one either
      watch_stuck();
      return;
    }
    waiter->timer.cancel();
  }
  surge_timer_.cancel();
  if (waiters_.empty()) served_.clear();
}

/// Looks again when all workers will have been at work for so long that another one may start.
void Pool::watch_stuck() {
  if (workers_.size() >= options_.surge) return;
  Instant latest{};
  for (const auto& worker : workers_) latest = std::max(latest, worker.view.used);
  surge_timer_.expires_at(latest + options_.stuck);
  surge_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->closed_) self->pump();
  });
}

bool Pool::try_grant(Waiter& waiter) {
  std::vector<WorkerView> views;
  std::vector<std::list<PoolWorker>::iterator> at;
  for (auto it = workers_.begin(); it != workers_.end();) {
    // One that died while idle (the kernel's memory killer, somebody's kill) is nobody's problem.
    if (!it->view.busy && !it->process->alive()) {
      it = workers_.erase(it);
      continue;
    }
    views.push_back(it->view);
    at.push_back(it++);
  }
  const auto now = std::chrono::steady_clock::now();
  const auto choice = choose(views, {options_.workers, options_.surge, options_.stuck}, waiter.credentials, waiter.url, now);
  if (choice.kind == Choice::Wait) return false;
  std::list<PoolWorker>::iterator worker;
  if (choice.kind == Choice::Use) {
    worker = at[choice.index];
  } else {
    if (choice.kind == Choice::Replace) workers_.erase(at[choice.index]);
    auto process = WorkerProcess::start(
        executor_, {.executable = options_.executable, .arguments = {"gitsync", "git-worker"}, .name = "git worker"});
    if (!process) {
      waiter.granted = std::unexpected(process.error());
      return true;
    }
    worker = workers_.insert(workers_.end(), PoolWorker{std::move(*process), {.credentials = waiter.credentials}});
  }
  worker->view.busy = true;
  worker->view.used = now;
  served_[waiter.url] = ++turn_;
  auto& urls = worker->view.urls;
  std::erase(urls, waiter.url);
  urls.insert(urls.begin(), waiter.url);
  if (urls.size() > remembered_urls) urls.pop_back();
  busy_urls_.push_back(waiter.url);
  waiter.granted = worker;
  return true;
}

void Pool::release(std::list<PoolWorker>::iterator worker, const std::string& url, bool healthy) {
  if (const auto at = std::ranges::find(busy_urls_, url); at != busy_urls_.end()) busy_urls_.erase(at);
  if (healthy && !closed_) {
    worker->view.busy = false;
    worker->view.used = std::chrono::steady_clock::now();
  } else {
    workers_.erase(worker);
  }
  if (closed_) return;
  pump();
  watch_idle();
}

void Pool::watch_idle() {
  std::optional<Instant> first;
  for (const auto& worker : workers_)
    if (!worker.view.busy && (!first || worker.view.used < *first)) first = worker.view.used;
  if (!first) return;
  idle_timer_.expires_at(*first + options_.idle);
  idle_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->closed_) self->drop_idle();
  });
}

void Pool::drop_idle() {
  const auto limit = std::chrono::steady_clock::now() - options_.idle;
  std::erase_if(workers_, [&](const PoolWorker& worker) { return !worker.view.busy && worker.view.used <= limit; });
  watch_idle();
}

void Pool::close() {
  if (closed_) return;
  closed_ = true;
  idle_timer_.cancel();
  surge_timer_.cancel();
  for (auto* waiter : waiters_) waiter->timer.cancel();
  for (auto it = workers_.begin(); it != workers_.end();) {
    const auto worker = it++;
    if (worker->view.busy)
      worker->process->kill(); // its lease holds it
    else
      workers_.erase(worker);
  }
}

uint64_t Pool::resident() const {
  uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker.process->resident();
  return sum;
}

Pool::Lease::Lease(std::shared_ptr<Pool> pool, std::list<PoolWorker>::iterator worker, std::string url)
    : pool_(std::move(pool)), worker_(worker), url_(std::move(url)) {}
Pool::Lease::Lease(Lease&& other) noexcept
    : pool_(std::move(other.pool_)), worker_(other.worker_), url_(std::move(other.url_)), done_(other.done_) {}
Pool::Lease::~Lease() {
  if (pool_) pool_->release(worker_, url_, done_);
}
WorkerProcess& Pool::Lease::process() const { return *worker_->process; }
bool Pool::Lease::started() const { return worker_->started; }
void Pool::Lease::set_started() { worker_->started = true; }

} // namespace gitsync::git
