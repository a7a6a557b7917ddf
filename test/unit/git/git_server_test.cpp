#include "support/git_server.h"

#include "unit/git/fixture.h"

using namespace gitsync;
using namespace gitsync::test;

TEST_CASE("the test server takes pushes", "[git]") {
  const ScratchDir scratch;
  TestRepository bare(scratch / "bare.git"), source(scratch / "source.git");
  const auto id =
      source.commit({{"a.yaml", config_map("a")}, {"b.yaml", "# " + noise(2 << 20) + "\n"}}); // beyond http.postBuffer
  const GitServer server({.root = scratch.path()});
  source.git(cat("push -q ", server.url("bare.git"), " main"));
  CHECK(bare.git("rev-parse main") == id);
}
