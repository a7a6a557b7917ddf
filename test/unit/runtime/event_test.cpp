#include "runtime/event.h"

#include "unit/runtime/loop.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <vector>

using namespace gitsync;
using namespace std::chrono_literals;

namespace {

Task<int> with(Semaphore& semaphore, std::function<void()> inside, Event& leave) {
  const auto permit = co_await semaphore.acquire();
  if (!permit) co_return 0;
  inside();
  co_return co_await leave.wait() ? 1 : 2;
}

} // namespace

TEST_CASE("an event wakes all who wait, and later comers at once", "[runtime]") {
  Loop loop;
  Event event(loop.executor());
  TaskGroup group(loop.executor());
  std::vector<Outcome<bool>> waits(3);
  group.spawn("plain", keep(event.wait(), waits[0]));
  group.spawn("limited", keep(event.wait_for(1h), waits[1]));
  loop.settle();
  CHECK_FALSE(waits[0].ended());
  CHECK_FALSE(waits[1].ended());
  event.set();
  CHECK(event.is_set());
  loop.settle(); // no deadline has to pass
  CHECK(waits[0].value == true);
  CHECK(waits[1].value == true);
  group.spawn("late", keep(event.wait_for(0s), waits[2]));
  loop.settle();
  CHECK(waits[2].value == true);
  loop.run(); // the hour's timer left with its wait: otherwise this is cut by the guard
  CHECK(group.running() == 0);
}

TEST_CASE("an event that was reset before its waiter ran keeps it waiting", "[runtime]") {
  Loop loop;
  Event event(loop.executor());
  TaskGroup group(loop.executor());
  Outcome<bool> first, limited;
  group.spawn("plain", keep(event.wait(), first));
  group.spawn("limited", keep(event.wait_for(1h), limited));
  loop.settle();
  event.set();
  event.reset();
  loop.settle();
  CHECK_FALSE(first.ended());
  CHECK_FALSE(limited.ended());
  event.set();
  loop.settle();
  CHECK(first.value == true);
  CHECK(limited.value == true);
}

TEST_CASE("wait_for ends with false when its limit has passed, and wakes nobody else", "[runtime]") {
  Loop loop;
  Event event(loop.executor());
  TaskGroup group(loop.executor());
  Outcome<bool> brief, patient;
  const auto ended_first = [&]() -> Task<bool> {
    const bool is = co_await event.wait_for(1ms);
    CHECK_FALSE(patient.ended());
    event.set();
    co_return is;
  };
  group.spawn("patient", keep(event.wait_for(1h), patient));
  group.spawn("brief", keep(ended_first(), brief));
  loop.run();
  CHECK(brief.value == false);
  CHECK(patient.value == true);
}

TEST_CASE("a cancelled wait ends with false, not with an exception", "[runtime]") {
  const bool limited = GENERATE(false, true);
  const int others = GENERATE(0, 2);
  Loop loop;
  Event event(loop.executor());
  TaskGroup group(loop.executor()), rest(loop.executor());
  Outcome<bool> cancelled;
  std::vector<Outcome<bool>> untouched(2);
  for (int i = 0; i < others; ++i)
    rest.spawn("other", keep(i ? event.wait() : event.wait_for(1h), untouched[static_cast<size_t>(i)]));
  group.spawn("mine", keep(limited ? event.wait_for(1h) : event.wait(), cancelled));
  loop.settle();
  loop.inside([&] { group.stop(); });
  CHECK_FALSE(cancelled.thrown);
  CHECK(cancelled.value == false);
  for (int i = 0; i < others; ++i) CHECK_FALSE(untouched[static_cast<size_t>(i)].ended());
  event.set();
  loop.run();
  for (int i = 0; i < others; ++i) CHECK(untouched[static_cast<size_t>(i)].value == true);
}

TEST_CASE("a wait that is set and cancelled in one go tells that it was set", "[runtime]") {
  const bool limited = GENERATE(false, true);
  const bool set_first = GENERATE(false, true);
  Loop loop;
  Event event(loop.executor());
  TaskGroup group(loop.executor());
  Outcome<bool> outcome;
  group.spawn("mine", keep(limited ? event.wait_for(1h) : event.wait(), outcome));
  loop.settle();
  loop.inside([&] {
    if (set_first) event.set();
    group.stop();
    if (!set_first) event.set();
  });
  loop.run();
  CHECK(outcome.value == true);
}

TEST_CASE("a wait may be destroyed with its loop while it is queued", "[runtime]") {
  // What runs under the sanitizers: frames, timers and queued handlers are destroyed in every state.
  const bool set = GENERATE(false, true);
  const bool expire = GENERATE(false, true);
  const bool ran = GENERATE(false, true);
  auto event = std::unique_ptr<Event>();
  bool resumed = false;
  {
    asio::io_context io;
    event = std::make_unique<Event>(io.get_executor());
    asio::co_spawn(
        io,
        [&]() -> Task<> {
          co_await event->wait_for(expire ? 0s : std::chrono::duration_cast<std::chrono::seconds>(1h));
          resumed = true;
        },
        asio::detached);
    if (ran) io.poll_one(); // it waits now
    if (set) event->set();  // its handler is queued now
    event.reset();          // the event goes first, its deadline finds it gone
  }
  CHECK_FALSE(resumed);
}

TEST_CASE("a deadline that finds its event gone does nothing", "[runtime]") {
  Loop loop;
  auto event = std::make_unique<Event>(loop.executor());
  auto other = std::make_unique<Event>(loop.executor());
  TaskGroup group(loop.executor());
  Outcome<bool> waited;
  const auto last_user = [&]() -> Task<bool> {
    const bool is = co_await event->wait_for(0ms);
    event.reset();
    co_return is;
  };
  group.spawn("last user", keep(last_user(), waited));
  loop.run();
  CHECK(waited.ended());
  CHECK(event == nullptr);
}

TEST_CASE("a semaphore lets in so many, in the order in which they came", "[runtime]") {
  const size_t permits = GENERATE(1u, 2u, 5u);
  Loop loop;
  Semaphore semaphore(loop.executor(), permits);
  TaskGroup group(loop.executor());
  std::vector<std::unique_ptr<Event>> leave;
  std::vector<Outcome<int>> ends(8);
  std::vector<size_t> entered;
  for (size_t i = 0; i < ends.size(); ++i) {
    leave.push_back(std::make_unique<Event>(loop.executor()));
    group.spawn("user", keep(with(semaphore, [&entered, i] { entered.push_back(i); }, *leave[i]), ends[i]));
  }
  loop.settle();
  CHECK(entered.size() == permits);
  for (size_t i = 0; i < ends.size(); ++i) {
    leave[i]->set();
    loop.settle();
    CHECK(entered.size() == std::min(ends.size(), i + 1 + permits));
  }
  CHECK(std::ranges::is_sorted(entered));
  for (const auto& end : ends) CHECK(end.value == 1);
}

TEST_CASE("who is cancelled while it queues for a permit leaves the queue", "[runtime]") {
  const size_t cancelled = GENERATE(0u, 1u, 2u); // which of the three in the queue
  Loop loop;
  Semaphore semaphore(loop.executor(), 1);
  TaskGroup holder(loop.executor());
  std::vector<std::unique_ptr<TaskGroup>> queue;
  Event done(loop.executor()), leave(loop.executor());
  Outcome<int> first;
  std::vector<Outcome<int>> ends(3);
  size_t inside = 0;
  holder.spawn("holder", keep(with(semaphore, [] {}, leave), first));
  loop.settle();
  for (auto& end : ends) {
    queue.push_back(std::make_unique<TaskGroup>(loop.executor()));
    queue.back()->spawn("queued", keep(with(semaphore, [&] { ++inside; }, done), end));
  }
  done.set();
  loop.settle();
  CHECK(inside == 0);
  loop.inside([&] { queue[cancelled]->stop(); });
  CHECK(queue[cancelled]->running() == 0);
  leave.set(); // the permit goes to those who still wait; a forgotten place in the queue is freed memory by now
  loop.run();
  CHECK(first.value == 1);
  CHECK(inside == 2);
  for (size_t i = 0; i < ends.size(); ++i)
    if (i != cancelled) CHECK(ends[i].value == 1);
}

TEST_CASE("a cancelled acquire gives an empty permit, not an exception", "[runtime]") {
  Loop loop;
  Semaphore semaphore(loop.executor(), 0);
  TaskGroup group(loop.executor());
  Event never(loop.executor());
  Outcome<int> end;
  group.spawn("queued", keep(with(semaphore, [] { FAIL("nobody may enter"); }, never), end));
  loop.settle();
  loop.inside([&] { group.stop(); });
  loop.run();
  CHECK_FALSE(end.thrown);
  CHECK(end.value == 0);
}

TEST_CASE("a permit granted to somebody who is cancelled at that moment is not lost", "[runtime]") {
  const bool grant_first = GENERATE(false, true);
  Loop loop;
  Semaphore semaphore(loop.executor(), 1);
  TaskGroup group(loop.executor()), next(loop.executor());
  Event done(loop.executor());
  std::optional<Semaphore::Permit> held;
  const auto hold = [&]() -> Task<> { held.emplace(co_await semaphore.acquire()); };
  next.spawn("hold", hold());
  loop.settle();
  REQUIRE(held);
  Outcome<int> end, after;
  group.spawn("queued", keep(with(semaphore, [] {}, done), end));
  loop.settle();
  done.set();
  loop.inside([&] {
    if (grant_first) held.reset();
    group.stop();
    if (!grant_first) held.reset();
  });
  CHECK(group.running() == 0);
  next.spawn("after", keep(with(semaphore, [] {}, done), after));
  loop.settle();
  CHECK(after.value == 1);
  loop.inside([&] { next.stop(); });
  loop.run();
}

TEST_CASE("a permit that is moved is released once", "[runtime]") {
  Loop loop;
  Semaphore semaphore(loop.executor(), 1);
  TaskGroup group(loop.executor());
  int entered = 0;
  const auto user = [&]() -> Task<> {
    auto permit = co_await semaphore.acquire();
    Semaphore::Permit other(std::move(permit));
    CHECK_FALSE(permit); // NOLINT(bugprone-use-after-move): what is left of it is what is looked at
    CHECK(other);
    permit = std::move(other);
    CHECK(permit);
    ++entered;
  };
  for (int i = 0; i < 3; ++i) group.spawn("user", user());
  loop.run();
  CHECK(entered == 3);
  CHECK(group.running() == 0);
}
