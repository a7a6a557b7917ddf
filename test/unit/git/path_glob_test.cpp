#include "git/path_glob.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::git;

TEST_CASE("globs over paths", "[git][glob]") {
  struct Row {
    const char *glob, *path;
    bool matches;
  };
  const Row table[] = {
      {"Dockerfile", "Dockerfile", true},
      {"Dockerfile", "a/Dockerfile", false},
      {"internal", "internal/x", false},
      {"internal/**", "internal/x", true},
      {"internal/**", "internal/a/b/c", true},
      {"internal/**", "internal", false}, // a file of that name is not in the directory
      {"internal/**", "internals/x", false},
      {"internal/", "internal/a/b", true},
      {"./internal/**", "internal/x", true},
      {"**", "x", true},
      {"**", "a/b/.hidden", true},
      {"**/*.go", "x.go", true},
      {"**/*.go", "a/b/x.go", true},
      {"**/*.go", "a/b/x.gone", false},
      {"a/**/z", "a/z", true},
      {"a/**/z", "a/b/c/z", true},
      {"a/**/z", "b/z", false},
      {"a/**/b/**/c", "a/x/b/c", true},
      {"a/**/b/**/c", "a/x/c", false},
      {"cmd/*/main.go", "cmd/x/main.go", true},
      {"cmd/*/main.go", "cmd/main.go", false},
      {"cmd/*/main.go", "cmd/x/y/main.go", false},
      {"*", ".dot", true},
      {"?", "a", true},
      {"?", "", false},
      {"a*b*c", "aXbXbYc", true},
      {"a*b*c", "aXc", false},
      {"a**b", "axxb", true}, // within a name it is no more than *
      {"*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
  };
  for (const auto& row : table) {
    INFO(row.glob << " " << row.path);
    const auto glob = PathGlob::parse(row.glob);
    REQUIRE(glob);
    CHECK(glob->matches(row.path) == row.matches);
    // Every directory above a path that matches has to be entered.
    const std::string path = row.path;
    for (size_t slash = path.find('/'); row.matches && slash != std::string::npos; slash = path.find('/', slash + 1))
      CHECK(glob->may_match_below(path.substr(0, slash)));
  }
}

TEST_CASE("directories that a glob cannot match in need not be entered", "[git][glob]") {
  const std::tuple<const char*, const char*, bool> table[] = {
      {"internal/**", "internal", true},
      {"internal/**", "internal/a", true},
      {"internal/**", "cmd", false},
      {"internal/**", "internal2", false},
      {"Dockerfile", "Dockerfile", false},
      {"**/*.go", "any/where", true},
      {"a/*/c", "a", true},
      {"a/*/c", "a/b", true},
      {"a/*/c", "a/b/c", false},
      {"a/b/c", "a/x", false},
  };
  for (const auto& [glob, directory, below] : table) {
    INFO(glob << " " << directory);
    CHECK(PathGlob::parse(glob)->may_match_below(directory) == below);
  }
}

TEST_CASE("what is no glob is refused by name", "[git][glob]") {
  for (const std::string bad :
       {"", "/a", "a//b", "../a", "a/../b", ".git/config", "a[b]", "{a,b}", "!a", "a\\b", "a\nb", "\xff"}) {
    INFO(bad);
    const auto glob = PathGlob::parse(bad);
    REQUIRE_FALSE(glob);
    CHECK(glob.error().code == Code::InvalidSpec);
    CHECK(glob.error().message.starts_with("glob "));
  }
  CHECK_FALSE(PathGlob::parse(std::string(1025, 'a')));
  std::string deep = "a";
  for (int i = 0; i < 100; ++i) deep += "/a";
  CHECK_FALSE(PathGlob::parse(deep));
}
