#include "runtime/parallel.h"

#include "runtime/event.h"
#include "unit/runtime/loop.h"

#include <boost/asio/post.hpp>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

using namespace gitsync;
using namespace std::chrono_literals;

namespace {

/// Work that ends when it is told to, and what was seen of it.
struct Work {
  Loop& loop;
  std::vector<std::unique_ptr<Event>> go;
  std::vector<size_t> started;
  std::vector<bool> finished;
  size_t inside = 0, most = 0;

  Work(Loop& l, size_t count) : loop(l), finished(count, false) {
    for (size_t i = 0; i < count; ++i) go.push_back(std::make_unique<Event>(l.executor()));
  }
  Task<> one(size_t index) {
    started.push_back(index);
    most = std::max(most, ++inside);
    struct Leave {
      size_t& inside;
      ~Leave() { --inside; }
    } leave{inside};
    finished[index] = co_await go[index]->wait();
  }
  Task<bool> all(size_t limit) {
    co_await parallel_for(finished.size(), limit, [this](size_t index) { return one(index); });
    co_return inside == 0;
  }
};

} // namespace

TEST_CASE("parallel_for does everything once, in order of starting, never more than the limit at once", "[runtime]") {
  const size_t count = GENERATE(0u, 1u, 2u, 7u, 40u);
  const size_t limit = GENERATE(1u, 3u, 64u);
  CAPTURE(count, limit);
  Loop loop;
  Work work(loop, count);
  TaskGroup group(loop.executor());
  Outcome<bool> end;
  group.spawn("all", keep(work.all(limit), end));
  loop.settle();
  CHECK(work.started.size() == std::min(count, limit));
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, std::mt19937(static_cast<unsigned>(count)));
  for (const size_t index : order) {
    CHECK_FALSE(end.ended());
    work.go[index]->set();
    loop.settle();
  }
  CHECK(end.value == true);
  CHECK(work.started.size() == count);
  CHECK(std::ranges::is_sorted(work.started));
  CHECK(std::ranges::all_of(work.finished, [](bool is) { return is; }));
  CHECK(work.most == std::min(count, limit));
}

TEST_CASE("parallel_for cancelled in the middle ends what runs and starts no more", "[runtime]") {
  const size_t count = GENERATE(1u, 2u, 9u);
  const size_t limit = GENERATE(1u, 4u);
  CAPTURE(count, limit);
  Loop loop;
  Work work(loop, count);
  TaskGroup group(loop.executor());
  Outcome<bool> end;
  group.spawn("all", keep(work.all(limit), end));
  loop.settle();
  const size_t begun = work.started.size();
  REQUIRE(begun == std::min(count, limit));
  loop.inside([&] { group.stop(); });
  CHECK(group.running() == 0);
  CHECK(work.inside == 0); // nothing outlives the frame that it refers to
  CHECK(work.started.size() == begun);
  CHECK(std::ranges::none_of(work.finished, [](bool is) { return is; }));
}

TEST_CASE("parallel_for cancelled before it began starts nothing", "[runtime]") {
  Loop loop;
  Work work(loop, 5);
  TaskGroup group(loop.executor());
  Outcome<bool> end;
  loop.inside([&] {
    group.spawn("all", keep(work.all(2), end));
    group.stop();
  });
  loop.run();
  CHECK(group.running() == 0);
  CHECK(work.started.size() <= 2); // those that it starts are cancelled at their first wait
  CHECK(std::ranges::none_of(work.finished, [](bool is) { return is; }));
}

TEST_CASE("parallel_for waits for work that ends late after a cancellation", "[runtime]") {
  Loop loop;
  TaskGroup group(loop.executor());
  Event cleaned(loop.executor());
  int inside = 0;
  const auto stubborn = [&](size_t) -> Task<> { // cleans up after the cancellation, as a killed worker does
    ++inside;
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await sleep_for(1h);
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await cleaned.wait();
    --inside;
  };
  Outcome<bool> end;
  const auto all = [&]() -> Task<bool> {
    co_await parallel_for(3, 3, stubborn);
    co_return true;
  };
  group.spawn("all", keep(all(), end));
  loop.settle();
  CHECK(inside == 3);
  loop.inside([&] { group.stop(); });
  CHECK(group.running() == 1);
  cleaned.set();
  loop.run();
  CHECK(inside == 0);
  CHECK(group.running() == 0);
}

TEST_CASE("parallel_for inside parallel_for, and many short ones", "[runtime]") {
  Loop loop;
  TaskGroup group(loop.executor());
  size_t done = 0;
  const auto inner = [&](size_t) -> Task<> {
    co_await parallel_for(10, 3, [&](size_t) -> Task<> {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      ++done;
    });
  };
  Outcome<bool> end;
  const auto outer = [&]() -> Task<bool> {
    co_await parallel_for(10, 4, inner);
    co_return true;
  };
  group.spawn("outer", keep(outer(), end));
  loop.run();
  CHECK(end.value == true);
  CHECK(done == 100);
}
