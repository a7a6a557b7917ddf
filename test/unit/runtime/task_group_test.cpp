#include "runtime/task_group.h"

#include "runtime/event.h"
#include "unit/runtime/loop.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace gitsync;
using namespace std::chrono_literals;

namespace {

/// How a child process that runs `work` ends; its standard error is dropped.
int end_of(const std::function<void()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(STDERR_FILENO);
    ::signal(SIGABRT, SIG_DFL); // Catch2 has a handler of its own
    work();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

} // namespace

TEST_CASE("a group knows who runs and forgets who has ended", "[runtime]") {
  Loop loop;
  TaskGroup group(loop.executor());
  Event go(loop.executor());
  const auto wait = [&]() -> Task<> { co_await go.wait(); };
  const auto once = []() -> Task<> { co_return; };
  group.spawn("waits", wait());
  group.spawn("ends", once());
  CHECK(group.running() == 2);
  loop.settle();
  CHECK(group.running() == 1);
  CHECK_FALSE(group.stopping());
  go.set();
  loop.run();
  CHECK(group.running() == 0);
}

TEST_CASE("stop ends every wait, runs what comes after it, and starts nothing more", "[runtime]") {
  Loop loop;
  TaskGroup group(loop.executor());
  Event never(loop.executor());
  Semaphore full(loop.executor(), 0);
  int cleaned = 0, started = 0;
  struct Count {
    int& count;
    ~Count() { ++count; }
  };
  const auto sleeper = [&]() -> Task<> {
    const Count count{cleaned};
    co_await sleep_for(1h);
  };
  const auto waiter = [&]() -> Task<> {
    const Count count{cleaned};
    co_await never.wait();
  };
  const auto limited = [&]() -> Task<> {
    const Count count{cleaned};
    co_await never.wait_for(1h);
  };
  const auto queued = [&]() -> Task<> {
    const Count count{cleaned};
    co_await full.acquire();
  };
  const auto nested = [&]() -> Task<> {
    const Count count{cleaned};
    co_await sleeper();
  };
  group.spawn("sleeper", sleeper());
  group.spawn("waiter", waiter());
  group.spawn("limited", limited());
  group.spawn("queued", queued());
  group.spawn("nested", nested());
  loop.settle();
  CHECK(group.running() == 5);
  loop.inside([&] {
    group.stop();
    group.stop(); // idempotent
  });
  CHECK(group.stopping());
  const auto late = [&]() -> Task<> {
    ++started;
    co_return;
  };
  group.spawn("late", late());
  loop.run();
  CHECK(group.running() == 0);
  CHECK(cleaned == 6);
  CHECK(started == 0);
}

TEST_CASE("a task that is stopped before it began ends too", "[runtime]") {
  Loop loop;
  TaskGroup group(loop.executor());
  bool over = false;
  const auto sleeper = [&]() -> Task<> {
    co_await sleep_for(1h);
    over = true;
  };
  loop.inside([&] {
    group.spawn("sleeper", sleeper());
    group.stop(); // nothing of it has run yet
  });
  loop.run();
  CHECK(group.running() == 0);
}

TEST_CASE("sleep_for returns early and without an exception when it is cancelled", "[runtime]") {
  Loop loop;
  TaskGroup group(loop.executor());
  Outcome<bool> end;
  const auto sleeper = []() -> Task<bool> {
    co_await sleep_for(1h);
    co_return true;
  };
  group.spawn("sleeper", keep(sleeper(), end));
  loop.settle();
  loop.inside([&] { group.stop(); });
  loop.run();
  CHECK_FALSE(end.thrown);
  CHECK(end.value == true);
}

TEST_CASE("wait returns when the last task has ended, for all who wait", "[runtime]") {
  Loop loop;
  TaskGroup work(loop.executor()), waiters(loop.executor());
  Event one(loop.executor()), two(loop.executor());
  std::vector<Outcome<bool>> ends(3);
  const auto task = [](Event& event) -> Task<> { co_await event.wait(); };
  const auto wait = [&]() -> Task<bool> {
    co_await work.wait();
    co_return work.running() == 0;
  };
  work.spawn("one", task(one));
  work.spawn("two", task(two));
  for (size_t i = 0; i < 2; ++i) waiters.spawn("waiter", keep(wait(), ends[i]));
  loop.settle();
  one.set();
  loop.settle();
  CHECK_FALSE(ends[0].ended());
  two.set();
  loop.settle();
  CHECK(ends[0].value == true);
  CHECK(ends[1].value == true);
  waiters.spawn("late", keep(wait(), ends[2])); // nothing runs: at once
  loop.run();
  CHECK(ends[2].value == true);
}

TEST_CASE("a cancelled wait leaves the tasks alone and is not woken later", "[runtime]") {
  Loop loop;
  TaskGroup work(loop.executor()), waiters(loop.executor());
  Event event(loop.executor());
  Outcome<bool> end;
  const auto task = [&]() -> Task<> { co_await event.wait(); };
  const auto wait = [&]() -> Task<bool> {
    co_await work.wait();
    co_return work.running() == 0;
  };
  work.spawn("task", task());
  waiters.spawn("waiter", keep(wait(), end));
  loop.settle();
  loop.inside([&] { waiters.stop(); });
  CHECK(end.value == false); // returned early: it runs still
  CHECK(work.running() == 1);
  event.set(); // a waiter forgotten in the list would be freed memory by now
  loop.run();
  CHECK(work.running() == 0);
}

TEST_CASE("an exception of a task ends the process, unless it is the cancellation that was asked for", "[runtime]") {
  struct Row {
    const char* what;
    bool stop_first;
    std::function<void()> thrown;
    int signal;
  };
  const std::vector<Row> rows = {
      {"a defect", false, [] { throw std::runtime_error("x"); }, SIGABRT},
      {"a defect while it stops", true, [] { throw std::runtime_error("x"); }, SIGABRT},
      {"cancelled by nobody", false, [] { throw boost::system::system_error(asio::error::operation_aborted); }, SIGABRT},
      {"cancelled on purpose", true, [] { throw boost::system::system_error(asio::error::operation_aborted); }, 0},
      {"another failure while it stops", true, [] { throw boost::system::system_error(asio::error::eof); }, SIGABRT},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(end_of([&] {
            asio::io_context io;
            TaskGroup group(io.get_executor());
            const auto task = [&]() -> Task<> {
              co_await sleep_for(row.stop_first ? std::chrono::seconds(3600) : std::chrono::seconds(0));
              row.thrown();
            };
            group.spawn("task", task());
            io.poll();
            if (row.stop_first) asio::post(io, [&] { group.stop(); });
            io.run();
          }) == row.signal);
  }
}

TEST_CASE("a group that is destroyed while a task runs ends the process", "[runtime]") {
  CHECK(end_of([] {
          asio::io_context io;
          TaskGroup group(io.get_executor());
          const auto task = []() -> Task<> { co_await sleep_for(1h); };
          group.spawn("task", task());
          io.poll();
        }) == SIGABRT);
}
