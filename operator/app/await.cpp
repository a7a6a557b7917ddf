#include "app/await.h"

#include "api/meta.h"
#include "base/json_read.h"
#include "base/text.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace gitsync::app {
namespace {

using nlohmann::json;
using State = Outcome::State;

constexpr std::chrono::seconds stream_limit{300}; // then the watch is opened again
constexpr std::chrono::milliseconds pause{250};   // after a stream that failed

/// What one stream has told so far.
struct Seen {
  json object;
  Outcome outcome;
  bool deleted = false, broken = false;
};

/// False ends the stream.
bool take(Seen& seen, Kind kind, std::string_view requested_at, std::string_view line) {
  auto event = json::parse(line, nullptr, false);
  const auto type = read_text(event, "type");
  if (type == "BOOKMARK") return true;
  seen.deleted = type == "DELETED";
  if (seen.deleted) return false;
  seen.broken = type != "ADDED" && type != "MODIFIED";
  if (seen.broken) return false; // ERROR (mostly 410: the version is too old), or no event at all
  seen.object = std::move(event["object"]);
  seen.outcome = outcome_of(kind, seen.object, requested_at);
  return seen.outcome.state == State::Waiting;
}

Task<Result<Outcome>> watch_on(Session& session, Kind kind, json object, std::string requested_at) {
  const std::string name = api::parse_meta(object).name;
  Seen seen{.object = std::move(object)};
  seen.outcome = outcome_of(kind, seen.object, requested_at);
  while (seen.outcome.state == State::Waiting) {
    const std::string query =
        cat("fieldSelector=", url_encode(cat("metadata.name=", name)),
            "&allowWatchBookmarks=true&resourceVersion=", url_encode(api::parse_meta(seen.object).resource_version));
    const auto started = std::chrono::steady_clock::now();
    const auto ended = co_await session.client.watch(
        session.path(kind), query, stream_limit, [&](std::string_view line) { return take(seen, kind, requested_at, line); });
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return fail(Code::Cancelled, "stopped");
    if (seen.deleted) co_return fail(Code::ApiNotFound, "was deleted while its reconciliation was awaited");
    if (seen.outcome.state != State::Waiting) break;
    const bool gone = !ended && ended.error().code == Code::ApiExpired;
    if (!ended && !gone && ended.error().retry == Retry::Never) co_return std::unexpected(ended.error());
    if (!ended || seen.broken || std::chrono::steady_clock::now() - started < pause) co_await sleep_for(pause);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return fail(Code::Cancelled, "stopped");
    if (!ended || seen.broken) { // what happened meanwhile may be lost: look
      auto now = co_await session.client.get(session.path(kind, name));
      if (!now && now.error().retry == Retry::Never) co_return std::unexpected(std::move(now.error()));
      if (now) seen.outcome = outcome_of(kind, seen.object = std::move(*now), requested_at);
      seen.broken = false;
    }
  }
  co_return std::move(seen.outcome);
}

} // namespace

Task<Result<Outcome>> await_outcome(Session& session, Kind kind, json object, std::string requested_at, Instant deadline) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  auto first = co_await (watch_on(session, kind, std::move(object), std::move(requested_at)) || timer.async_wait(as_result));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  if (std::get<0>(std::get<1>(first))) co_return fail(Code::Cancelled, "stopped");
  co_return fail(Code::Timeout, "is not done yet; the operator goes on with it (--timeout tells how long to wait)");
}

} // namespace gitsync::app
