#include "report/process.h"

#include "base/text.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace gitsync::report {
namespace {

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// At most 64 KiB.
std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(size_t{64} << 10, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

uint64_t count_fds() {
  uint64_t count = 0;
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error))
    ++count;
  return count > 0 ? count - 1 : 0; // without the one that this look-up opened
}

} // namespace

std::optional<StatFields> parse_stat(std::string_view line) {
  const size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos) return {};
  // After the name stands field 3, the state; utime is field 14, stime 15, starttime 22, vsize 23, rss 24.
  const auto fields = split(trim(line.substr(name_end + 1)), ' ');
  if (fields.size() < 22) return {};
  const auto utime = number(fields[11]), stime = number(fields[12]), start = number(fields[19]), vsize = number(fields[20]),
             rss = number(fields[21]);
  if (!utime || !stime || !start || !vsize || !rss) return {};
  return StatFields{.cpu_ticks = *utime + *stime, .start_ticks = *start, .virtual_bytes = *vsize, .resident_pages = *rss};
}

std::optional<uint64_t> parse_boot_time(std::string_view proc_stat) {
  for (const auto line : split(proc_stat, '\n'))
    if (line.starts_with("btime ")) return number(trim(line.substr(6)));
  return {};
}

ProcessStats read_process_stats() {
  static const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  static const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  // Read once: /proc/stat has a line per interrupt and processor, and the machine is not started again under us.
  static const std::optional<uint64_t> boot = [] {
    std::ifstream file("/proc/stat");
    std::optional<uint64_t> found;
    for (std::string line; !found && std::getline(file, line);) found = parse_boot_time(line);
    return found;
  }();
  ProcessStats stats;
  if (const auto fields = parse_stat(read_file("/proc/self/stat"))) {
    stats.cpu_seconds = static_cast<double>(fields->cpu_ticks) / ticks;
    stats.start_time_seconds = static_cast<double>(boot.value_or(0)) + static_cast<double>(fields->start_ticks) / ticks;
    stats.resident_bytes = fields->resident_pages * page;
    stats.virtual_bytes = fields->virtual_bytes;
  }
  stats.open_fds = count_fds();
  return stats;
}

} // namespace gitsync::report
