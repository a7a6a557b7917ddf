#include "report/events.h"

#include "base/log.h"
#include "base/text.h"

#include <algorithm>
#include <unistd.h>

namespace gitsync::report {
namespace {

Moment now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

} // namespace

AfterFailure after_failure(const EventWrite& write, const Error& error, int attempts, int max_attempts) {
  const bool create = write.kind == EventWrite::Kind::Create;
  // Names are unique: a conflict on create is an earlier attempt whose answer got lost.
  if (create && error.code == Code::ApiConflict) return AfterFailure::Done;
  if (!create && error.code == Code::ApiNotFound) return AfterFailure::Lost;
  // RBAC, or a namespace that is being deleted: waiting would hold up the events of all others.
  if (error.retry == Retry::Never || error.code == Code::ApiForbidden || attempts >= max_attempts) return AfterFailure::GiveUp;
  return AfterFailure::Again;
}

void EventRecorder::record(const EventSubject& subject, EventReason reason, std::string_view note) {
  spool_.add(subject, reason, note, now());
  wake_.cancel();
}

Task<> EventRecorder::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!is_cancelled(co_await asio::this_coro::cancellation_state)) {
    if (auto write = spool_.next(now())) {
      co_await send(std::move(*write));
      continue;
    }
    // Nothing runs between next() and this wait, so no record() is missed.
    wake_.expires_at(spool_.wake_at().value_or(Instant::max()));
    co_await wake_.async_wait(as_result);
    co_await sleep_for(options_.soon); // the work that an event tells of goes on: its requests come first
  }
}

Task<> EventRecorder::send(EventWrite write) {
  auto pause = options_.first_pause;
  for (int attempt = 1;; ++attempt) {
    const Result<> result = co_await sink_(write);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
    if (result) {
      last_failure_ = Code::Cancelled;
      co_return;
    }
    const Error& error = result.error();
    switch (after_failure(write, error, attempt, options_.max_attempts)) {
    case AfterFailure::Done: co_return;
    case AfterFailure::Lost: spool_.lost(write.ns, write.name); co_return;
    case AfterFailure::GiveUp:
      spool_.lost(write.ns, write.name);
      if (error.code != std::exchange(last_failure_, error.code))
        log::warn("an event could not be written; further failures of this kind are not logged",
                  {{"namespace", write.ns}, {"event", write.name}, {"error", error.text()}});
      co_return;
    case AfterFailure::Again: break;
    }
    const auto wait = error.retry == Retry::After ? error.after : pause;
    pause = std::min(pause * 2, options_.longest_pause);
    co_await sleep_for(std::min(wait, options_.longest_pause));
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
  }
}

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return "unknown";
  return name;
}

} // namespace gitsync::report
