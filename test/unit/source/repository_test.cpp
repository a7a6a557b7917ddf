#include "source/repository.h"

#include "api/names.h"
#include "unit/kube/access.h"

#include <filesystem>
#include <unistd.h>

using namespace gitsync;
using namespace std::chrono_literals;
using http::Exchange;
using nlohmann::json;

namespace {

/// The API server holds one GitRepository's status and one Secret; the git worker is a program that ends at once, so every
/// fetch fails.
struct Stand : kube::KubeBench {
  json status = json::object();
  size_t secret_reads = 0;
  int secret_code = 404;
  json secret_data;            // the Secret's, where it is there
  std::unique_ptr<Event> hold; // where there is one, reads of the Secret wait for it, from the hold_from-th on
  size_t hold_from = 1;
  std::filesystem::path mirrors = std::filesystem::temp_directory_path() / cat("gitsync-source-test-", ::getpid());
  git::Client git{loop.executor(), {.mirrors = mirrors, .executable = "/bin/false", .workers = 1}};
  render::Client render{loop.executor(), {.executable = "/bin/false"}};
  report::Metrics metrics{"test"};
  report::EventRecorder events{
      loop.executor(), {.instance = "test"}, [](report::EventWrite) -> Task<Result<>> { co_return Result<>{}; }};
  std::unique_ptr<source::Repository> repository;
  size_t changes = 0;
  std::vector<std::string> paths;
  bool ended = false;

  Stand() : kube::KubeBench([this](Exchange& e) -> Task<> { co_await answer(e); }) {}
  ~Stand() {
    loop.inside([this] {
      if (repository) repository->stop();
      group.stop();
      imposter.stop();
    });
    group_end();
    std::error_code ignored;
    std::filesystem::remove_all(mirrors, ignored);
  }
  void group_end() {
    if (!repository) return;
    TaskGroup last(loop.executor());
    const auto wait = [this]() -> Task<> {
      co_await repository->wait();
      ended = true;
    };
    last.spawn("wait", wait());
    until([&] { return ended && last.running() == 0 && group.running() == 0 && imposter.idle(); });
  }

  Task<> answer(Exchange& e) {
    if (e.method == "PATCH") {
      status.merge_patch(json::parse(e.body).at("status"));
      co_return co_await e.answer(200, "{}");
    }
    ++secret_reads;
    if (hold && secret_reads >= hold_from) co_await hold->wait();
    if (!secret_data.is_null()) co_return co_await e.answer(200, json{{"kind", "Secret"}, {"data", secret_data}}.dump());
    co_await e.answer(secret_code, json{{"kind", "Status"}, {"message", "secrets \"creds\" not found"}}.dump());
  }

  static json resource(json spec, int generation = 1, const std::string& requested = "") {
    json out = {{"apiVersion", api::api_group_version},
                {"kind", api::git_repository_kind},
                {"metadata", {{"namespace", "shop"}, {"name", "web"}, {"uid", "u1"}, {"generation", generation}}},
                {"spec", std::move(spec)}};
    if (!requested.empty()) out["metadata"]["annotations"] = {{std::string(api::requested_at_annotation), requested}};
    return out;
  }
  void start(const json& object) {
    loop.inside([&] {
      repository = std::make_unique<source::Repository>(
          source::Context{kube, git, render, {metrics, events}, loop.executor(), [] { return true; }}, object,
          [this] { ++changes; }, [this] { return source::Followed{{paths.begin(), paths.end()}, {}}; });
    });
  }
  json condition(const std::string& type) const {
    for (const auto& one : status.value("conditions", json::array()))
      if (one["type"] == type) return one;
    return json::object();
  }
  std::string reason() const { return condition("Ready").value("reason", ""); }
};

const json plain = {{"url", "https://git.example/shop.git"}, {"interval", "1h"}};
const json with_secret = {{"url", "https://git.example/shop.git"}, {"interval", "1h"}, {"secretRef", {{"name", "creds"}}}};

} // namespace

TEST_CASE("a suspended source is told so and asks nobody", "[source]") {
  Stand stand;
  json spec = with_secret;
  spec["suspend"] = true;
  stand.start(Stand::resource(spec));
  stand.until([&] { return stand.reason() == "Suspended"; });
  CHECK(stand.condition("Ready")["status"] == "False");
  CHECK(stand.secret_reads == 0);
  CHECK_FALSE(stand.repository->revision());
}

TEST_CASE("a spec that cannot be used is told with its field, and asks nobody", "[source]") {
  Stand stand;
  stand.start(Stand::resource({{"url", "nonsense"}}));
  stand.until([&] { return !stand.reason().empty(); });
  CHECK(stand.reason() == "InvalidSpec");
  CHECK(stand.condition("Stalled")["status"] == "True");
  CHECK(stand.condition("Ready").value("message", "").find("spec.url") != std::string::npos);
  CHECK(stand.changes == 1); // its GitSyncs hear of it
  REQUIRE(stand.repository->error());
  CHECK(stand.repository->error()->code == Code::InvalidSpec);
}

TEST_CASE("a file URL is refused unless the operator allows it", "[source]") {
  Stand stand;
  stand.start(Stand::resource({{"url", "file:///srv/shop.git"}, {"interval", "1h"}, {"secretRef", {{"name", "creds"}}}}));
  stand.until([&] { return !stand.reason().empty(); });
  CHECK(stand.reason() == "InvalidSpec");
  CHECK(stand.condition("Ready").value("message", "").find("--allow-file-urls") != std::string::npos);
  CHECK(stand.secret_reads == 0);
}

TEST_CASE("a missing Secret is told with the field that names it", "[source]") {
  Stand stand;
  stand.start(Stand::resource(with_secret));
  stand.until([&] { return !stand.reason().empty(); });
  const auto message = stand.condition("Ready").value("message", "");
  INFO(message);
  CHECK(message.find("GitRepository shop/web: spec.secretRef") != std::string::npos);
  CHECK(stand.secret_reads == 1);
  CHECK(stand.changes == 1);
}

TEST_CASE("half a client certificate is told before anybody is asked", "[source]") {
  for (const auto* key : {"tls.crt", "tls.key"}) {
    CAPTURE(key);
    Stand stand;
    stand.secret_data = {{key, base64_encode("PEM")}};
    stand.start(Stand::resource(with_secret));
    stand.until([&] { return !stand.reason().empty(); });
    const auto message = stand.condition("Ready").value("message", "");
    CHECK(message.find("GitRepository shop/web: spec.secretRef: Secret creds has only one of tls.crt and tls.key") !=
          std::string::npos);
  }
}

TEST_CASE("a worker that dies is a failed fetch", "[source]") {
  Stand stand;
  stand.start(Stand::resource(plain));
  stand.until([&] { return !stand.reason().empty(); });
  CHECK(stand.reason() == "FetchFailed");
  REQUIRE(stand.repository->error());
  CHECK(stand.repository->error()->message.starts_with("GitRepository shop/web: "));
  CHECK_FALSE(stand.repository->revision());
}

TEST_CASE("the same failure again is no news", "[source]") {
  Stand stand;
  stand.start(Stand::resource(with_secret));
  stand.until([&] { return !stand.reason().empty(); });
  for (int i = 0; i < 3; ++i) stand.run(stand.repository->poll_now(""));
  CHECK(stand.secret_reads == 4);
  CHECK(stand.changes == 1);
}

TEST_CASE("poll_now returns when a poll that began after it has ended", "[source]") {
  Stand stand;
  stand.hold = std::make_unique<Event>(stand.loop.executor());
  stand.start(Stand::resource(with_secret));
  stand.until([&] { return stand.secret_reads == 1; }); // a poll is under way: not the one that is asked for
  Outcome<bool> first, second;
  stand.loop.inside([&] {
    stand.group.spawn("first", keep(stand.repository->poll_now(""), first));
    stand.group.spawn("second", keep(stand.repository->poll_now(""), second));
  });
  stand.hold->set();
  stand.until([&] { return first.ended() && second.ended(); });
  CHECK(first.value == true);
  CHECK(second.value == true);
  CHECK(stand.secret_reads == 2); // one poll serves both
}

TEST_CASE("a request that a GitSync has brought already is answered by that poll", "[source]") {
  const bool under_way = GENERATE(true, false); // the repository is asked while the poll runs, or after it
  Stand stand;
  stand.start(Stand::resource(with_secret));
  stand.until([&] { return stand.secret_reads == 1 && !stand.reason().empty(); });
  stand.hold = std::make_unique<Event>(stand.loop.executor());
  Outcome<bool> brought;
  stand.loop.inside([&] { stand.group.spawn("brought", keep(stand.repository->poll_now("r1"), brought)); });
  stand.until([&] { return stand.secret_reads == 2; });
  if (under_way) stand.loop.inside([&] { stand.repository->update(Stand::resource(with_secret, 1, "r1")); });
  stand.hold->set();
  stand.until([&] { return brought.ended(); });
  if (!under_way) stand.loop.inside([&] { stand.repository->update(Stand::resource(with_secret, 1, "r1")); });
  stand.until([&] { return stand.status.value("lastHandledReconcileAt", "") == "r1"; });
  CHECK(stand.secret_reads == 2);
  // Another one is a poll of its own.
  stand.loop.inside([&] { stand.repository->update(Stand::resource(with_secret, 1, "r2")); });
  stand.until([&] { return stand.status.value("lastHandledReconcileAt", "") == "r2"; });
  CHECK(stand.secret_reads == 3);
}

TEST_CASE("a request is answered in status by the poll that began after it", "[source]") {
  Stand stand;
  stand.hold = std::make_unique<Event>(stand.loop.executor());
  stand.start(Stand::resource(with_secret));
  stand.until([&] { return stand.secret_reads == 1; });
  stand.loop.inside([&] { stand.repository->update(Stand::resource(with_secret, 1, "now")); });
  CHECK(stand.status.value("lastHandledReconcileAt", "") == "");
  stand.hold->set();
  stand.until([&] { return stand.status.value("lastHandledReconcileAt", "") == "now"; });
  CHECK(stand.secret_reads == 2);
}

TEST_CASE("an edit wakes it, a change of its status doesn't", "[source]") {
  Stand stand;
  stand.start(Stand::resource(with_secret));
  stand.until([&] { return stand.secret_reads == 1 && !stand.reason().empty(); });
  stand.loop.inside([&] {
    auto same = Stand::resource(with_secret);
    same["status"] = {{"conditions", json::array()}};
    stand.repository->update(same);
  });
  CHECK(stand.secret_reads == 1);
  stand.loop.inside([&] { stand.repository->update(Stand::resource(with_secret, 2)); });
  stand.until([&] { return stand.secret_reads == 2 && stand.status.value("observedGeneration", 0) == 2; });
}

TEST_CASE("who waits for a poll is let go when the source ends, whatever it does", "[source]") {
  const bool under_way = GENERATE(false, true); // the round that answers has begun
  Stand stand;
  stand.hold = std::make_unique<Event>(stand.loop.executor());
  stand.hold_from = under_way ? 2 : 1;
  stand.start(Stand::resource(with_secret));
  stand.until([&] { return stand.secret_reads == 1 && (!under_way || !stand.reason().empty()); });
  Outcome<bool> waiting;
  stand.loop.inside([&] { stand.group.spawn("waiting", keep(stand.repository->poll_now(""), waiting)); });
  stand.until([&] { return stand.secret_reads == stand.hold_from; });
  CHECK_FALSE(waiting.ended());
  stand.loop.inside([&] { stand.repository->stop(); });
  // A GitSync that waits here for ever would never look at anything again.
  const auto guard = std::chrono::steady_clock::now() + 5s;
  stand.loop.io.restart();
  while (!waiting.ended() && std::chrono::steady_clock::now() < guard) stand.loop.io.run_one_for(100ms);
  CHECK(waiting.ended());
}
