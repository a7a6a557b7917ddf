#include "git_worker/proof.h"

#include "git/url.h"
#include "unit/git/fixture.h"

using namespace gitsync;
using namespace gitsync::test;

namespace {

struct Proofs : ClientFixture {
  TestRepository repo{scratch / "r.git"};

  Result<git::Proof> ask(const std::string& commit, const std::string& base = "", bool since = true,
                         const std::string& tag = "") {
    return run(client->proof({.url = repo.file_url(), .commit = commit, .tag = tag, .since = since, .base = base}));
  }
  /// The ids, the asked one first, the others sorted.
  std::vector<std::string> ids(const std::string& commit, const std::string& base = "", bool since = true) {
    const auto found = ask(commit, base, since);
    if (!found) FAIL(found.error().text());
    std::vector<std::string> out;
    for (const auto& object : found->objects) out.push_back(object.id);
    std::sort(out.begin() + 1, out.end());
    return out;
  }
  static std::vector<std::string> of(std::string first, std::vector<std::string> others) {
    std::sort(others.begin(), others.end());
    others.insert(others.begin(), std::move(first));
    return others;
  }
};

} // namespace

TEST_CASE("the commits since a base are those that git rev-list names, merged ones included", "[git][verify]") {
  Proofs p;
  const auto first = p.repo.commit({{"a", "1"}});
  const auto second = p.repo.commit({{"a", "2"}}, "main", first);
  const auto side = p.repo.commit({{"b", "1"}}, "side", first);
  const auto merge = p.repo.git("commit-tree -m merge " + second + "^{tree} -p " + second + " -p " + side);
  p.repo.git("update-ref refs/heads/main " + merge);
  REQUIRE(p.fetch(p.repo.file_url()));

  CHECK(p.ids(merge, second) == Proofs::of(merge, {side}));
  CHECK(p.ids(merge, first) == Proofs::of(merge, {second, side}));
  CHECK(p.ids(merge) == Proofs::of(merge, {first, second, side}));
  CHECK(p.ids(merge, "", false) == Proofs::of(merge, {}));
  CHECK(p.ids(merge, merge) == Proofs::of(merge, {})); // the commit itself always
  CHECK(p.ids(first, merge) == Proofs::of(first, {}));
  CHECK(p.ids(merge, std::string(40, 'e')) == Proofs::of(merge, {first, second, side})); // an unknown base leaves nothing out

  const auto whole = p.ask(merge, second);
  REQUIRE(whole);
  CHECK(whole->forward);
  CHECK(p.ask(merge, merge)->forward);
  CHECK(p.ask(merge)->forward);
  CHECK_FALSE(p.ask(first, merge)->forward);
  CHECK_FALSE(p.ask(second, side)->forward);
  CHECK_FALSE(p.ask(merge, std::string(40, 'e'))->forward);
  for (const auto& object : whole->objects) {
    CHECK_FALSE(object.tag);
    CHECK(trim(object.content) == p.repo.git("cat-file commit " + object.id)); // as it is stored
  }
}

TEST_CASE("an annotated tag comes first, as it is stored", "[git][verify]") {
  Proofs p;
  const auto commit = p.repo.commit({{"a", "1"}});
  p.repo.git("tag -a -m release v1 " + commit);
  p.repo.git("tag light " + commit);
  const auto tag = p.repo.git("rev-parse refs/tags/v1");
  const auto fetched = p.fetch(p.repo.file_url(), {.tag = "v1"});
  REQUIRE(fetched);
  CHECK(fetched->commit == commit);
  CHECK(fetched->tag == tag);
  const auto light = p.fetch(p.repo.file_url(), {.tag = "light"});
  REQUIRE(light);
  CHECK(light->tag.empty());
  const auto found = p.ask(commit, "", false, tag);
  REQUIRE(found);
  REQUIRE(found->objects.size() == 2);
  CHECK(found->objects[0].tag);
  CHECK(trim(found->objects[0].content) == p.repo.git("cat-file tag " + tag));
  CHECK(found->objects[1].id == commit);
  CHECK_FALSE(p.ask(commit, "", false, commit)); // a commit is no tag
}

TEST_CASE("what cannot be looked at whole is an error, not a proof", "[git][verify]") {
  Proofs p;
  std::string last;
  for (int i = 0; i < 8; ++i) last = p.repo.commit({{"a", cat(i)}}, "main", last);
  REQUIRE(p.fetch(p.repo.file_url()));
  CHECK(p.ask(std::string(40, 'e')).error().code == Code::GitFetch);
  CHECK(p.ask("main").error().code == Code::InvalidSpec);

  git::Mirrors mirrors;
  const git::ProofJob job{(p.mirrors / git::mirror_name(p.repo.file_url())).string(), p.repo.file_url(), last, "", true, ""};
  REQUIRE(git::init_libgit2());
  CHECK(git::proof(mirrors, job, {.commits = 8}));
  const auto many = git::proof(mirrors, job, {.commits = 6});
  REQUIRE_FALSE(many);
  CHECK(many.error().code == Code::GitLimit);
  CHECK(many.error().message.find("more than 6 commits") != std::string::npos);
  CHECK(git::proof(mirrors, job, {.object = 50}).error().code == Code::GitLimit);
  CHECK(git::proof(mirrors, job, {.bytes = 500}).error().code == Code::GitLimit);
}
