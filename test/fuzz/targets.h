// Every parser of ours that reads foreign bytes, each as a function that takes any bytes: it must not crash, hang or take more
// memory than its budget, and what it promises must hold. `make fuzz` feeds them with what libFuzzer finds; the unit tests
// replay test/fuzz/corpus/<name>/.
#pragma once
#include <span>
#include <string_view>

namespace gitsync::fuzz {

struct Target {
  std::string_view name;
  std::string_view reads; // where the bytes come from
  /// Aborts where a promise is broken. Any thread.
  void (*run)(std::string_view bytes);
};

std::span<const Target> targets();
/// Null where there is none.
const Target* find(std::string_view name);

} // namespace gitsync::fuzz
