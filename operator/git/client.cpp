#include "git/client.h"

#include "base/secret.h"
#include "base/text.h"
#include "git/name.h"
#include "git/pool.h"
#include "git/protocol.h"
#include "git/ref.h"
#include "git/url.h"
#include "runtime/event.h"

#include <unordered_map>

namespace gitsync::git {
namespace {

constexpr uint64_t index_slack = 1ull << 30; // RLIMIT_FSIZE beyond max_repository: a pack with its bases filled in
constexpr size_t max_known_urls = 100'000;

std::unexpected<Error> shown(Error error) {
  error.message = redact(error.message);
  return std::unexpected(std::move(error));
}

} // namespace

/// What last_change() has found, by URL and globs. Many GitSyncs ask the same at once: one walks, the others wait for it.
struct ChangeBook {
  struct Entry {
    std::string commit, change; // the commit asked for last, and the answer
    bool walking = false;
    std::unique_ptr<Event> walked;
  };
  std::unordered_map<std::string, std::shared_ptr<Entry>> entries;

  static std::string key(const HistoryRequest& request) {
    std::string out = request.url;
    for (const auto& path : request.paths) out += cat("\n", path);
    return out;
  }
  std::shared_ptr<Entry> at(const std::string& key, const asio::any_io_executor& executor) {
    if (entries.size() >= max_known_urls) entries.clear(); // costs a walk each, nothing else
    auto& entry = entries[key];
    if (!entry) {
      entry = std::make_shared<Entry>();
      entry->walked = std::make_unique<Event>(executor);
    }
    return entry;
  }
};

struct Client::Impl {
  std::shared_ptr<Pool> pool;
  // The credential set a URL was fetched with last: its reads go to a worker of that set, so that no worker ever sees two.
  std::shared_ptr<std::unordered_map<std::string, std::string>> credentials_of =
      std::make_shared<std::unordered_map<std::string, std::string>>();

  std::shared_ptr<ChangeBook> changes = std::make_shared<ChangeBook>();

  ~Impl() { pool->close(); }

  std::string known_credentials(const std::string& url) const {
    const auto known = credentials_of->find(url);
    return known == credentials_of->end() ? credentials_key({}) : known->second;
  }
};

namespace {

StartJob start_job(const Client::Options& options, pid_t pid) {
  return {.memory = options.memory,
          .file_size = options.max_repository + index_slack,
          .home = (options.mirrors / cat(".home-", pid)).string()};
}

/// Sends a job and hands each answer to `take` until that says it was the last one.
Task<Result<>> converse(std::shared_ptr<Pool> pool, std::string url, std::string credentials, std::chrono::milliseconds timeout,
                        std::string job, const std::function<Result<bool>(Answer)>& take) {
  auto lease = co_await pool->acquire(url, std::move(credentials));
  if (!lease) co_return shown(lease.error());
  auto& process = lease->process();
  const KillTimer deadline(process, timeout);
  const auto broken = [&](const Error& error) -> std::unexpected<Error> {
    if (deadline.fired())
      return fail(Code::Timeout,
                  cat(display_url(url), ": no answer within ", timeout.count(), " ms: the git worker was stopped"));
    return shown(wrap(error, display_url(url)).error());
  };
  if (!lease->started()) {
    const auto first = encode(Job(start_job(pool->options(), process.pid())));
    if (auto sent = co_await process.send(first); !sent) co_return broken(sent.error());
    lease->set_started();
  }
  if (auto sent = co_await process.send(job); !sent) co_return broken(sent.error());
  for (;;) {
    const auto message = co_await process.receive();
    if (!message) co_return broken(message.error());
    auto answer = decode_answer(*message);
    if (!answer) co_return broken(answer.error());
    const bool failed = std::holds_alternative<Error>(*answer);
    if (failed) {
      lease->done(); // the job failed, the worker did not
      co_return shown(std::get<Error>(std::move(*answer)));
    }
    const auto last = take(std::move(*answer));
    if (!last) co_return broken(last.error());
    if (!*last) continue;
    lease->done();
    co_return Result<>{};
  }
}

std::unexpected<Error> unexpected_answer() {
  return fail(Code::WorkerDied, "git worker: an answer does not belong to the job");
}

Task<Result<Fetched>> run_fetch(std::shared_ptr<Pool> pool, FetchRequest request, std::string credentials) {
  const auto& options = pool->options();
  const auto job = encode(Job(FetchJob{.mirror = (options.mirrors / mirror_name(request.url)).string(),
                                       .url = request.url,
                                       .ref = request.ref,
                                       .credentials = std::move(request.credentials),
                                       .max_repository = options.max_repository,
                                       .whole_history = request.whole_history}));
  Fetched out;
  const std::function<Result<bool>(Answer)> take = [&](Answer answer) -> Result<bool> {
    auto* fetched = std::get_if<Fetched>(&answer);
    if (!fetched || !is_commit_id(fetched->commit)) return unexpected_answer();
    out = std::move(*fetched);
    return true;
  };
  const auto done = co_await converse(pool, request.url, std::move(credentials), request.timeout, job, take);
  if (!done) co_return std::unexpected(done.error());
  co_return out;
}

Task<Result<ReadResult>> run_read(std::shared_ptr<Pool> pool, ReadRequest request, std::string credentials,
                                  std::function<void(FileChange)> sink) {
  const auto job = encode(Job(ReadJob{.mirror = (pool->options().mirrors / mirror_name(request.url)).string(),
                                      .url = request.url,
                                      .commit = request.commit,
                                      .path = request.path,
                                      .base_tree = request.base_tree}));
  ReadResult out;
  const std::function<Result<bool>(Answer)> take = [&](Answer answer) -> Result<bool> {
    if (auto* change = std::get_if<FileChange>(&answer)) {
      sink(std::move(*change));
      return false;
    }
    auto* result = std::get_if<ReadResult>(&answer);
    if (!result) return unexpected_answer();
    out = std::move(*result);
    for (auto& error : out.errors) error.message = redact(error.message);
    return true;
  };
  const auto done = co_await converse(pool, request.url, std::move(credentials), request.timeout, job, take);
  if (!done) co_return std::unexpected(done.error());
  co_return out;
}

Task<Result<Trees>> run_trees(std::shared_ptr<Pool> pool, TreesRequest request, std::string credentials) {
  const auto job = encode(Job(TreesJob{.mirror = (pool->options().mirrors / mirror_name(request.url)).string(),
                                       .url = request.url,
                                       .commit = request.commit,
                                       .paths = std::move(request.paths),
                                       .globs = std::move(request.globs)}));
  Trees out;
  const std::function<Result<bool>(Answer)> take = [&](Answer answer) -> Result<bool> {
    auto* trees = std::get_if<Trees>(&answer);
    if (!trees) return unexpected_answer();
    out = std::move(*trees);
    return true;
  };
  const auto done = co_await converse(pool, request.url, std::move(credentials), request.timeout, job, take);
  if (!done) co_return std::unexpected(done.error());
  co_return out;
}

Task<Result<LastChange>> run_history(std::shared_ptr<Pool> pool, HistoryRequest request, std::string credentials,
                                     std::shared_ptr<ChangeBook::Entry> entry) {
  while (entry->walking) {
    entry->walked->reset();
    if (!co_await entry->walked->wait()) co_return fail(Code::Cancelled, "cancelled", Retry::Never);
  }
  if (entry->commit == request.commit) co_return LastChange{entry->change};
  entry->walking = true;
  struct Walk { // however it ends, the next one may go on
    ChangeBook::Entry& entry;
    ~Walk() {
      entry.walking = false;
      entry.walked->set();
    }
  } walk{*entry};
  const auto job = encode(Job(HistoryJob{.mirror = (pool->options().mirrors / mirror_name(request.url)).string(),
                                         .url = request.url,
                                         .commit = request.commit,
                                         .paths = request.paths,
                                         .known_commit = entry->commit,
                                         .known_change = entry->change}));
  LastChange out;
  const std::function<Result<bool>(Answer)> take = [&](Answer answer) -> Result<bool> {
    auto* change = std::get_if<LastChange>(&answer);
    if (!change || !is_commit_id(change->commit)) return unexpected_answer();
    out = std::move(*change);
    return true;
  };
  const auto done = co_await converse(pool, request.url, std::move(credentials), request.timeout, job, take);
  if (!done) co_return std::unexpected(done.error());
  entry->commit = request.commit;
  entry->change = out.commit;
  co_return out;
}

Task<Result<Proof>> run_proof(std::shared_ptr<Pool> pool, ProofRequest request, std::string credentials) {
  const auto job = encode(Job(ProofJob{.mirror = (pool->options().mirrors / mirror_name(request.url)).string(),
                                       .url = request.url,
                                       .commit = request.commit,
                                       .tag = request.tag,
                                       .since = request.since,
                                       .base = request.base}));
  Proof out;
  const std::function<Result<bool>(Answer)> take = [&](Answer answer) -> Result<bool> {
    auto* proof = std::get_if<Proof>(&answer);
    if (!proof) return unexpected_answer();
    out = std::move(*proof);
    return true;
  };
  const auto done = co_await converse(pool, request.url, std::move(credentials), request.timeout, job, take);
  if (!done) co_return std::unexpected(done.error());
  co_return out;
}

/// One that is refused before any worker is asked.
template <class T> Task<Result<T>> refused(Error error) { co_return shown(std::move(error)); }

} // namespace

Client::Client(asio::any_io_executor executor, Options options) : impl_(std::make_unique<Impl>()) {
  std::error_code ignored; // a directory that cannot be made shows in the first fetch
  std::filesystem::create_directories(options.mirrors, ignored);
  options.mirrors = std::filesystem::absolute(options.mirrors);
  for (std::filesystem::directory_iterator it(options.mirrors, ignored), end; it != end; it.increment(ignored))
    if (it->path().filename().string().starts_with(".home-"))
      std::filesystem::remove_all(it->path(), ignored); // of killed workers
  impl_->pool = std::make_shared<Pool>(std::move(executor), std::move(options));
}

Client::~Client() = default;

Task<Result<Fetched>> Client::fetch(FetchRequest request) {
  if (auto url = parse_url(request.url); !url) return refused<Fetched>(url.error());
  if (auto ref = check_ref(request.ref); !ref) return refused<Fetched>(wrap(ref.error(), display_url(request.url)).error());
  auto credentials = credentials_key(request.credentials);
  auto& known = *impl_->credentials_of;
  if (known.size() >= max_known_urls) known.clear(); // costs a worker's start here and there, nothing else
  known[request.url] = credentials;
  return run_fetch(impl_->pool, std::move(request), std::move(credentials));
}

Task<Result<ReadResult>> Client::read(ReadRequest request, std::function<void(FileChange)> sink) {
  if (auto path = path_components(request.path); !path) return refused<ReadResult>(path.error());
  auto credentials = impl_->known_credentials(request.url);
  return run_read(impl_->pool, std::move(request), std::move(credentials), std::move(sink));
}

Task<Result<Trees>> Client::trees(TreesRequest request) {
  auto credentials = impl_->known_credentials(request.url);
  return run_trees(impl_->pool, std::move(request), std::move(credentials));
}

Task<Result<LastChange>> Client::last_change(HistoryRequest request) {
  auto credentials = impl_->known_credentials(request.url);
  auto entry = impl_->changes->at(ChangeBook::key(request), impl_->pool->executor());
  return run_history(impl_->pool, std::move(request), std::move(credentials), std::move(entry));
}

Task<Result<Proof>> Client::proof(ProofRequest request) {
  auto credentials = impl_->known_credentials(request.url);
  return run_proof(impl_->pool, std::move(request), std::move(credentials));
}

uint64_t Client::resident() const { return impl_->pool->resident(); }

} // namespace gitsync::git
