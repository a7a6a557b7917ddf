// Programs that a test starts. None of them outlives the test, however that ends: the kernel signals each when the thread that
// started it is gone (PR_SET_PDEATHSIG).
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace gitsync::test {

/// What a program said, and its exit code (128 + the signal where one ended it).
struct Output {
  int code = 0;
  std::string out, err;
  bool ok() const { return code == 0; }
};

struct Command {
  std::vector<std::string> argv;                    // argv[0] is looked up in PATH
  std::map<std::string, std::string> environment{}; // added to this process's
  std::filesystem::path directory{};                // "" for this process's
  std::string input{};                              // standard input
};

/// Runs it to its end.
Output run(const Command& command);
/// The same; throws with all that it said where the exit code is not 0. Returns standard output.
std::string must(const Command& command);

/// A program that goes on running. Main thread only.
class Process {
public:
  struct Options {
    std::vector<std::string> argv;
    std::map<std::string, std::string> environment{};
    std::filesystem::path output{}; // standard output; "" for a pipe that read_line() reads
    std::filesystem::path errors{}; // standard error; "" for this process's
    int death_signal = 9;           // what it gets when this process is gone without having ended it
    bool hold_input = false;        // standard input is a pipe that is open as long as this object lives
  };
  explicit Process(const Options& options);
  ~Process(); // kills it
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  /// The exit code, 128 + the signal where one ended it; nothing where it still runs after that many seconds.
  std::optional<int> wait(int seconds);
  void kill(); // SIGKILL, and waits
  /// Closes its standard input.
  void close_input();
  /// One line of its standard output; throws where none comes within that many seconds or the output ends.
  std::string read_line(int seconds);

private:
  bool reap(bool block);

  pid_t pid_ = -1;
  std::optional<int> code_;
  int input_ = -1, output_ = -1;
  std::string buffer_;
};

/// The process ids of a process's children that have not ended.
std::vector<pid_t> children_of(pid_t parent);

} // namespace gitsync::test
