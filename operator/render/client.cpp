#include "render/client.h"

#include "base/log.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::render {
namespace {

constexpr size_t most_waiting = 100'000;
constexpr size_t batch_bytes = 1u << 20; // a batch takes no more requests beyond this
constexpr int most_tries = 2;

std::unexpected<Error> misfit() {
  return fail(Code::WorkerDied, "render worker: an answer to something that was not asked", Retry::Backoff);
}

} // namespace

struct Client::Asked {
  std::string message;
  uint64_t id;
  Event done;
  std::optional<Result<std::string>> result;
  int tries = 0;
  bool wanted = true; // somebody waits for the answer

  void settle(Result<std::string> with) {
    result = std::move(with);
    done.set();
  }
};

Client::Client(asio::any_io_executor executor, Options options)
    : options_(std::move(options)), group_(executor), news_(executor) {
  options_.batch = std::max<size_t>(options_.batch, 1);
}

void Client::stop() {
  group_.stop();
  if (process_) process_->kill(); // work() lets go of it
  for (auto& asked : std::exchange(queue_, {})) asked->settle(fail(Code::Cancelled, "render worker: the client is closed"));
}

Task<Result<std::vector<CelResult>>> Client::evaluate(CelRequest request) {
  const size_t wanted = request.expressions.size();
  const uint64_t id = ++last_id_;
  auto answer = co_await ask(id, encode(id, request));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  auto results = decode_cel_answer(*answer);
  if (results.size() != wanted) co_return misfit();
  co_return results;
}

Task<Result<std::vector<Verdict>>> Client::verify(VerifyRequest request) {
  const size_t wanted = request.objects.size();
  const uint64_t id = ++last_id_;
  auto answer = co_await ask(id, encode(id, request));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  auto decoded = decode_verify_answer(*answer);
  if (!decoded.key_problem.empty()) co_return fail(Code::InvalidSpec, std::move(decoded.key_problem), Retry::Backoff);
  if (decoded.verdicts.size() != wanted) co_return misfit();
  co_return std::move(decoded.verdicts);
}

/// The whole answer to a message, whichever kind it is of.
Task<Result<std::string>> Client::ask(uint64_t id, std::string message) {
  if (group_.stopping()) co_return fail(Code::Cancelled, "render worker: the client is closed");
  if (queue_.size() >= most_waiting)
    co_return fail(Code::WorkerDied, cat("render worker: ", most_waiting, " requests wait already"), Retry::Backoff);
  const auto asked = std::make_shared<Asked>(Asked{std::move(message), id, Event(group_.executor()), std::nullopt});
  struct Leave { // also when this coroutine is cancelled
    std::shared_ptr<Asked> asked;
    ~Leave() { asked->wanted = false; }
  } leave{asked};
  queue_.push_back(asked);
  news_.set();
  if (!std::exchange(working_, true)) group_.spawn("render worker", work());
  co_await asked->done.wait();
  if (!asked->result) co_return fail(Code::Cancelled, "render worker: cancelled while waiting for an answer");
  co_return std::move(*asked->result);
}

/// The next requests to send: several, or one that a worker was lost with before.
Client::Batch Client::take() {
  Batch batch;
  size_t bytes = 0;
  while (!queue_.empty() && batch.size() < options_.batch && bytes < batch_bytes) {
    auto next = queue_.front();
    if (next->wanted && next->tries > 0 && !batch.empty()) break; // alone, so that it is known whose fault the next death is
    queue_.pop_front();
    if (!next->wanted) continue;
    bytes += next->message.size();
    batch.push_back(std::move(next));
    if (batch.back()->tries > 0) break;
  }
  return batch;
}

/// Lives as long as a worker is needed.
Task<> Client::work() {
  for (;;) {
    if (group_.stopping()) break;
    auto batch = take();
    if (batch.empty()) {
      news_.reset();
      if (co_await news_.wait_for(options_.idle)) continue;
      if (queue_.empty() || is_cancelled(co_await asio::this_coro::cancellation_state)) break;
      continue;
    }
    if (auto done = co_await converse(batch); !done) {
      process_.reset();
      lost(std::move(batch), done.error());
    }
  }
  process_.reset();
  working_ = false;
}

/// Sends the batch and takes the answers; what is answered leaves the batch.
Task<Result<>> Client::converse(Batch& batch) {
  if (!process_ || !process_->alive()) { // one that died while idle is nobody's problem
    process_.reset();
    auto started = WorkerProcess::start(
        group_.executor(),
        {.executable = options_.executable, .arguments = {"gitsync-render-worker"}, .name = "render worker"});
    if (!started) co_return std::unexpected(std::move(started.error()));
    process_ = std::move(*started);
  }
  auto& process = *process_;
  const KillTimer deadline(process, options_.timeout);
  const auto broken = [&](Error error) -> std::unexpected<Error> {
    if (deadline.fired())
      return fail(Code::Timeout, cat("render worker: no answer within ", options_.timeout.count(), " ms: it was stopped"));
    return std::unexpected(std::move(error));
  };
  const Batch all(batch);
  for (const auto& asked : all)
    if (auto sent = co_await process.send(asked->message); !sent) co_return broken(std::move(sent.error()));
  while (!batch.empty()) {
    const auto message = co_await process.receive();
    if (!message) co_return broken(message.error());
    const auto head = decode_head(*message);
    if (!head) co_return broken(head.error());
    const auto it = std::ranges::find_if(batch, [&](const auto& asked) { return asked->id == head->id; });
    if (it == batch.end()) co_return misfit();
    if (head->error.empty())
      (*it)->settle(std::string(*message));
    else
      (*it)->settle(fail(Code::Internal, cat("render worker: ", head->error)));
    batch.erase(it);
  }
  co_return Result<>{};
}

void Client::lost(Batch batch, const Error& error) {
  if (error.code == Code::Cancelled) {
    for (auto& asked : batch) asked->settle(std::unexpected(error));
    return;
  }
  log::warn("a render worker was lost", {{"error", error.text()}, {"requests", batch.size()}});
  if (options_.on_lost) options_.on_lost(error.code);
  for (auto it = batch.rbegin(); it != batch.rend(); ++it) {
    auto& asked = *it;
    if (++asked->tries >= most_tries)
      asked->settle(std::unexpected(error));
    else
      queue_.push_front(std::move(asked));
  }
}

} // namespace gitsync::render
