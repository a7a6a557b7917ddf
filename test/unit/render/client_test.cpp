// The render worker from the operator's side: against the real worker, and against scripts that behave badly.
#include "render/client.h"

#include "base/text.h"
#include "support/catch.h"
#include "unit/runtime/loop.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace gitsync;
using namespace gitsync::render;

namespace {

using Answer = Result<std::vector<CelResult>>;

std::filesystem::path real_worker() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "gitsync-render-worker";
}

/// A directory of this test, gone with it.
struct Scratch {
  std::filesystem::path path;
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "gitsync-render-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  std::filesystem::path script(const std::string& text) const {
    const auto file = path / "worker";
    std::ofstream(file) << "#!/bin/sh\n" << text << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    return file;
  }
};

struct Stand {
  Loop loop;
  Client client;
  TaskGroup group;
  std::vector<Code> lost;

  explicit Stand(Client::Options options)
      : client(loop.executor(),
               [&] {
                 options.on_lost = [this](Code code) { lost.push_back(code); };
                 return std::move(options);
               }()),
        group(loop.executor()) {}
  explicit Stand(const std::filesystem::path& executable = real_worker()) : Stand(Client::Options{.executable = executable}) {}
  ~Stand() {
    client.stop();
    group.stop();
    loop.run();
  }

  Task<> ask(CelRequest request, std::optional<Answer>& into) { into = co_await client.evaluate(std::move(request)); }
  /// All of them at once; their answers.
  std::vector<Answer> all(const std::vector<CelRequest>& requests) {
    std::vector<std::optional<Answer>> answers(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) group.spawn("ask", ask(requests[i], answers[i]));
    while (group.running() > 0) {
      loop.io.restart();
      loop.io.run_one();
    }
    std::vector<Answer> out;
    for (auto& answer : answers) out.push_back(std::move(*answer));
    return out;
  }
  Answer one(const CelRequest& request) { return std::move(all({request}).front()); }
};

CelRequest over(std::string expression, std::string values) { return {{std::move(expression)}, {}, std::move(values)}; }

} // namespace

TEST_CASE("expressions are evaluated over an object, each with a value or the reason why there is none", "[render]") {
  Stand stand;
  const auto answer = stand.one({{"status.phase == 'Up'", "spec.size > 3", "status.gone == 1", "status.phase ==", "spec.size"},
                                 {},
                                 R"({"status": {"phase": "Up"}, "spec": {"size": 3}})"});
  REQUIRE(answer);
  REQUIRE(answer->size() == 5);
  CHECK((*answer)[0] == CelResult{true, "", false});
  CHECK((*answer)[1] == CelResult{false, "", false});
  CHECK((*answer)[2] == CelResult{{}, "no such key: gone", false});
  CHECK_FALSE((*answer)[3].value);
  CHECK((*answer)[3].broken);
  CHECK((*answer)[3].problem.starts_with("1:16: Syntax error"));
  CHECK((*answer)[4] == CelResult{{}, "gives int, not true or false", false});
}

TEST_CASE("with names of variables only those may be used, and without values expressions are only compiled", "[render]") {
  Stand stand;
  auto answer = stand.one({{"dep.x == self.x", "other.x == 1"}, {"self", "dep"}, R"({"self": {"x": 1}, "dep": {"x": 1}})"});
  REQUIRE(answer);
  CHECK((*answer)[0].value == true);
  CHECK((*answer)[1].broken);
  CHECK((*answer)[1].problem == "1:1: undeclared reference to 'other'");
  answer = stand.one({{"dep.x == self.x", "1 +"}, {"self", "dep"}, ""});
  REQUIRE(answer);
  CHECK((*answer)[0] == CelResult{});
  CHECK((*answer)[1].broken);
}

TEST_CASE("a thousand requests at once are answered by one worker, each with its own answer", "[render]") {
  Stand stand;
  std::vector<CelRequest> requests;
  for (int i = 0; i < 1000; ++i) requests.push_back(over(cat("n == ", i % 10), cat(R"({"n": )", i % 7, "}")));
  const auto answers = stand.all(requests);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(answers[static_cast<size_t>(i)]);
    CHECK(answers[static_cast<size_t>(i)]->front().value == (i % 10 == i % 7));
  }
  CHECK(stand.client.running());
  CHECK(stand.client.resident() > 0);
  CHECK(stand.lost.empty());
}

TEST_CASE("an expression that would never end is cut, and the worker goes on", "[render]") {
  Stand stand;
  std::string list = "[1";
  for (int i = 0; i < 999; ++i) list += ",1";
  const auto answers =
      stand.all({over("l.all(a, l.all(b, l.all(c, a + b + c > 0)))", cat(R"({"l": )", list, "]}")), over("true", "{}")});
  REQUIRE(answers[0]);
  CHECK_FALSE(answers[0]->front().value);
  CHECK_FALSE(answers[0]->front().problem.empty());
  REQUIRE(answers[1]);
  CHECK(answers[1]->front().value == true);
  CHECK(stand.lost.empty());
}

TEST_CASE("no worker runs before something is asked, nor long after", "[render]") {
  Stand stand({.executable = real_worker(), .idle = std::chrono::milliseconds(1)});
  CHECK_FALSE(stand.client.running());
  CHECK(stand.client.resident() == 0);
  REQUIRE(stand.one(over("true", "{}")));
  stand.loop.run(); // until nothing is left to do
  CHECK_FALSE(stand.client.running());
  REQUIRE(stand.one(over("true", "{}"))); // and it comes again
}

TEST_CASE("a worker that is killed between two requests is nobody's loss", "[render]") {
  Scratch scratch;
  const auto pid_file = scratch.path / "pid";
  Stand stand(scratch.script(cat("echo $$ >>", pid_file.string(), "\nexec ", real_worker().string())));
  REQUIRE(stand.one(over("true", "{}")));
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  REQUIRE(::kill(pid, SIGKILL) == 0);
  const auto answer = stand.one(over("1 == 2", "{}"));
  REQUIRE(answer);
  CHECK(answer->front().value == false);
}

TEST_CASE("a worker that dies of a batch loses no request: each is asked once more", "[render]") {
  Scratch scratch; // the first one dies after it has read something
  Stand stand(
      scratch.script(cat("if [ ! -e ", (scratch.path / "died").string(), " ]; then : >", (scratch.path / "died").string(),
                         "; dd bs=1 count=1 >/dev/null 2>&1; kill -9 $$; fi\nexec ", real_worker().string())));
  std::vector<CelRequest> requests(20, over("n == 1", R"({"n": 1})"));
  for (const auto& answer : stand.all(requests)) {
    REQUIRE(answer);
    CHECK(answer->front().value == true);
  }
  CHECK(stand.lost == std::vector<Code>{Code::WorkerDied});
}

TEST_CASE("a request that workers die of is given up, with how they ended", "[render]") {
  Scratch scratch;
  Stand stand(scratch.script("dd bs=1 count=1 >/dev/null 2>&1; kill -9 $$"));
  const auto answer = stand.one(over("true", "{}"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Code::WorkerDied);
  CHECK(answer.error().message.find("was killed by signal 9") != std::string::npos);
  CHECK(answer.error().retry == Retry::Backoff);
  CHECK(stand.lost == std::vector<Code>{Code::WorkerDied, Code::WorkerDied});
}

TEST_CASE("a worker that hangs is killed when its time is over", "[render]") {
  Scratch scratch;
  Stand stand({.executable = scratch.script("exec sleep 1000"), .timeout = std::chrono::milliseconds(50)});
  const auto answer = stand.one(over("true", "{}"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Code::Timeout);
  CHECK(stand.lost == std::vector<Code>{Code::Timeout, Code::Timeout});
}

TEST_CASE("a worker that cannot be started or talks nonsense is an error that a retry may help", "[render]") {
  Stand missing(std::filesystem::path("/nonexistent/worker"));
  auto answer = missing.one(over("true", "{}"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Code::WorkerDied);
  CHECK(answer.error().retry == Retry::Backoff);
  Scratch scratch;
  Stand babbling(scratch.script(R"(printf '\000\000\000\002{}'; exec cat >/dev/null)"));
  answer = babbling.one(over("true", "{}"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Code::WorkerDied);
}

TEST_CASE("whoever no longer waits is not asked for, and a closed client answers nobody", "[render]") {
  Scratch scratch;
  Stand stand({.executable = scratch.script("exec sleep 1000"), .timeout = std::chrono::hours(1)});
  std::optional<Answer> answer;
  stand.group.spawn("ask", stand.ask(over("true", "{}"), answer));
  stand.loop.settle();
  stand.client.stop();
  while (!answer) {
    stand.loop.io.restart();
    stand.loop.io.run_one();
  }
  REQUIRE_FALSE(*answer);
  CHECK(answer->error().code == Code::Cancelled);
  const auto late = stand.one(over("true", "{}"));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Code::Cancelled);
}

TEST_CASE("signatures are judged one by one, and a key that cannot be used is named", "[render][verify]") {
  Stand stand;
  std::optional<Result<std::vector<Verdict>>> verdicts, refused;
  const auto ask = [&](VerifyRequest request, auto& into) -> Task<> {
    into = co_await stand.client.verify(std::move(request));
  };
  const std::string commit = "tree 1\nauthor A <a@b.c> 1 +0\ncommitter C <c@d.e> 1 +0\n\nm\n";
  stand.loop.inside([&] {
    stand.group.spawn("objects", ask({.objects = {{false, commit}, {true, "tag v1\n\nm\n"}, {false, ""}}}, verdicts));
    stand.group.spawn("key", ask({.keys = {{"team.asc", "poem"}}, .objects = {{false, commit}}}, refused));
  });
  while (stand.group.running() > 0) {
    stand.loop.io.restart();
    stand.loop.io.run_one();
  }
  REQUIRE(*verdicts);
  REQUIRE((*verdicts)->size() == 3);
  CHECK((*verdicts)->at(0) == Verdict{.problem = "it is not signed", .author = "a@b.c", .committer = "c@d.e"});
  CHECK((*verdicts)->at(1) == Verdict{.problem = "it is not signed", .tag = "v1"});
  CHECK_FALSE((*verdicts)->at(2).good);
  REQUIRE_FALSE(*refused);
  CHECK(refused->error().code == Code::InvalidSpec);
  CHECK(refused->error().message.starts_with("team.asc: is no OpenPGP public key"));
}
