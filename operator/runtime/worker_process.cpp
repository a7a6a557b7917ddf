#include "runtime/worker_process.h"

#include "base/text.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gitsync {
namespace {

constexpr size_t chunk_bytes = 64u << 10;

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return cat("was killed by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  return cat("ended with exit code ", WEXITSTATUS(status));
}

/// What posix_spawn wants set up and torn down.
struct SpawnSetup {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  explicit SpawnSetup(int fd) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
    // Not every library marks its descriptors close-on-exec (Asio's sockets are not).
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t signals;
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
};

} // namespace

struct WorkerProcess::State {
  pid_t pid;
  std::string name;
  asio::posix::stream_descriptor exit; // a pidfd: readable once the child has ended
  asio::local::stream_protocol::socket socket;
  FrameParser parser;
  std::string chunk;
  std::optional<int> status; // set once the child is reaped: its pid may then belong to someone else

  State(asio::any_io_executor executor, pid_t child, int exit_fd, int socket_fd, const Options& options)
      : pid(child), name(options.name), exit(executor, exit_fd), socket(executor, asio::local::stream_protocol(), socket_fd),
        parser(options.max_frame) {}

  ~State() {
    if (try_reap()) return;
    kill();
    int ended = 0;
    while (waitpid(pid, &ended, 0) < 0 && errno == EINTR) {}
  }

  void kill() {
    if (!status) ::kill(-pid, SIGKILL);
  }

  bool try_reap() {
    if (status) return true;
    int ended = 0;
    if (waitpid(pid, &ended, WNOHANG) == 0) return false;
    status = ended;
    return true;
  }

  /// Why the stream broke: kills what is left, waits for the end and tells how it was.
  static Task<std::unexpected<Error>> died(std::shared_ptr<State> self, std::string_view doing) {
    self->kill();
    while (!self->try_reap()) {
      const auto [error] = co_await self->exit.async_wait(asio::posix::descriptor_base::wait_read, as_result);
      if (error) co_return fail(Code::Cancelled, cat(self->name, ": cancelled while ", doing));
    }
    co_return fail(Code::WorkerDied, cat(self->name, ": ", how_it_ended(*self->status), " while ", doing), Retry::Backoff);
  }
};

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(asio::any_io_executor executor, Options options) {
  const auto cannot = [&](std::string_view what, int error) {
    return fail(Code::WorkerDied, cat(options.name, ": cannot be started: ", what, ": ", strerror(error)), Retry::Backoff);
  };
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return cannot("socketpair", errno);

  std::vector<char*> arguments;
  for (auto& argument : options.arguments) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  char* environment[] = {nullptr};
  pid_t pid = -1;
  int error = 0;
  {
    const SpawnSetup setup(ends[1]);
    error = posix_spawn(&pid, options.executable.c_str(), &setup.actions, &setup.attributes, arguments.data(), environment);
  }
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    return cannot(options.executable.native(), error);
  }
  // The child cannot have been reaped yet (only its State does that), so the pid is still its own.
  const int exit_fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (exit_fd < 0) {
    error = errno;
    ::kill(-pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
    ::close(ends[0]);
    return cannot("pidfd_open (Linux 5.3 or newer is needed)", error);
  }
  fcntl(exit_fd, F_SETFD, FD_CLOEXEC);
  return std::unique_ptr<WorkerProcess>(
      new WorkerProcess(std::make_shared<State>(std::move(executor), pid, exit_fd, ends[0], options)));
}

WorkerProcess::~WorkerProcess() {
  state_->kill();
  boost::system::error_code ignored;
  state_->socket.close(ignored);
  if (state_->try_reap()) return;
  // The handler owns the state: when the event loop is destroyed before the child has ended, the state's destructor waits for
  // it.
  state_->exit.async_wait(asio::posix::descriptor_base::wait_read,
                          [state = state_](const boost::system::error_code&) { state->try_reap(); });
}

Task<Result<>> WorkerProcess::send(std::string_view payload) {
  const auto state = state_;
  std::string bytes;
  bytes.reserve(payload.size() + 4);
  append_frame(bytes, payload);
  const auto [error, count] = co_await asio::async_write(state->socket, asio::buffer(bytes), as_result);
  if (error == asio::error::operation_aborted) co_return fail(Code::Cancelled, cat(state->name, ": cancelled while sending"));
  if (error) co_return co_await State::died(state, "it was sent a request");
  co_return Result<>{};
}

Task<Result<std::string_view>> WorkerProcess::receive() {
  const auto state = state_;
  for (;;) {
    auto message = state->parser.next();
    if (!message) co_return wrap(message.error(), state->name);
    if (*message) co_return **message;
    state->chunk.resize(chunk_bytes);
    const auto [error, count] = co_await state->socket.async_read_some(asio::buffer(state->chunk), as_result);
    if (error == asio::error::operation_aborted) co_return fail(Code::Cancelled, cat(state->name, ": cancelled while working"));
    if (error) co_return co_await State::died(state, "it worked on a request");
    state->parser.feed(std::string_view(state->chunk).substr(0, count));
  }
}

void WorkerProcess::kill() { state_->kill(); }
pid_t WorkerProcess::pid() const { return state_->pid; }

bool WorkerProcess::alive() const {
  if (state_->status) return false;
  pollfd ended{state_->exit.native_handle(), POLLIN, 0};
  return poll(&ended, 1, 0) == 0;
}

uint64_t WorkerProcess::resident() const {
  if (!alive()) return 0;
  std::ifstream statm(cat("/proc/", state_->pid, "/statm")); // proc(5): size resident shared …, in pages
  uint64_t size = 0, pages = 0;
  statm >> size >> pages;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

struct KillTimer::State {
  asio::steady_timer timer;
  WorkerProcess::State* worker; // null once nobody waits for this timer
  bool fired = false;
};

KillTimer::KillTimer(WorkerProcess& worker, std::chrono::milliseconds after)
    : state_(std::make_shared<State>(asio::steady_timer(worker.state_->socket.get_executor(), after), worker.state_.get())) {
  state_->timer.async_wait([state = state_](const boost::system::error_code& error) {
    if (error || !state->worker) return;
    state->fired = true;
    state->worker->kill();
  });
}

KillTimer::~KillTimer() {
  state_->worker = nullptr;
  state_->timer.cancel();
}

bool KillTimer::fired() const { return state_->fired; }

} // namespace gitsync
