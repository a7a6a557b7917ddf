// What /proc tells of a process and of all its children.
#pragma once
#include <cstdint>
#include <sys/types.h>

namespace gitsync::bench {

struct Memory {
  double resident = 0;   // MiB, VmRSS summed: pages that processes share count for each of them
  double peak = 0;       // MiB, VmHWM summed
  double shared_out = 0; // MiB, Pss summed: shared pages count once
  unsigned processes = 0;
};
Memory memory_of(pid_t pid);

/// Milliseconds of processor time of the process, its living children, and those that it has reaped.
double processor_time_of(pid_t pid);

} // namespace gitsync::bench
