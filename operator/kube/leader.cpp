#include "kube/leader.h"

#include "base/log.h"
#include "base/text.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <ctime>

namespace gitsync::kube {
namespace {

LeaseInput tick() {
  LeaseInput input;
  input.now = lease_clock();
  input.wall = std::chrono::system_clock::now();
  return input;
}

} // namespace

Instant lease_clock() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

Leader::Leader(Client& client, std::string ns, std::string name, std::string identity, OnChange on_change, LeaseTimes times)
    : client_(client), collection_(Resource{"coordination.k8s.io", "v1", "leases", "Lease", true}.path(ns)),
      object_(cat(collection_, "/", url_encode(name))), what_(cat("Lease ", ns, "/", name)), on_change_(std::move(on_change)),
      machine_(std::move(ns), std::move(name), std::move(identity), times) {}

Task<> Leader::run() {
  // Cancellation is looked at where it matters instead of being thrown from any co_await.
  co_await asio::this_coro::throw_if_cancelled(false);
  LeaseInput input = tick();
  for (;;) {
    LeaseAction action = machine_.resume(input);
    if (const auto* loss = std::get_if<lease::LoseLeadership>(&action)) {
      log::error("leadership lost: all writers stop", {{"lease", what_}, {"cause", loss->reason}});
      on_change_(false, loss->reason);
      co_return;
    }
    if (std::holds_alternative<lease::Released>(action)) co_return; // run() after release()
    if (std::holds_alternative<lease::BecomeLeader>(action)) {
      log::info("leadership acquired", {{"lease", what_}, {"term", machine_.term()}});
      on_change_(true, {});
      input = tick();
      continue;
    }
    input = co_await act(std::move(action));
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
  }
}

Task<> Leader::release() {
  co_await asio::this_coro::throw_if_cancelled(false);
  const bool led = is_leader();
  LeaseAction action = machine_.release(lease_clock(), std::chrono::system_clock::now());
  while (!std::holds_alternative<lease::Released>(action)) {
    const LeaseInput input = co_await act(std::move(action));
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return; // it runs out by itself
    action = machine_.resume(input);
  }
  if (led) log::info("leadership given back", {{"lease", what_}});
}

Task<LeaseInput> Leader::act(LeaseAction action) {
  if (const auto* wait = std::get_if<lease::Wait>(&action)) {
    co_await sleep_for(wait->duration);
    co_return tick();
  }
  Result<nlohmann::json> answer = nlohmann::json();
  if (const auto* get = std::get_if<lease::Get>(&action)) {
    answer = co_await ask(client_.get(object_), get->timeout);
  } else if (const auto* create = std::get_if<lease::Create>(&action)) {
    answer = co_await ask(client_.create(collection_, create->body), create->timeout);
  } else if (const auto* update = std::get_if<lease::Update>(&action)) {
    answer = co_await ask(client_.replace(object_, update->body), update->timeout);
  }
  co_return input_of(std::move(answer));
}

Task<Result<nlohmann::json>> Leader::ask(Task<Result<nlohmann::json>> request, std::chrono::milliseconds timeout) {
  using namespace asio::experimental::awaitable_operators;
  co_await asio::this_coro::throw_if_cancelled(false);
  auto limit = sleep_for(timeout);
  auto race = std::move(request) || std::move(limit); // the loser is cancelled and waited for
  auto first = co_await std::move(race);
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return fail(Code::Timeout, cat(what_, ": no answer within ", timeout.count(), " ms"));
}

LeaseInput Leader::input_of(Result<nlohmann::json> answer) {
  LeaseInput input = tick();
  if (answer) {
    input.kind = LeaseInput::Kind::Read;
    input.lease = std::move(*answer);
    problem_.clear();
    return input;
  }
  const Error& error = answer.error();
  input.message = error.message;
  if (error.retry == Retry::After) input.after = error.after;
  switch (error.code) {
  case Code::ApiConflict: input.kind = LeaseInput::Kind::Conflict; return input; // somebody was faster: nothing is wrong
  case Code::ApiNotFound: input.kind = LeaseInput::Kind::NotFound; return input;
  default: input.kind = LeaseInput::Kind::Failed;
  }
  std::string problem = error.text();
  if (problem != problem_) {
    problem_ = std::move(problem);
    log::warn("leader election: a request failed, it will be tried again", {{"lease", what_}, {"cause", problem_}});
  }
  return input;
}

} // namespace gitsync::kube
