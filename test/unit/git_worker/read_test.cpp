#include "unit/git/fixture.h"

#include "git/name.h"
#include "git_worker/read.h"

#include <random>

using namespace gitsync;
using namespace gitsync::test;

namespace {

using Files = std::map<std::string, std::string>; // file → first manifest's data.key

/// What a reader who keeps earlier reads knows after this one.
void apply(Files& files, const ClientFixture::Read& read) {
  if (read.result->full) files.clear();
  for (const auto& change : read.changes) {
    if (change.removed)
      REQUIRE(files.erase(change.file) == 1);
    else
      files[change.file] = change.manifests.empty() ? "" : change.manifests.front().body["data"]["key"].get<std::string>();
  }
}

} // namespace

TEST_CASE("a read sends the manifest files of a path", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto id =
      repo.commit({{"apps/a.yaml", config_map("a") + "---\n" + config_map("a2")},
                   {"apps/a/b.yml", config_map("b")},
                   {"apps/a.json", R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":"n"}})"},
                   {"apps/README.md", "no manifest"},
                   {"apps/.hidden.yaml", "{{ no yaml"},
                   {"apps/.hidden/x.yaml", "{{ no yaml"},
                   {"apps/empty.yaml", "# nothing\n"},
                   {"other/c.yaml", config_map("c")}});
  REQUIRE(f.fetch(repo.file_url()));
  const auto path = GENERATE(as<std::string>{}, "apps", "./apps", "apps/", ".//apps/.");
  const auto read = f.read(repo.file_url(), id, path);
  REQUIRE(read.result);
  CHECK(read.result->errors.empty());
  CHECK(read.result->full);
  CHECK(read.result->files == 4);
  CHECK(read.result->tree == repo.git("rev-parse main:apps"));
  std::vector<std::string> names;
  for (const auto& change : read.changes) names.push_back(change.file);
  CHECK(names == std::vector<std::string>{"a.json", "a.yaml", "a/b.yml", "empty.yaml"});
  REQUIRE(read.changes[0].manifests.size() == 1);
  const auto& deployment = read.changes[0].manifests[0];
  CHECK(deployment.ref == ObjectRef{"apps", "Deployment", "n", "d"});
  CHECK(deployment.api_version() == "apps/v1");
  REQUIRE(read.changes[1].manifests.size() == 2);
  CHECK(read.changes[1].manifests[1].at.text() == "a.yaml:8");
  CHECK(read.changes[1].manifests[1].body["data"]["key"] == "v");
  CHECK(read.changes[3].manifests.empty());

  CHECK(f.read(repo.file_url(), id, "").result->files == 5);
}

TEST_CASE("paths that are not there or leave the repository are refused", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto link = repo.blob("apps");
  const auto file = repo.blob(config_map("a"));
  const auto apps = repo.tree({{"100644", "a.yaml", file}});
  const auto id = repo.commit_tree(repo.tree({{"40000", "apps", apps},
                                              {"100644", "file.yaml", file},
                                              {"120000", "link", link},
                                              {"160000", "module", std::string(40, '1')}}));
  REQUIRE(f.fetch(repo.file_url()));
  struct Case {
    std::string path;
    Code code;
  };
  for (const auto& c :
       {Case{"missing", Code::PathNotFound}, Case{"apps/missing", Code::PathNotFound}, Case{"file.yaml", Code::PathNotFound},
        Case{"apps/a.yaml", Code::PathNotFound}, Case{"..", Code::UnsafePath}, Case{"apps/../apps", Code::UnsafePath},
        Case{"/apps", Code::UnsafePath}, Case{"apps/.git", Code::UnsafePath}, Case{"apps/.GIT", Code::UnsafePath},
        Case{"a\nb", Code::UnsafePath}, Case{"a\xff", Code::UnsafePath}, Case{"link", Code::UnsafePath},
        Case{"module", Code::UnsafePath}}) {
    CAPTURE(c.path);
    const auto read = f.read(repo.file_url(), id, c.path);
    REQUIRE_FALSE(read.result);
    CHECK(read.result.error().code == c.code);
    CHECK(read.result.error().message.starts_with("path "));
  }
  CHECK(f.read(repo.file_url(), std::string(40, 'b')).result.error().code == Code::GitFetch);
  CHECK(f.read("https://example.invalid/never-fetched.git", id).result.error().code == Code::GitFetch);
}

TEST_CASE("hostile trees are errors that name the file, and nothing of them is sent", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto file = repo.blob(config_map("a"));
  const auto dir = repo.tree({{"100644", "x.yaml", file}});
  using Entries = std::vector<TestRepository::RawEntry>;
  struct Case {
    Entries entries;
    std::string shown; // how the message begins
  };
  const Case cases[] = {
      {{{"120000", "link.yaml", file}}, "sub/link.yaml: is a symbolic link"},
      {{{"120000", "link", file}}, "sub/link: is a symbolic link"},
      {{{"160000", "module", std::string(40, '1')}}, "sub/module: is a submodule"},
      {{{"40000", "..", dir}}, "sub/..: has"},
      {{{"40000", ".", dir}}, "sub/.: has"},
      {{{"40000", ".git", dir}}, "sub/.git: has"},
      {{{"40000", ".GiT", dir}}, "sub/.GiT: has"},
      {{{"100644", "a/b.yaml", file}}, "sub/a/b.yaml: has a name with a slash"},
      {{{"100644", "a\n\x1b[31m.yaml", file}}, "sub/a\\x0a\\x1b[31m.yaml: has"},
      {{{"100644", "\xff\xfe.yaml", file}}, "sub/\\xff\\xfe.yaml: has"},
      {{{"100644", "a.yaml", file}, {"100644", "a.yaml", dir}}, "sub/a.yaml: is there twice"},
      {{{"100644", "a", file}, {"100644", "a.yaml", file}, {"40000", "a", dir}}, "sub/a: is there twice"},
      {{{"40000", "a.yaml", file}}, ""}, // a blob that says it is a directory: damage, not a file
      {{{"100644", "lfs.yaml", repo.blob("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n")}},
       "sub/lfs.yaml:1: is a Git LFS pointer"},
      {{{"100644", "big.yaml", repo.blob(std::string(11 << 20, '#'))}}, "sub/big.yaml:1: has 11534336 bytes"},
      {{{"100644", "broken.yaml", repo.blob("a: 1\na: 2\n")}}, "sub/broken.yaml:2: "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.shown);
    const auto id = repo.commit_tree(repo.tree({{"100644", "z.yaml", file}, {"40000", "sub", repo.tree(c.entries)}}));
    const auto fetched = f.fetch(repo.file_url());
    if (c.shown.empty()) {
      CHECK_FALSE((fetched && f.read(repo.file_url(), id).result));
      continue;
    }
    REQUIRE(fetched);
    const auto read = f.read(repo.file_url(), id);
    REQUIRE(read.result);
    REQUIRE(read.result->errors.size() >= 1);
    CHECK(read.result->errors.front().message.substr(0, c.shown.size()) == c.shown);
  }
}

TEST_CASE("all that is wrong is told at once, up to a bound", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  std::map<std::string, std::string> files;
  for (int i = 0; i < 300; ++i) files[cat("f", i, ".yaml")] = "{";
  const auto id = repo.commit(files);
  REQUIRE(f.fetch(repo.file_url()));
  const auto read = f.read(repo.file_url(), id);
  REQUIRE(read.result);
  CHECK(read.result->errors.size() == 100);
  CHECK(read.result->files == 0);
}

TEST_CASE("what a delta says, applied to the old files, is what a full read says", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto seed = GENERATE(1u, 2u, 3u, 4u);
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](int count) { return static_cast<int>(random() % static_cast<unsigned>(count)); };
  const std::string dirs[] = {"", "a/", "a/b/", "a.b/", "a-b/", "c/d/e/", "a.yaml/"}; // one is named like a file
  std::map<std::string, std::string> tree;
  Files known;
  std::string parent, base;
  for (int round = 0; round < 12; ++round) {
    for (int change = pick(6); change >= 0; --change) {
      const auto name = cat(dirs[pick(7)], "f", pick(6), pick(4) == 0 ? ".txt" : ".yaml");
      if (pick(3) == 0)
        tree.erase(name);
      else
        tree[name] = config_map(cat("f", pick(3)), cat("v", pick(1000)));
    }
    if (pick(4) == 0) std::erase_if(tree, [](const auto& entry) { return entry.first.starts_with("a/"); });
    auto files = tree;
    files["keep/me.yaml"] = config_map("keep"); // the path is never empty
    parent = repo.commit(files, "main", parent);
    REQUIRE(f.fetch(repo.file_url()));

    Files full;
    const auto everything = f.read(repo.file_url(), parent);
    REQUIRE(everything.result);
    apply(full, everything);
    const auto delta = f.read(repo.file_url(), parent, "", base);
    REQUIRE(delta.result);
    CHECK(delta.result->full == base.empty());
    apply(known, delta);
    CHECK(known == full);
    CHECK(delta.result->tree == everything.result->tree);
    CHECK(std::ranges::is_sorted(delta.changes, {}, &git::FileChange::file));
    base = delta.result->tree;
    // Nothing changed: nothing is sent.
    const auto nothing = f.read(repo.file_url(), parent, "", base);
    CHECK(nothing.changes.empty());
    CHECK_FALSE(nothing.result->full);
  }
}

TEST_CASE("a base that the mirror does not know gives everything", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto id = repo.commit({{"a.yaml", config_map("a")}});
  REQUIRE(f.fetch(repo.file_url()));
  for (const auto& base : {std::string(40, 'c'), std::string("nonsense"), id}) { // a commit is no tree
    const auto read = f.read(repo.file_url(), id, "", base);
    REQUIRE(read.result);
    CHECK(read.result->full);
    CHECK(read.changes.size() == 1);
  }
}

TEST_CASE("ten thousand files pass, one change of them is one message", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  std::map<std::string, std::string> files;
  for (int i = 0; i < 10'000; ++i) files[cat("apps/", i % 100, "/f", i, ".yaml")] = config_map(cat("f", i));
  const auto first = repo.commit(files);
  REQUIRE(f.fetch(repo.file_url()));
  const auto full = f.read(repo.file_url(), first, "apps");
  REQUIRE(full.result);
  CHECK(full.result->files == 10'000);
  files["apps/7/f7.yaml"] = config_map("f7", "changed");
  const auto second = repo.commit(files, "main", first);
  REQUIRE(f.fetch(repo.file_url()));
  const auto delta = f.read(repo.file_url(), second, "apps", full.result->tree);
  REQUIRE(delta.changes.size() == 1);
  CHECK(delta.changes[0].file == "7/f7.yaml");
  CHECK(delta.changes[0].manifests.at(0).body["data"]["key"] == "changed");
}

TEST_CASE("names of tree entries", "[git]") {
  for (const char* name : {"a", "a.yaml", ".gitignore", "git", "...", "ä.yaml", "a b"}) CHECK(git::name_fault(name).empty());
  for (const char* name : {"", ".", "..", ".git", ".Git", "a/b", "a\tb", "\x7f", "\xc3", "\xed\xa0\x80"})
    CHECK_FALSE(git::name_fault(name).empty());
  CHECK(git::escaped("a\\b\n\xff") == "a\\x5cb\\x0a\\xff");
  CHECK(git::escaped("ä") == "ä");
  for (const char* name : {"a.yaml", "a.yml", "a.json"}) CHECK(git::is_manifest_name(name));
  for (const char* name : {"yaml", "a.yaml.tpl", "a.YAML", "a.txt"}) CHECK_FALSE(git::is_manifest_name(name));
}

TEST_CASE("the trees of many paths are told by one job, and a commit elsewhere leaves them as they were", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto first = repo.commit({{"a/x.yaml", config_map("a")}, {"b/deep/y.yaml", config_map("b")}, {"file", "x"}});
  const auto trees_of = [&](const std::string& commit) {
    return f.trees(repo.file_url(), commit, {"./a", "b/deep/", "", "none", "file", "../x", "/etc"});
  };
  REQUIRE(f.fetch(repo.file_url()));
  const auto before = trees_of(first);
  REQUIRE(before);
  CHECK(before->ids == std::map<std::string, std::string>{{"", repo.git("rev-parse main^{tree}")},
                                                          {"./a", repo.git("rev-parse main:a")},
                                                          {"b/deep/", repo.git("rev-parse main:b/deep")}});
  const auto second = repo.commit({{"a/x.yaml", config_map("a")}, {"b/deep/y.yaml", config_map("other")}});
  REQUIRE(f.fetch(repo.file_url()));
  const auto after = trees_of(second);
  REQUIRE(after);
  CHECK(after->ids.at("./a") == before->ids.at("./a"));
  CHECK(after->ids.at("b/deep/") != before->ids.at("b/deep/"));
  CHECK_FALSE(trees_of(std::string(40, '0')));
}
