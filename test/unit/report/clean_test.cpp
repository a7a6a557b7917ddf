#include "report/clean.h"

#include "base/secret.h"
#include "base/text.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::report;

TEST_CASE("clean: redacts, repairs and cuts, in that order", "[report]") {
  register_secret("correct-horse-battery");
  CHECK(clean("plain ünïcode", 100) == "plain ünïcode");
  CHECK(clean("a\xff"
              "b",
              100) == "a?b");
  CHECK(clean("password correct-horse-battery!", 100) == "password ***!");
  // Cut first, and the secret's first half would stand there unmasked.
  CHECK(clean("password correct-horse-battery!", 20) == "password ***!");
  CHECK(clean("https://me:pw@host/x", 100) == "https://***@host/x");
  for (size_t limit = 4; limit < 40; ++limit) {
    const std::string cut = clean("äöüäöüäöüäöüäöüäöü\xffäöü", limit);
    CHECK(cut.size() <= limit);
    CHECK(valid_utf8(cut));
  }
}
