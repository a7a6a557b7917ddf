#include "runtime/worker_process.h"

#include "base/text.h"
#include "support/catch.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

using namespace gitsync;

namespace {

struct Loop {
  asio::io_context io;
  template <class T> T run(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
      REQUIRE_FALSE(error);
      result.emplace(std::move(value));
    });
    while (!result) {
      io.restart();
      io.run_one();
    }
    return std::move(*result);
  }
  std::unique_ptr<WorkerProcess> shell(const std::string& script) {
    auto worker = WorkerProcess::start(io.get_executor(),
                                       {.executable = "/bin/sh", .arguments = {"sh", "-c", script}, .name = "test worker"});
    REQUIRE(worker);
    return std::move(*worker);
  }
};

bool gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

} // namespace

TEST_CASE("a worker answers on the socket that it reads from", "[runtime]") {
  Loop loop;
  const auto worker = loop.shell("cat");
  CHECK(worker->alive());
  CHECK(worker->resident() > 0);
  for (const std::string text : {"one", "", "three"}) {
    REQUIRE(loop.run(worker->send(text)));
    const auto answer = loop.run(worker->receive());
    REQUIRE(answer);
    CHECK(*answer == text);
  }
}

TEST_CASE("a worker inherits neither environment nor descriptors, and leads its own group", "[runtime]") {
  setenv("GITSYNC_TEST_SECRET", "visible", 1);
  const int leak = open("/dev/null", O_RDONLY); // not close-on-exec
  REQUIRE(leak >= 0);
  Loop loop;
  const auto worker = loop.shell("exec cat");
  REQUIRE(loop.run(worker->send("x")));
  REQUIRE(loop.run(worker->receive())); // cat runs now, the shell is gone
  close(leak);
  unsetenv("GITSYNC_TEST_SECRET");
  std::set<std::string> descriptors;
  for (const auto& entry : std::filesystem::directory_iterator(cat("/proc/", worker->pid(), "/fd")))
    descriptors.insert(entry.path().filename());
  CHECK(descriptors == std::set<std::string>{"0", "1", "2"});
  std::ifstream environment(cat("/proc/", worker->pid(), "/environ"));
  const std::string all{std::istreambuf_iterator<char>(environment), {}};
  CHECK(all.find("GITSYNC_TEST_SECRET") == std::string::npos);
  CHECK(getpgid(worker->pid()) == worker->pid());
}

TEST_CASE("how a worker ended is told", "[runtime]") {
  struct Case {
    const char* script;
    const char* told;
  };
  Loop loop;
  for (const auto& c : {Case{"exit 3", "exit code 3"}, Case{"kill -9 $$", "signal 9"}, Case{"kill -SEGV $$", "signal 11"}}) {
    const auto worker = loop.shell(c.script);
    const auto answer = loop.run(worker->receive());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::WorkerDied);
    CHECK(answer.error().retry == Retry::Backoff);
    CHECK(answer.error().message.starts_with("test worker: "));
    CHECK(answer.error().message.find(c.told) != std::string::npos);
    CHECK_FALSE(worker->alive());
    CHECK(worker->resident() == 0);
    CHECK_FALSE(loop.run(worker->send("more")));
  }
}

TEST_CASE("a kill takes the whole group and leaves no zombie", "[runtime]") {
  Loop loop;
  // The grandchild tells its own pid, then both sleep for ever.
  auto worker = loop.shell("/bin/sleep infinity & printf '\\000\\000\\000\\020%16s' $!; wait");
  const auto answer = loop.run(worker->receive());
  REQUIRE(answer);
  const pid_t grandchild = std::stoi(std::string(trim(*answer))), child = worker->pid();
  REQUIRE_FALSE(gone(grandchild));
  SECTION("by destruction") { worker.reset(); }
  SECTION("by its timer") {
    const KillTimer timer(*worker, std::chrono::milliseconds(1));
    CHECK_FALSE(loop.run(worker->receive()));
    CHECK(timer.fired());
    worker.reset();
  }
  while (!gone(child)) {
    loop.io.restart();
    loop.io.run_one(); // its end arrives as an event
  }
  // The grandchild's parent is init now, which may take a moment to reap it; a dead one has no memory.
  while (!gone(grandchild)) {
    std::error_code error;
    if (std::filesystem::read_symlink(cat("/proc/", grandchild, "/exe"), error).empty()) break;
  }
}

TEST_CASE("the end of the event loop reaps what is left", "[runtime]") {
  pid_t pid = -1;
  {
    Loop loop;
    const auto worker = loop.shell("exec /bin/sleep infinity");
    pid = worker->pid();
  }
  CHECK(gone(pid));
}

TEST_CASE("a timer that is destroyed kills nobody", "[runtime]") {
  Loop loop;
  const auto worker = loop.shell("cat");
  { const KillTimer timer(*worker, std::chrono::milliseconds(0)); }
  REQUIRE(loop.run(worker->send("x")));
  CHECK(loop.run(worker->receive()));
}

TEST_CASE("a program that is not there is an error", "[runtime]") {
  Loop loop;
  const auto worker = WorkerProcess::start(loop.io.get_executor(),
                                           {.executable = "/nonexistent/worker", .arguments = {"x"}, .name = "test worker"});
  REQUIRE_FALSE(worker);
  CHECK(worker.error().code == Code::WorkerDied);
  CHECK(worker.error().message.find("/nonexistent/worker") != std::string::npos);
}
