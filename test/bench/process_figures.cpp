#include "bench/process_figures.h"

#include "support/text.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace gitsync::bench {
namespace {

std::filesystem::path proc(pid_t pid) { return "/proc/" + std::to_string(pid); }

std::vector<std::filesystem::path> threads_of(pid_t pid) {
  std::vector<std::filesystem::path> out;
  std::error_code gone;
  for (std::filesystem::directory_iterator it(proc(pid) / "task", gone), end; it != end; it.increment(gone)) {
    if (gone) break;
    out.push_back(it->path());
  }
  return out;
}

void collect(pid_t pid, std::vector<pid_t>& out) {
  out.push_back(pid);
  for (const auto& thread : threads_of(pid)) {
    std::istringstream children(test::read_file(thread / "children"));
    for (pid_t child; children >> child;) collect(child, out);
  }
}

/// The number behind "Name:" in kB, as MiB.
double field(const std::string& text, const std::string& name) {
  const size_t at = text.find("\n" + name + ":");
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + name.size() + 2, nullptr) / 1024;
}

} // namespace

Memory memory_of(pid_t pid) {
  Memory out;
  std::vector<pid_t> all;
  collect(pid, all);
  for (const pid_t one : all) {
    const auto status = test::read_file(proc(one) / "status");
    out.resident += field(status, "VmRSS");
    out.peak += field(status, "VmHWM");
    out.shared_out += field(test::read_file(proc(one) / "smaps_rollup"), "Pss");
    ++out.processes;
  }
  return out;
}

double processor_time_of(pid_t pid) {
  double milliseconds = 0;
  std::vector<pid_t> all;
  collect(pid, all);
  for (const pid_t one : all)
    for (const auto& thread : threads_of(one)) // "nanoseconds-on-cpu nanoseconds-waiting slices": far finer than stat's ticks
      milliseconds += std::strtod(test::read_file(thread / "schedstat").c_str(), nullptr) / 1e6;
  const auto stat = test::read_file(proc(pid) / "stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2)); // from the third field on
  std::string word;
  double reaped = 0;
  for (int i = 3; fields >> word && i <= 17; ++i)
    if (i >= 16) reaped += std::strtod(word.c_str(), nullptr); // cutime, cstime
  return milliseconds + reaped * 1000 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

} // namespace gitsync::bench
