// Waiting for a state of the cluster, with a bound.
#pragma once
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>

namespace gitsync::test {

/// A wait that ended without what was waited for.
struct Unmet : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How long a wait may take before the test fails: 30 s, or GITSYNC_TEST_PATIENCE seconds (sanitizers, slow machines). A bound,
/// never a measure: no test is quicker or slower by it.
inline std::chrono::seconds patience() {
  static const std::chrono::seconds value = [] {
    const char* text = std::getenv("GITSYNC_TEST_PATIENCE");
    return std::chrono::seconds(text ? std::max(1, std::atoi(text)) : 30);
  }();
  return value;
}

/// Asks until the answer is yes: the predicate returns true, or "" (otherwise what is still wrong, for the message). What it
/// throws is passed on.
template <class Predicate>
void eventually(std::string_view what, Predicate predicate, std::chrono::seconds limit = patience()) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (auto pause = std::chrono::milliseconds(2);; pause = std::min(pause * 2, std::chrono::milliseconds(50))) {
    std::string wrong;
    if constexpr (std::is_same_v<std::invoke_result_t<Predicate>, bool>) {
      if (predicate()) return;
      wrong = "it is not so";
    } else {
      wrong = predicate();
      if (wrong.empty()) return;
    }
    if (std::chrono::steady_clock::now() > deadline)
      throw Unmet("waited " + std::to_string(limit.count()) + " s until " + std::string(what) + ": " + wrong);
    std::this_thread::sleep_for(pause);
  }
}

} // namespace gitsync::test
