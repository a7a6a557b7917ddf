// What was once worth keeping of what the fuzzers found, and seeds, for every target.
#include "fuzz/targets.h"
#include "support/catch.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

using namespace gitsync;

namespace {

std::filesystem::path corpus() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "fuzz/corpus";
}

} // namespace

TEST_CASE("the fuzzers' corpora are read without harm, whole and cut off anywhere", "[fuzz]") {
  std::set<std::string> known;
  for (const auto& target : fuzz::targets()) {
    INFO(target.name);
    known.insert(std::string(target.name));
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(corpus() / target.name)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      REQUIRE(in.good());
      target.run(bytes);
      for (size_t cut = 0; cut < bytes.size(); cut += 1 + bytes.size() / 64) target.run(std::string_view(bytes).substr(0, cut));
      ++files;
    }
    CHECK(files > 0);
  }
  for (const auto& entry : std::filesystem::directory_iterator(corpus())) CHECK(known.contains(entry.path().filename()));
}
