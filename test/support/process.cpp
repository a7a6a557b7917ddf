#include "support/process.h"

#include "support/text.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace gitsync::test {
namespace {

struct Descriptors {
  int in = -1, out = -1, err = -1; // -1: this process's
};

/// Nothing but system calls between fork and exec: other threads may hold any lock.
pid_t spawn(const std::vector<std::string>& argv, const std::map<std::string, std::string>& extra,
            const std::filesystem::path& directory, Descriptors files, int death_signal) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    if (!extra.contains(std::string(text.substr(0, text.find('='))))) environment.emplace_back(text);
  }
  for (const auto& [name, value] : extra) environment.push_back(name + "=" + value);
  std::vector<char*> arguments, variables;
  for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  for (const auto& variable : environment) variables.push_back(const_cast<char*>(variable.c_str()));
  arguments.push_back(nullptr);
  variables.push_back(nullptr);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error(argv[0] + ": fork: " + strerror(errno));
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, death_signal);
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (files.in >= 0) dup2(files.in, 0);
  if (files.out >= 0) dup2(files.out, 1);
  if (files.err >= 0) dup2(files.err, 2);
  if (!directory.empty() && chdir(directory.c_str()) != 0) _exit(126);
  execvpe(arguments[0], arguments.data(), variables.data());
  _exit(127);
}

int code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

int memory_file(const char* name, std::string_view content = {}) {
  const int file = memfd_create(name, MFD_CLOEXEC);
  if (file < 0) throw std::runtime_error(std::string("memfd: ") + strerror(errno));
  while (!content.empty()) {
    const ssize_t count = write(file, content.data(), content.size());
    if (count <= 0) throw std::runtime_error(std::string("memfd: ") + strerror(errno));
    content.remove_prefix(static_cast<size_t>(count));
  }
  lseek(file, 0, SEEK_SET);
  return file;
}

std::string take(int file) {
  std::string text(static_cast<size_t>(lseek(file, 0, SEEK_END)), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = pread(file, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  close(file);
  return text;
}

} // namespace

Output run(const Command& command) {
  const int in = memory_file("in", command.input), out = memory_file("out"), err = memory_file("err");
  const pid_t pid = spawn(command.argv, command.environment, command.directory, {in, out, err}, SIGKILL);
  close(in);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  Output output{.code = code_of(status)};
  output.out = take(out);
  output.err = take(err);
  return output;
}

std::string must(const Command& command) {
  auto output = run(command);
  if (output.ok()) return std::move(output.out);
  std::string line;
  for (const auto& argument : command.argv) line += argument + " ";
  throw std::runtime_error(line + "ended with " + std::to_string(output.code) + ":\n" + output.out + output.err);
}

Process::Process(const Options& options) {
  Descriptors files;
  int in[2] = {-1, -1}, out[2] = {-1, -1};
  if (options.hold_input) {
    if (pipe2(in, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    files.in = in[0];
    input_ = in[1];
  } else {
    files.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  if (options.output.empty()) {
    if (pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    files.out = out[1];
    output_ = out[0];
  } else {
    files.out = open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  if (!options.errors.empty()) files.err = open(options.errors.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  pid_ = spawn(options.argv, options.environment, {}, files, options.death_signal);
  close(files.in);
  close(files.out);
  if (files.err >= 0) close(files.err);
}

Process::~Process() {
  kill();
  if (input_ >= 0) close(input_);
  if (output_ >= 0) close(output_);
}

bool Process::reap(bool block) {
  if (code_) return true;
  int status = 0;
  pid_t result;
  while ((result = waitpid(pid_, &status, block ? 0 : WNOHANG)) < 0 && errno == EINTR) {}
  if (result == pid_) code_ = code_of(status);
  return code_.has_value();
}

bool Process::running() { return !reap(false); }

void Process::signal(int number) {
  if (running()) ::kill(pid_, number);
}

std::optional<int> Process::wait(int seconds) {
  if (reap(false)) return code_;
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (handle < 0) throw std::runtime_error(std::string("pidfd_open: ") + strerror(errno));
  pollfd entry{handle, POLLIN, 0};
  while (::poll(&entry, 1, seconds * 1000) < 0 && errno == EINTR) {}
  close(handle);
  reap(false);
  return code_;
}

void Process::kill() {
  signal(SIGKILL);
  reap(true);
}

void Process::close_input() {
  if (input_ >= 0) close(input_);
  input_ = -1;
}

std::string Process::read_line(int seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd entry{output_, POLLIN, 0};
    const int ready = left <= 0 ? 0 : ::poll(&entry, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    char chunk[4096];
    const ssize_t count = ready == 1 ? read(output_, chunk, sizeof chunk) : -1;
    if (count <= 0)
      throw std::runtime_error(ready == 1 ? "the program ended without a line" : "the program said nothing in time");
    buffer_.append(chunk, static_cast<size_t>(count));
  }
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    // "pid (name) state parent …", where the name may hold anything
    const std::string stat = read_file(entry.path() / "stat");
    const size_t end = stat.rfind(") ");
    if (end != std::string::npos && stat[end + 2] != 'Z' && std::atoi(stat.c_str() + end + 4) == parent)
      out.push_back(std::atoi(stat.c_str()));
  }
  return out;
}

} // namespace gitsync::test
