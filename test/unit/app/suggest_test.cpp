#include "app/suggest.h"

#include "support/catch.h"

using namespace gitsync::app;

TEST_CASE("the nearest word is suggested, or none") {
  const std::vector<std::string> words = {"get", "reconcile", "render", "resume", "suspend"};
  struct Row {
    std::string_view typed, nearest;
  };
  const auto row = GENERATE(values<Row>({
      {"reconcile", "reconcile"},
      {"recocnile", "reconcile"}, // neighbours swapped: one edit
      {"reconc", ""},             // three edits are more than a third of six
      {"rendr", "render"},
      {"gte", "get"},
      {"g", ""},
      {"xyz", ""},
      {"", ""},
  }));
  CAPTURE(row.typed);
  CHECK(nearest(row.typed, words) == row.nearest);
}

TEST_CASE("of two equally near the first wins") {
  CHECK(nearest("tat", {"tab", "tan"}) == "tab");
  CHECK(nearest("tat", {"tan", "tab"}) == "tan");
}

TEST_CASE("a suggestion is a question, or nothing") {
  CHECK(did_you_mean("gte", {"get"}) == "; did you mean get?");
  CHECK(did_you_mean("zzz", {"get"}).empty());
  CHECK(nearest(std::string(10'000, 'g'), {std::string(10'001, 'g')}).empty()); // bounded work
}
