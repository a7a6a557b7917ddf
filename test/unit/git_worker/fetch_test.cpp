#include "support/git_server.h"
#include "unit/git/fixture.h"

#include <thread>

using namespace gitsync;
using namespace gitsync::test;

namespace {

Code code_of(const Result<git::Fetched>& result) { return result ? Code::Internal : result.error().code; }

} // namespace

TEST_CASE("a fetch follows what happens to a ref", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const GitServer server({.root = f.scratch.path()});
  const bool http = GENERATE(false, true);
  const auto url = http ? server.url("r.git") : repo.file_url();
  CAPTURE(url);

  const auto empty = f.fetch(url, {.branch = "main"});
  REQUIRE(code_of(empty) == Code::GitRefNotFound);
  CHECK(empty.error().message.find("empty") != std::string::npos);

  const auto first = repo.commit({{"a.yaml", config_map("a")}});
  const auto cloned = f.fetch(url, {.branch = "main"});
  REQUIRE(cloned);
  CHECK(cloned->commit == first);
  CHECK(cloned->ref == "main");
  CHECK(cloned->revision == "main@sha1:" + first);

  SECTION("HEAD") {
    const auto head = f.fetch(url);
    REQUIRE(head);
    CHECK(head->revision == "main@sha1:" + first);
  }
  SECTION("fast-forward") {
    const auto second = repo.commit({{"a.yaml", config_map("b")}}, "main", first);
    REQUIRE(f.fetch(url, {.branch = "main"})->commit == second);
    CHECK(f.read(url, second).changes.size() == 1);
  }
  SECTION("force-push") {
    const auto other = repo.commit({{"b.yaml", config_map("b")}});
    REQUIRE(f.fetch(url, {.branch = "main"})->commit == other);
    repo.git(cat("update-ref refs/heads/main ", first));
    CHECK(f.fetch(url, {.branch = "main"})->commit == first);
  }
  SECTION("deleted branch, which comes back") {
    repo.git("update-ref -d refs/heads/main");
    repo.commit({{"b.yaml", config_map("b")}}, "other");
    CHECK(code_of(f.fetch(url, {.branch = "main"})) == Code::GitRefNotFound);
    CHECK(code_of(f.fetch(url)) == Code::GitRefNotFound);
    repo.git(cat("update-ref refs/heads/main ", first));
    CHECK(f.fetch(url, {.branch = "main"})->commit == first);
  }
  SECTION("emptied repository") {
    repo.git("update-ref -d refs/heads/main");
    CHECK(code_of(f.fetch(url, {.branch = "main"})) == Code::GitRefNotFound);
  }
  SECTION("tags: plain, moved, annotated, of something else") {
    repo.git(cat("update-ref refs/tags/v1 ", first));
    const auto tagged = f.fetch(url, {.tag = "v1"});
    REQUIRE(tagged);
    CHECK(tagged->revision == "v1@sha1:" + first);
    const auto second = repo.commit({{"a.yaml", config_map("b")}}, "main", first);
    repo.git(cat("update-ref refs/tags/v1 ", second));
    CHECK(f.fetch(url, {.tag = "v1"})->commit == second);
    repo.git(cat("tag -f -a -m message v1 ", first));
    CHECK(f.fetch(url, {.tag = "v1"})->commit == first);
    repo.git(cat("tag -f -a -m nested v2 v1"));
    CHECK(f.fetch(url, {.tag = "v2"})->commit == first);
    repo.git(cat("tag -f blob ", repo.blob("text")));
    CHECK(code_of(f.fetch(url, {.tag = "blob"})) == Code::GitRefNotFound);
    CHECK(code_of(f.fetch(url, {.tag = "v3"})) == Code::GitRefNotFound);
  }
  SECTION("commits: an old one, one on a side branch, an unknown one") {
    const auto second = repo.commit({{"a.yaml", config_map("b")}}, "main", first);
    const auto side = repo.commit({{"a.yaml", config_map("c")}}, "side", first);
    const auto side2 = repo.commit({{"a.yaml", config_map("d")}}, "side", side);
    for (const auto& id : {second, side, side2, first}) {
      const auto fetched = f.fetch(url, {.commit = id});
      REQUIRE(fetched);
      CHECK(fetched->revision == "sha1:" + id);
      CHECK(fetched->ref.empty());
      CHECK(f.read(url, id).changes.size() == 1);
    }
    CHECK(code_of(f.fetch(url, {.commit = std::string(40, 'a')})) == Code::GitRefNotFound);
  }
  SECTION("a ref of any name") {
    repo.git(cat("update-ref refs/pull/7/head ", first));
    const auto fetched = f.fetch(url, {.name = "refs/pull/7/head"});
    REQUIRE(fetched);
    CHECK(fetched->revision == "refs/pull/7/head@sha1:" + first);
  }
  SECTION("invalid refs are refused before anything is sent") {
    const unsigned listings = server.listings();
    for (const git::RefSpec& ref :
         {git::RefSpec{.branch = "a", .tag = "b"}, git::RefSpec{.branch = "a..b"}, git::RefSpec{.branch = "a b"},
          git::RefSpec{.commit = "abc"}, git::RefSpec{.name = "main"}, git::RefSpec{.branch = "*"}})
      CHECK(code_of(f.fetch(url, ref)) == Code::InvalidSpec);
    CHECK(server.listings() == listings);
  }
}

TEST_CASE("an unchanged head costs one listing and no pack", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  repo.commit({{"a.yaml", config_map("a")}});
  const GitServer server({.root = f.scratch.path()});
  REQUIRE(f.fetch(server.url("r.git"), {.branch = "main"}));
  REQUIRE(server.packs() > 0);
  const auto packs = server.packs(), listings = server.listings();
  for (int i = 0; i < 3; ++i) REQUIRE(f.fetch(server.url("r.git"), {.branch = "main"}));
  CHECK(server.packs() == packs);
  CHECK(server.listings() == listings + 3);
  // Another worker finds the same in the mirror.
  f.client.emplace(f.io.get_executor(), git::Client::Options{.mirrors = f.mirrors});
  REQUIRE(f.fetch(server.url("r.git"), {.branch = "main"}));
  CHECK(server.packs() == packs);
}

TEST_CASE("a worker that is killed in the middle of a fetch leaves nothing that a later fetch trips over", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto first = repo.commit({{"a.yaml", "# " + noise(1 << 20) + "\n"}});
  GitServer server({.root = f.scratch.path()});
  const auto url = server.url("r.git");
  const bool cloned = GENERATE(false, true); // killed in the first clone, or in a later fetch
  CAPTURE(cloned);
  auto wanted = first;
  if (cloned) {
    REQUIRE(f.fetch(url, {.branch = "main"}));
    wanted = repo.commit({{"a.yaml", "# " + noise(1 << 20, 2) + "\n"}}, "main", first);
  }
  server.stall_packs_after(100'000);
  std::thread killer([&] {
    server.wait_until_stalled();
    for (const pid_t pid : worker_pids()) kill(pid, SIGKILL);
  });
  const auto killed = f.fetch(url, {.branch = "main"});
  killer.join();
  REQUIRE(code_of(killed) == Code::WorkerDied);
  CHECK(killed.error().retry == Retry::Backoff);
  CHECK(killed.error().message.find("signal 9") != std::string::npos);

  server.behave();
  const auto repaired = f.fetch(url, {.branch = "main"});
  REQUIRE(repaired);
  CHECK(repaired->commit == wanted);
  CHECK(f.read(url, wanted).result);
  // No temporary pack stays behind.
  for (const auto& entry : fs::recursive_directory_iterator(f.mirrors))
    if (entry.path().parent_path().filename() == "pack") CHECK(entry.path().filename().string().starts_with("pack-"));
}

TEST_CASE("a deadline cuts a mute server off", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto id = repo.commit({{"a.yaml", config_map("a")}});
  GitServer server({.root = f.scratch.path()});
  server.be_mute();
  const auto cut = f.fetch(server.url("r.git"), {}, {}, std::chrono::milliseconds(200));
  REQUIRE(code_of(cut) == Code::Timeout);
  server.behave();
  const auto fetched = f.fetch(server.url("r.git"));
  REQUIRE(fetched);
  CHECK(fetched->commit == id);
}

TEST_CASE("a caller that is cancelled takes its worker with it", "[git]") {
  ClientFixture f;
  const TestRepository repo(f.scratch / "r.git");
  GitServer server({.root = f.scratch.path()});
  server.be_mute();
  asio::cancellation_signal cancel;
  std::thread canceller([&] {
    server.wait_until_stalled();
    asio::post(f.io, [&] { cancel.emit(asio::cancellation_type::terminal); });
  });
  const auto cancelled = f.run(f.client->fetch({.url = server.url("r.git")}), cancel.slot());
  canceller.join();
  CHECK(code_of(cancelled) == Code::Cancelled);
  while (!worker_pids().empty()) f.io.run_one(); // its end is an event, too
  CHECK(f.client->resident() == 0);
}

TEST_CASE("destruction kills workers that are at work", "[git]") {
  ClientFixture f;
  const TestRepository repo(f.scratch / "r.git");
  GitServer server({.root = f.scratch.path()});
  server.be_mute();
  std::thread destroyer([&] {
    server.wait_until_stalled();
    asio::post(f.io, [&] { f.client.reset(); });
  });
  const auto ended = f.run(f.client->fetch({.url = server.url("r.git")}));
  destroyer.join();
  CHECK_FALSE(ended);
  while (!worker_pids().empty()) f.io.run_one();
}

TEST_CASE("jobs of one URL wait for each other, those of another do not", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto id = repo.commit({{"a.yaml", config_map("a")}});
  GitServer server({.root = f.scratch.path()});
  // Both want the same new mirror: only one of them fetches.
  int running = 2;
  for (int i = 0; i < 2; ++i)
    asio::co_spawn(f.io, f.client->fetch({.url = server.url("r.git")}),
                   [&](std::exception_ptr, const Result<git::Fetched>& result) {
                     CHECK(result);
                     --running;
                   });
  while (running != 0) f.io.run_one();
  CHECK(server.packs() == 1);

  // One URL hangs, the other one is served.
  server.be_mute();
  bool hanging = true;
  asio::co_spawn(f.io, f.client->fetch({.url = server.url("r.git")}),
                 [&](std::exception_ptr, const Result<git::Fetched>&) { hanging = false; });
  const auto other = f.fetch(repo.file_url());
  REQUIRE(other);
  CHECK(other->commit == id);
  CHECK(hanging);
  server.behave();
  while (hanging) f.io.run_one();
}

TEST_CASE("idle workers leave", "[git]") {
  ClientFixture f(git::Client::Options{.idle = std::chrono::milliseconds(1)});
  TestRepository repo(f.scratch / "r.git");
  repo.commit({{"a.yaml", config_map("a")}});
  REQUIRE(f.fetch(repo.file_url()));
  while (!worker_pids().empty()) f.io.run_one();
  CHECK(f.client->resident() == 0);
  CHECK(f.fetch(repo.file_url()));
}

TEST_CASE("a worker that died while idle is replaced without an error", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  repo.commit({{"a.yaml", config_map("a")}});
  REQUIRE(f.fetch(repo.file_url()));
  const auto before = worker_pids();
  REQUIRE(before.size() == 1);
  kill(*before.begin(), SIGKILL);
  siginfo_t info{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(*before.begin()), &info, WEXITED | WNOWAIT) == 0);
  CHECK(f.fetch(repo.file_url()));
}

TEST_CASE("credentials: asked for, taken, refused, never shown", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto id = repo.commit({{"a.yaml", config_map("a")}});
  const GitServer basic({.root = f.scratch.path(), .user = "robot", .password = "correct-horse"});
  const GitServer bearer({.root = f.scratch.path(), .bearer = "token-of-the-robot"});

  CHECK(code_of(f.fetch(basic.url("r.git"))) == Code::GitAuth);
  const auto wrong = f.fetch(basic.url("r.git"), {}, {.username = "robot", .password = "battery-staple"});
  REQUIRE(code_of(wrong) == Code::GitAuth);
  CHECK(wrong.error().message.find("battery") == std::string::npos);
  const auto right = f.fetch(basic.url("r.git"), {}, {.username = "robot", .password = "correct-horse"});
  REQUIRE(right);
  CHECK(right->commit == id);
  // What one set could do is not left to the next.
  CHECK(code_of(f.fetch(basic.url("r.git"))) == Code::GitAuth);

  CHECK(f.fetch(bearer.url("r.git"), {}, {.bearer_token = "token-of-the-robot"}));
  CHECK(code_of(f.fetch(bearer.url("r.git"), {}, {.bearer_token = "another-token"})) == Code::GitAuth);

  const auto in_url = f.fetch(cat("http://robot:battery-staple@127.0.0.1:", basic.port(), "/r.git"));
  REQUIRE(code_of(in_url) == Code::GitAuth);
  CHECK(in_url.error().message.find("battery") == std::string::npos);
  CHECK(f.fetch(cat("http://robot:correct-horse@127.0.0.1:", basic.port(), "/r.git")));
}

TEST_CASE("redirects stay on their host", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  repo.commit({{"a.yaml", config_map("a")}});
  const GitServer target({.root = f.scratch.path()});
  const GitServer same({.root = f.scratch.path(), .redirect = cat("http://127.0.0.1:", target.port(), "/")});
  const GitServer other({.root = f.scratch.path(), .redirect = cat("http://localhost:", target.port(), "/")});
  CHECK(f.fetch(same.url("moved/r.git")));
  const auto listings = target.listings();
  CHECK(code_of(f.fetch(other.url("moved/r.git"))) == Code::GitFetch);
  CHECK(target.listings() == listings);
}

TEST_CASE("a repository beyond the budget is cut off", "[git]") {
  ClientFixture f(git::Client::Options{.max_repository = 100'000});
  TestRepository repo(f.scratch / "r.git");
  repo.commit({{"a.yaml", "# " + noise(1 << 20) + "\n"}});
  const GitServer server({.root = f.scratch.path()});
  const auto cut = f.fetch(server.url("r.git"));
  REQUIRE(code_of(cut) == Code::GitLimit);
  CHECK(cut.error().message.find("limit of 0 MiB") != std::string::npos);
}

TEST_CASE("a damaged mirror is cloned anew", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  const auto first = repo.commit({{"a.yaml", config_map("a")}, {"b.yaml", "# " + noise(100'000) + "\n"}});
  const auto url = repo.file_url();
  REQUIRE(f.fetch(url));
  fs::path mirror, pack;
  for (const auto& entry : fs::recursive_directory_iterator(f.mirrors))
    if (entry.path().extension() == ".pack") pack = entry.path();
  mirror = pack.parent_path().parent_path().parent_path();
  REQUIRE_FALSE(pack.empty());
  f.client.emplace(f.io.get_executor(), git::Client::Options{.mirrors = f.mirrors}); // handles of the old client are gone
  fs::permissions(pack, fs::perms::owner_all);

  SECTION("the pack was cut: found when it is read") {
    fs::resize_file(pack, fs::file_size(pack) / 2);
    auto fetched = f.fetch(url);
    REQUIRE(fetched);
    auto read = f.read(url, first);
    if (!read.result) { // found by the read: the next fetch repairs
      CHECK(read.result.error().retry == Retry::Backoff);
      REQUIRE(f.fetch(url));
      read = f.read(url, first);
    }
    REQUIRE(read.result);
    CHECK(read.result->errors.empty());
  }
  SECTION("the pack is gone, the refs are there") {
    fs::remove(pack);
    REQUIRE(f.fetch(url));
    CHECK(f.read(url, first).result);
  }
  SECTION("not even a repository any more") {
    fs::remove(mirror / "HEAD");
    fs::remove_all(mirror / "refs");
    REQUIRE(f.fetch(url));
    CHECK(f.read(url, first).result);
  }
  SECTION("a flipped byte in every object") {
    std::fstream file(pack, std::ios::in | std::ios::out | std::ios::binary);
    for (size_t at = 20; at + 20 < fs::file_size(pack); at += 40) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put('\x5a');
    }
    file.close();
    REQUIRE(f.fetch(url));
    auto read = f.read(url, first);
    if (!read.result) {
      REQUIRE(f.fetch(url));
      read = f.read(url, first);
    }
    REQUIRE(read.result);
    CHECK(read.changes.size() == 2);
  }
}

TEST_CASE("remotes that cannot be used are named with the reason", "[git]") {
  ClientFixture f;
  const GitServer server({.root = f.scratch.path()});
  const auto closed = [] { // a port where nobody listens any more
    const GitServer gone({.root = "/nonexistent"});
    return gone.url("r.git");
  }();
  struct Case {
    std::string url;
    Code code;
  };
  for (const auto& c : {Case{closed, Code::GitFetch}, Case{server.url("missing.git"), Code::GitFetch},
                        Case{cat("file://", f.scratch.path().string(), "/missing.git"), Code::GitFetch},
                        Case{"git://127.0.0.1/r.git", Code::InvalidSpec}, Case{"ext::sh -c date", Code::InvalidSpec},
                        Case{"/etc", Code::InvalidSpec}, Case{"ssh://git@127.0.0.1/r.git", Code::GitAuth},
                        Case{cat("file://", f.mirrors.string(), "/x"), Code::InvalidSpec},
                        Case{cat("file://", f.mirrors.string(), "/../mirrors/x"), Code::InvalidSpec},
                        Case{cat("file://", f.scratch.path().string(), "/%6dirrors/x"), Code::InvalidSpec}}) {
    CAPTURE(c.url);
    const auto result = f.fetch(c.url);
    REQUIRE(code_of(result) == c.code);
    CHECK(result.error().message.find("127.0.0.1") + result.error().message.find('/') != std::string::npos);
  }
}

TEST_CASE("a SHA-256 repository is a clear error", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git", "--object-format=sha256");
  repo.commit({{"a.yaml", config_map("a")}});
  const GitServer server({.root = f.scratch.path()});
  const bool http = GENERATE(false, true);
  const auto url = http ? server.url("r.git") : repo.file_url();
  const auto result = f.fetch(url, {.branch = "main"});
  REQUIRE(code_of(result) == Code::GitFetch);
  INFO(result.error().text());
  CHECK(result.error().message.find("SHA-256") != std::string::npos);
  if (!http) CHECK(result.error().retry == Retry::Never);
}

TEST_CASE("a mirror does not gather packs for ever", "[git]") {
  ClientFixture f;
  TestRepository repo(f.scratch / "r.git");
  std::string id;
  size_t most = 0;
  for (int i = 0; i < 110; ++i) {
    id = repo.commit({{"a.yaml", config_map("a", cat("v", i))}}, "main", id);
    REQUIRE(f.fetch(repo.file_url()));
    size_t packs = 0;
    for (const auto& entry : fs::recursive_directory_iterator(f.mirrors)) packs += entry.path().extension() == ".pack";
    most = std::max(most, packs);
  }
  CHECK(most > 90); // each fetch adds one: otherwise this shows nothing
  CHECK(most <= 101);
  CHECK(f.read(repo.file_url(), id).changes.size() == 1);
}
