// What /proc says of this process, for the process_* metrics.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace gitsync::report {

struct ProcessStats {
  double cpu_seconds = 0;        // user and system, of all threads
  double start_time_seconds = 0; // since the epoch
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_fds = 0;
};

/// The fields of /proc/<pid>/stat that matter, in the kernel's units. Source: proc(5).
struct StatFields {
  uint64_t cpu_ticks = 0;   // utime + stime
  uint64_t start_ticks = 0; // since boot
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;
};
/// Pure. The command's name may hold spaces and parentheses; nothing where the line is not a stat line.
std::optional<StatFields> parse_stat(std::string_view line);
/// Pure. "btime" of /proc/stat: when the machine was started, in seconds since the epoch.
std::optional<uint64_t> parse_boot_time(std::string_view proc_stat);

/// Reads a few small files; zeros where /proc cannot be read. Any thread.
ProcessStats read_process_stats();

} // namespace gitsync::report
