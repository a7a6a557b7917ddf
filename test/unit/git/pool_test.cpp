#include "git/pool.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::git;

TEST_CASE("which worker takes a job", "[git]") {
  const auto at = [](int seconds) { return Instant{} + std::chrono::seconds(seconds); };
  const WorkerView mine{"k", {"u"}, false, at(1)}, newer{"k", {"v"}, false, at(2)}, busy{"k", {"u"}, true, at(3)},
      foreign{"x", {"u"}, false, at(4)}, older{"y", {}, false, at(0)};
  struct Case {
    const char* what;
    std::vector<WorkerView> workers;
    size_t limit;
    Choice::Kind kind;
    size_t index;
  };
  for (const auto& c :
       {Case{"none yet", {}, 1, Choice::Start, 0}, Case{"the one with the mirror open", {newer, mine}, 4, Choice::Use, 1},
        Case{"else the one used last", {older, {"k", {}, false, at(5)}, newer}, 4, Choice::Use, 1},
        Case{"a busy one does not do", {busy}, 2, Choice::Start, 0},
        Case{"never another credential set", {foreign}, 2, Choice::Start, 0},
        Case{"the oldest of another set gives way", {foreign, older, busy}, 3, Choice::Replace, 1},
        Case{"all busy", {busy, busy}, 2, Choice::Wait, 0}}) {
    CAPTURE(c.what);
    const auto choice = choose(c.workers, c.limit, "k", "u");
    CHECK(choice.kind == c.kind);
    CHECK(choice.index == c.index);
  }
}
