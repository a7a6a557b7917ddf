// libFuzzer's two functions. GITSYNC_FUZZ_TARGET names what is fed.
#include "fuzz/targets.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {
const gitsync::fuzz::Target* chosen = nullptr;
} // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const char* name = std::getenv("GITSYNC_FUZZ_TARGET");
  chosen = name == nullptr ? nullptr : gitsync::fuzz::find(name);
  if (chosen != nullptr) return 0;
  std::fprintf(stderr, "GITSYNC_FUZZ_TARGET has to be one of:\n");
  for (const auto& target : gitsync::fuzz::targets()) std::fprintf(stderr, "%s\n", std::string(target.name).c_str());
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
