// The examples of docs/: what people copy has to be what the API server takes.
#include "support/catch.h"
#include "support/site.h"

#include <regex>

using namespace gitsync::test;

namespace {

/// The YAML examples of a page that stand for whole objects of ours.
std::vector<std::string> examples_of(const std::filesystem::path& page) {
  std::vector<std::string> out;
  std::string block;
  bool inside = false;
  for (const auto& line : lines_of(read_file(page))) {
    if (!inside && line == "```yaml") {
      inside = true;
      block.clear();
    } else if (inside && line == "```") {
      inside = false;
      if (block.find("apiVersion: gitops.volaticloud.com/") != std::string::npos) out.push_back(block);
    } else if (inside) {
      block += line + "\n";
    }
  }
  return out;
}

} // namespace

TEST_CASE("Every custom resource in docs/ is one that the API server takes") {
  Site site("docs");
  size_t pages = 0;
  for (const auto& entry : std::filesystem::directory_iterator(checkout() / "docs")) {
    if (entry.path().extension() != ".md") continue;
    for (const auto& example : examples_of(entry.path())) {
      INFO(entry.path().filename().string() << ":\n" << example);
      const auto said =
          site.cluster.kubectl().run({"create", "--dry-run=server", "--validate=strict", "-n", site.ns, "-f", "-"},
                                     std::regex_replace(example, std::regex("namespace: [-a-z]+"), "namespace: " + site.ns));
      INFO(said.err);
      CHECK(said.code == 0);
      ++pages;
    }
  }
  CHECK(pages >= 2);
}
