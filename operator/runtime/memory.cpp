#include "runtime/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace gitsync {
namespace {

/// Segments that are never written are clean, so that dropping them loses nothing (madvise(2), MADV_DONTNEED). What was
/// relocated lies in writable segments, also where it is read-only by now: those stay.
int let_go(dl_phdr_info* object, size_t, void* page_size) {
  const auto page = *static_cast<const uintptr_t*>(page_size);
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t begin = (object->dlpi_addr + segment.p_vaddr + page - 1) / page * page;
    const uintptr_t end = (object->dlpi_addr + segment.p_vaddr + segment.p_filesz) / page * page;
    if (begin >= end) continue;
    void* const address = reinterpret_cast<void*>(begin); // NOLINT(performance-no-int-to-ptr): the linker knows only integers
    (void)madvise(address, end - begin, MADV_DONTNEED);   // refused: then they stay
  }
  return 0;
}

} // namespace

void give_back_memory() {
  malloc_trim(0);
  static bool first = true; // after that only what is in use comes back
  if (!std::exchange(first, false)) return;
  auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  dl_iterate_phdr(let_go, &page);
}

} // namespace gitsync
