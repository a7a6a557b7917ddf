#include "git_worker/history.h"

#include "git/url.h"
#include "unit/git/fixture.h"

#include <random>

using namespace gitsync;
using namespace gitsync::test;

namespace {

struct History : ClientFixture {
  TestRepository repo{scratch / "r.git"};

  Result<git::LastChange> ask(const std::string& commit, std::vector<std::string> paths) {
    return run(client->last_change({.url = repo.file_url(), .commit = commit, .paths = std::move(paths)}));
  }
  std::string last(const std::string& commit, std::vector<std::string> paths) {
    const auto change = ask(commit, std::move(paths));
    if (!change) FAIL(change.error().text());
    return change->commit;
  }
  /// A commit with that tree on those parents.
  std::string merge(const std::string& tree_of, const std::vector<std::string>& parents) {
    std::string arguments = "commit-tree -m m " + tree_of + "^{tree}";
    for (const auto& parent : parents) arguments += " -p " + parent;
    const auto id = repo.git(arguments);
    repo.git("update-ref refs/heads/main " + id);
    return id;
  }
};

} // namespace

TEST_CASE("the last commit that changed what the globs match", "[git][images]") {
  History h;
  const auto first =
      h.repo.commit({{"internal/a/x.go", "1"}, {"cmd/main.go", "1"}, {"Dockerfile", "1"}, {"deploy/a.yaml", "1"}});
  const auto code = h.repo.commit({{"internal/a/x.go", "2"}, {"cmd/main.go", "1"}, {"Dockerfile", "1"}, {"deploy/a.yaml", "1"}},
                                  "main", first);
  const auto deploy = h.repo.commit(
      {{"internal/a/x.go", "2"}, {"cmd/main.go", "1"}, {"Dockerfile", "1"}, {"deploy/a.yaml", "2"}}, "main", code);
  const auto removed = h.repo.commit({{"internal/a/x.go", "2"}, {"Dockerfile", "1"}, {"deploy/a.yaml", "2"}}, "main", deploy);
  const auto turned =
      h.repo.commit({{"internal/a/x.go", "2"}, {"Dockerfile/in", "1"}, {"deploy/a.yaml", "2"}}, "main", removed);
  REQUIRE(h.fetch(h.repo.file_url()));

  CHECK(h.last(turned, {"internal/**"}) == code);
  CHECK(h.last(turned, {"cmd/**"}) == removed);    // a deletion is a change
  CHECK(h.last(turned, {"Dockerfile"}) == turned); // a file that became a directory
  CHECK(h.last(removed, {"Dockerfile"}) == first); // the commit without a parent brought all that it has
  CHECK(h.last(deploy, {"internal/**", "cmd/**", "Dockerfile"}) == code);
  CHECK(h.last(deploy, {"deploy/*.yaml"}) == deploy);
  CHECK(h.last(first, {"internal/**"}) == first);

  const auto never = h.ask(turned, {"charts/**"});
  REQUIRE_FALSE(never);
  CHECK(never.error().code == Code::PathNotFound);
  CHECK(never.error().message.find("charts/**") != std::string::npos);
  const auto unknown = h.ask(std::string(40, '1'), {"internal/**"});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Code::GitFetch);
}

TEST_CASE("a merge is one change of the branch: of what it brought, compared with its first parent", "[git][images]") {
  History h;
  const auto base = h.repo.commit({{"src/a", "1"}, {"doc/a", "1"}});
  const auto feature = h.repo.commit({{"src/a", "2"}, {"doc/a", "1"}}, "feature", base);
  const auto docs = h.repo.commit({{"src/a", "1"}, {"doc/a", "2"}}, "main", base);
  const auto merged_files = h.repo.commit({{"src/a", "2"}, {"doc/a", "2"}}, "scratch", base);
  const auto merged = h.merge(merged_files, {docs, feature});
  REQUIRE(h.fetch(h.repo.file_url()));
  CHECK(h.last(merged, {"src/**"}) == merged); // not the feature's commit: CI builds what is on the branch
  CHECK(h.last(merged, {"doc/**"}) == docs);
  // The other way round: the branch had the change before.
  const auto back = h.merge(merged_files, {merged, docs});
  REQUIRE(h.fetch(h.repo.file_url()));
  CHECK(h.last(back, {"src/**"}) == merged);
}

TEST_CASE("an older answer is used where the walk meets its commit, and only there", "[git][images]") {
  History h;
  const auto a = h.repo.commit({{"src/a", "1"}});
  const auto b = h.repo.commit({{"src/a", "2"}}, "main", a);
  const auto c = h.repo.commit({{"src/a", "2"}, {"x", "1"}}, "main", b);
  REQUIRE(h.fetch(h.repo.file_url()));
  CHECK(h.last(c, {"src/**"}) == b);
  const auto d = h.repo.commit({{"src/a", "2"}, {"x", "2"}}, "main", c);
  REQUIRE(h.fetch(h.repo.file_url()));
  CHECK(h.last(d, {"src/**"}) == b);
  // Force-pushed: c and d are no longer in the branch's history.
  const auto e = h.repo.commit({{"src/a", "2"}, {"y", "1"}}, "main", a);
  REQUIRE(h.fetch(h.repo.file_url()));
  CHECK(h.last(e, {"src/**"}) == e);
  CHECK(h.last(d, {"src/**"}) == b);
}

TEST_CASE("any history gives what git log says", "[git][images]") {
  History h;
  std::mt19937 random(7);
  const auto pick = [&](size_t below) { return static_cast<size_t>(random() % below); };
  std::vector<std::string> commits = {h.repo.commit({{"d0/f0", "0"}, {"d1/f0", "0"}, {"d2/e/f0", "0"}, {"top", "0"}})};
  std::map<std::string, std::string> files = {{"d0/f0", "0"}, {"d1/f0", "0"}, {"d2/e/f0", "0"}, {"top", "0"}};
  for (int i = 1; i < 40; ++i) {
    const char* names[] = {"d0/f0", "d0/f1", "d1/f0", "d2/e/f0", "d2/e/f1", "top"};
    const auto* name = names[pick(6)];
    if (pick(4) == 0 && files.size() > 3 && files.contains(name))
      files.erase(name);
    else
      files[name] = std::to_string(i);
    if (pick(4) == 0) {
      const auto state = h.repo.commit(files, "scratch", commits.back());
      commits.push_back(h.merge(state, {commits.back(), commits[pick(commits.size())]}));
    } else {
      commits.push_back(h.repo.commit(files, "main", commits.back()));
    }
  }
  REQUIRE(h.fetch(h.repo.file_url()));
  // Each glob's own pathspec in git's words.
  const std::pair<const char*, const char*> globs[] = {
      {"d0/**", "d0"}, {"d2/e/**", "d2/e"}, {"top", "top"}, {"d1/f0", "d1/f0"}};
  for (const auto& [glob, pathspec] : globs)
    for (const auto& commit : commits) {
      INFO(glob << " " << commit);
      CHECK(h.last(commit, {glob}) == h.repo.git(cat("log -1 --first-parent --format=%H ", commit, " -- ", pathspec)));
    }
}

TEST_CASE("many who ask the same at once are all answered, also where the first of them gives up", "[git][images]") {
  History h;
  const auto code = h.repo.commit({{"src/a", "1"}});
  const auto head = h.repo.commit({{"src/a", "1"}, {"doc", "1"}}, "main", code);
  REQUIRE(h.fetch(h.repo.file_url()));
  std::vector<std::optional<Result<git::LastChange>>> answers(5);
  asio::cancellation_signal impatient;
  size_t ended = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    auto task = h.client->last_change({.url = h.repo.file_url(), .commit = head, .paths = {"src/**"}});
    const auto take = [&, i](std::exception_ptr error, Result<git::LastChange> answer) {
      if (!error) answers[i] = std::move(answer);
      ++ended;
    };
    if (i == 0)
      asio::co_spawn(h.io, std::move(task), asio::bind_cancellation_slot(impatient.slot(), take));
    else
      asio::co_spawn(h.io, std::move(task), take);
  }
  asio::post(h.io, [&] { impatient.emit(asio::cancellation_type::terminal); });
  while (ended < answers.size()) { // NOLINT(bugprone-infinite-loop): the handlers count
    h.io.restart();
    h.io.run_one();
  }
  CHECK_FALSE((answers[0] && *answers[0]));
  for (size_t i = 1; i < answers.size(); ++i) {
    REQUIRE(answers[i]);
    REQUIRE(*answers[i]);
    CHECK((*answers[i])->commit == code);
  }
}

TEST_CASE("a history that is cut off, as a shallow clone's is, is told", "[git][images]") {
  History h;
  const auto first = h.repo.commit({{"src/a", "1"}});
  REQUIRE(h.fetch(h.repo.file_url()));
  const auto mirror = (h.mirrors / git::mirror_name(h.repo.file_url())).string();
  const auto graft = [&](const std::string& tree_of, const std::string& parent) {
    const auto tree = h.repo.git("rev-parse " + tree_of + "^{tree}");
    return shell(cat("git --git-dir=", mirror, " hash-object -t commit -w --literally --stdin"),
                 cat("tree ", tree, "\nparent ", parent, "\nauthor t <t@t> 1 +0000\ncommitter t <t@t> 1 +0000\n\nm\n"));
  };
  const auto cut = graft(first, std::string(40, '1'));
  const auto change = h.ask(graft(first, cut), {"src/**"});
  REQUIRE_FALSE(change);
  CHECK(change.error().code == Code::GitFetch);
  CHECK(change.error().message.find("the history ends at " + cut) != std::string::npos);
  CHECK(change.error().message.find("must not be a shallow clone") != std::string::npos);
}
