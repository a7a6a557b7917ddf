#include "git/ref.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::git;

namespace {
const std::string a(40, 'a'), b(40, 'b'), c(40, 'c');
const std::vector<RemoteRef> listing = {{"HEAD", a, "refs/heads/main"}, {"refs/heads/main", a, ""},
                                        {"refs/heads/dev/x", b, ""},    {"refs/tags/main", c, ""},
                                        {"refs/tags/main^{}", b, ""},   {"refs/pull/1/head", c, ""}};
} // namespace

TEST_CASE("a ref is found under its full name only", "[git]") {
  struct Case {
    RefSpec ref;
    std::string name, oid, short_name;
  };
  for (const auto& k :
       {Case{{}, "refs/heads/main", a, "main"}, Case{{.branch = "main"}, "refs/heads/main", a, "main"},
        Case{{.branch = "dev/x"}, "refs/heads/dev/x", b, "dev/x"}, Case{{.tag = "main"}, "refs/tags/main", c, "main"},
        Case{{.name = "refs/pull/1/head"}, "refs/pull/1/head", c, "refs/pull/1/head"}, Case{{.commit = c}, "", c, ""}}) {
    CAPTURE(describe(k.ref));
    const auto found = find_ref(k.ref, listing);
    REQUIRE(found);
    CHECK(found->name == k.name);
    CHECK(found->oid == k.oid);
    CHECK(found->short_name == k.short_name);
  }
  for (const RefSpec& ref : {RefSpec{.branch = "x"}, RefSpec{.tag = "dev/x"}, RefSpec{.name = "refs/heads/none"},
                             RefSpec{.branch = "refs/heads/main"}}) {
    const auto found = find_ref(ref, listing);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Code::GitRefNotFound);
  }
  // A detached HEAD has no branch's name.
  const auto detached = find_ref({}, std::vector<RemoteRef>{{"HEAD", b, ""}});
  REQUIRE(detached);
  CHECK(detached->short_name == "HEAD");
  CHECK_FALSE(find_ref({}, std::vector<RemoteRef>{{"refs/heads/dev", b, ""}}));
}

TEST_CASE("names that git does not take are refused", "[git]") {
  for (const char* name : {"a", "a/b", "release-1.2", "ä", "v1.2+build"}) CHECK(check_ref({.branch = name}));
  for (const char* name : {"a..b", "/a", "a/", "a//b", "a.lock", "x/.y", "a b", "a~1", "a^{}", "a:b",
                           "a*",   "a?", "[a", "@",    "a@{1}",  "-a",   "a\n", "a.",  "\\",   "\xff"}) {
    CAPTURE(name);
    CHECK_FALSE(check_ref({.branch = name}));
    CHECK_FALSE(check_ref({.tag = name}));
  }
  CHECK(check_ref({}));
  CHECK_FALSE(check_ref({.commit = "abc"}));
  CHECK_FALSE(check_ref({.commit = std::string(40, 'A')}));
  CHECK_FALSE(check_ref({.name = "main"}));
  CHECK_FALSE(check_ref({.branch = "a", .commit = std::string(40, 'a')}));
}

TEST_CASE("revisions are written as Flux does", "[git]") {
  CHECK(revision_text("main", a) == "main@sha1:" + a);
  CHECK(revision_text("", a) == "sha1:" + a);
  CHECK(mirror_ref("refs/heads/main") == "refs/gitsync/heads/main");
  CHECK(mirror_ref("HEAD") == "refs/gitsync/HEAD");
}
