// What globs match in a commit, as one digest: git_worker/trees.h.
#include "git/path_glob.h"
#include "unit/git/fixture.h"

#include <random>

using namespace gitsync;
using namespace gitsync::test;

namespace {

struct TreesFixture : ClientFixture {
  TestRepository repo{scratch / "r.git"};

  Result<git::Trees> ask(const std::string& commit, std::vector<git::Globs> globs) {
    return run(client->trees({.url = repo.file_url(), .commit = commit, .paths = {}, .globs = std::move(globs)}));
  }
};

} // namespace

TEST_CASE("two commits have the same digest exactly where the globs match the same paths, modes and contents", "[git][paths]") {
  TreesFixture f;
  const auto seed = GENERATE(range(0u, 8u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](const auto& from) { return from[random() % from.size()]; };
  const std::vector<std::string> names = {"a", "b", ".c", "d.yaml"};
  const std::vector<std::string> parts = {"a", "b", "*", "**", "?", "*.yaml", ".c"};
  std::vector<git::Globs> sets;
  for (int i = 0; i < 12; ++i) {
    git::Globs globs;
    for (size_t n = 1 + random() % 2; n != 0; --n) {
      std::string glob;
      for (size_t depth = 1 + random() % 3; depth != 0; --depth) glob += (glob.empty() ? "" : "/") + pick(parts);
      globs.push_back(glob);
    }
    sets.push_back(globs);
  }
  struct Seen {
    std::set<std::string> matched; // lines of ls-tree
    std::string digest;
  };
  std::map<git::Globs, std::vector<Seen>> seen;
  std::string parent;
  size_t same = 0, different = 0;
  for (int round = 0; round < 6; ++round) {
    std::map<std::string, std::string> files{{"always", "x"}};
    for (int i = 0; i < 8; ++i) {
      std::string path;
      for (size_t depth = 1 + random() % 3; depth != 0; --depth) path += (path.empty() ? "" : "/") + pick(names);
      const bool clashes = std::ranges::any_of(files, [&](const auto& file) {
        return file.first.starts_with(path + "/") || path.starts_with(file.first + "/") || file.first == path;
      });
      if (!clashes) files[path] = std::to_string(random() % 2);
    }
    const auto commit = f.repo.commit(files, "main", parent);
    parent = commit;
    REQUIRE(f.fetch(f.repo.file_url()));
    const auto trees = f.ask(commit, sets);
    REQUIRE(trees);
    const auto listed = f.repo.git("ls-tree -r " + commit);
    for (const auto& globs : sets) {
      Seen now;
      for (const auto line : split(listed, '\n')) {
        const std::string path(line.substr(line.find('\t') + 1));
        if (std::ranges::any_of(globs, [&](const auto& glob) { return git::PathGlob::parse(glob)->matches(path); }))
          now.matched.emplace(line);
      }
      REQUIRE(trees->matches.contains(globs));
      now.digest = trees->matches.at(globs);
      for (const auto& before : seen[globs]) {
        INFO(join(globs, " ") << "\n" << join({now.matched.begin(), now.matched.end()}, "\n"));
        CHECK((before.matched == now.matched) == (before.digest == now.digest));
        ++(before.matched == now.matched ? same : different);
      }
      seen[globs].push_back(std::move(now));
    }
  }
  CHECK(same > 0);
  CHECK(different > 0);
}

TEST_CASE("a glob that cannot be read is told, and a commit that is not in the mirror is", "[git][paths]") {
  TreesFixture f;
  const auto commit = f.repo.commit({{"a", "1"}});
  REQUIRE(f.fetch(f.repo.file_url()));
  const auto glob = f.ask(commit, {{"[a]"}});
  REQUIRE_FALSE(glob);
  CHECK(glob.error().code == Code::InvalidSpec);
  const auto missing = f.ask(std::string(40, 'a'), {{"a"}});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Code::GitFetch);
}
