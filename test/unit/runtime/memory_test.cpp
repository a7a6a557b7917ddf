#include "runtime/memory.h"

#include "support/catch.h"

#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

using namespace gitsync;

namespace {
/// KiB of this process, "RssFile:" or "RssAnon:".
long resident(const std::string& what) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(what)) return std::stol(line.substr(what.size()));
  throw std::runtime_error("/proc/self/status has no " + what);
}
const std::string text = "relocated";
const std::string* const table[] = {&text, nullptr};
} // namespace

TEST_CASE("giving memory back shrinks the process and loses nothing", "[runtime]") {
  const long before = resident("RssFile:");
  give_back_memory();
  CHECK(resident("RssFile:") < before);
  // Relocated constants, virtual calls, exceptions: all that lives in the mapped files still works.
  CHECK(*table[0] == "relocated");
  std::unique_ptr<std::exception> error = std::make_unique<std::runtime_error>("virtual");
  CHECK(std::string(error->what()) == "virtual");
  CHECK_THROWS_AS(resident("nonsense:"), std::runtime_error);
  give_back_memory();
}
