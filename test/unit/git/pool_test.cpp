#include "git/pool.h"

#include "support/eventually.h"
#include "unit/git/fixture.h"

#include <boost/asio/ip/tcp.hpp>

using namespace gitsync;
using namespace gitsync::git;
using namespace gitsync::test;

TEST_CASE("which worker takes a job", "[git]") {
  const auto at = [](int seconds) { return Instant{} + std::chrono::seconds(seconds); };
  const WorkerView mine{"k", {"u"}, false, at(1)}, newer{"k", {"v"}, false, at(2)}, busy{"k", {"u"}, true, at(3)},
      stuck{"k", {"u"}, true, at(2)}, foreign{"x", {"u"}, false, at(4)}, older{"y", {}, false, at(0)};
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
        Case{"all busy", {busy, busy}, 2, Choice::Wait, 0}, Case{"all busy for long", {stuck, stuck}, 2, Choice::Start, 0},
        Case{"one of them not for long", {stuck, busy}, 2, Choice::Wait, 0},
        Case{"as many as there may ever be", {stuck, stuck, stuck}, 2, Choice::Wait, 0}}) {
    CAPTURE(c.what);
    const auto choice = choose(c.workers, {c.limit, 3, std::chrono::seconds(1)}, "k", "u", at(3));
    CHECK(choice.kind == c.kind);
    CHECK(choice.index == c.index);
  }
}

namespace {

/// Takes connections and says nothing.
struct MuteServer {
  explicit MuteServer(asio::io_context& io) : acceptor(io, {asio::ip::address_v4::loopback(), 0}) {}
  std::string url() const { return cat("http://127.0.0.1:", acceptor.local_endpoint().port(), "/a.git"); }
  asio::ip::tcp::acceptor acceptor; // the kernel takes the connection
};

} // namespace

TEST_CASE("mute remotes keep their workers to themselves and nobody waiting", "[git]") {
  Client::Options options;
  options.workers = 2;
  options.stuck = std::chrono::milliseconds(1);
  ClientFixture f(options);
  TestRepository repo(f.scratch / "r.git");
  repo.commit({{"a.yaml", config_map("a")}});
  std::vector<std::unique_ptr<MuteServer>> mute;
  asio::cancellation_signal stop[3];
  size_t ended = 0;
  for (auto& signal : stop) {
    mute.push_back(std::make_unique<MuteServer>(f.io));
    git::FetchRequest request{.url = mute.back()->url(), .ref = {}, .credentials = {}, .timeout = std::chrono::hours(1)};
    asio::co_spawn(f.io, f.client->fetch(std::move(request)),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, Result<git::Fetched>) { ++ended; }));
  }
  CHECK(f.fetch(repo.file_url())); // a fourth worker beside them
  CHECK(ended == 0);
  for (auto& signal : stop) signal.emit(asio::cancellation_type::terminal);
  while (ended < 3) {
    f.io.restart();
    f.io.run_one();
  }
  eventually("those that were cut are gone", [] { return worker_pids().size() == 1; });
}

TEST_CASE("a repository with many jobs leaves others their turn", "[git]") {
  Client::Options options;
  options.workers = options.surge = 1;
  ClientFixture f(options);
  TestRepository many(f.scratch / "many.git"), one(f.scratch / "one.git");
  const auto commit = many.commit({{"a.yaml", config_map("a")}}), other = one.commit({{"a.yaml", config_map("a")}});
  REQUIRE(f.fetch(many.file_url()));
  REQUIRE(f.fetch(one.file_url()));
  std::vector<std::string> order;
  const auto ask = [&](const TestRepository& repo, const std::string& at, const std::string& name) {
    git::TreesRequest request{.url = repo.file_url(), .commit = at, .paths = {""}, .globs = {}};
    asio::co_spawn(
        f.io, f.client->trees(std::move(request)),
        [&order, name](std::exception_ptr, const Result<git::Trees>& trees) { order.push_back(trees ? name : "error"); });
  };
  for (int i = 0; i < 20; ++i) ask(many, commit, "many");
  ask(one, other, "one");
  while (order.size() < 21) {
    f.io.restart();
    f.io.run_one();
  }
  CHECK(std::ranges::find(order, "one") - order.begin() <= 2);
  CHECK(std::ranges::count(order, "many") == 20);
}
