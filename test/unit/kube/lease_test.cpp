#include "kube/lease.h"

#include "base/text.h"
#include "support/catch.h"

#include <functional>
#include <optional>
#include <queue>
#include <random>

using namespace gitsync;
using namespace gitsync::kube;
using namespace std::chrono_literals;
using nlohmann::json;
using Kind = LeaseInput::Kind;
using std::chrono::milliseconds;

namespace {

template <class... Fs> struct overloaded : Fs... {
  using Fs::operator()...;
};

std::string spec_text(const json& body) {
  const auto& spec = body["spec"];
  return cat(spec.value("holderIdentity", "-"), " ", spec.value("leaseDurationSeconds", -1), "s t",
             spec.value("leaseTransitions", -1), " rv", body["metadata"].value("resourceVersion", "-"));
}

std::string text_of(const LeaseAction& action) {
  return std::visit(overloaded{
                        [](const lease::Get&) { return std::string("get"); },
                        [](const lease::Create& a) { return cat("create ", spec_text(a.body)); },
                        [](const lease::Update& a) { return cat("update ", spec_text(a.body)); },
                        [](const lease::Wait& a) { return cat("wait ", a.duration.count()); },
                        [](const lease::BecomeLeader&) { return std::string("become"); },
                        [](const lease::LoseLeadership& a) { return cat("lose: ", a.reason); },
                        [](const lease::Released&) { return std::string("released"); },
                    },
                    action);
}

/// A Lease as the API server would answer it.
json lease_of(std::string holder, int seconds, int transitions, int version, std::string renewed = "r1") {
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata",
           {{"name", "op"},
            {"namespace", "sys"},
            {"uid", "u"},
            {"resourceVersion", std::to_string(version)},
            {"managedFields", json::array()}}},
          {"spec",
           {{"holderIdentity", holder},
            {"leaseDurationSeconds", seconds},
            {"acquireTime", "a"},
            {"renewTime", renewed},
            {"leaseTransitions", transitions}}}};
}

/// One machine "me", driven by hand on its own clock.
struct Hand {
  LeaseMachine machine{"sys", "op", "me"};
  Instant zero{1000h};
  LeaseAction last;

  Instant at(int ms) const { return zero + milliseconds(ms); }
  LeaseInput input(int ms, Kind kind) const {
    LeaseInput in;
    in.kind = kind;
    in.now = at(ms);
    in.wall = WallTime(std::chrono::seconds(1'800'000'000) + milliseconds(ms));
    return in;
  }
  std::string step(const LeaseInput& in) { return text_of(last = machine.resume(in)); }
  std::string tick(int ms) { return step(input(ms, Kind::Tick)); }
  std::string conflict(int ms) { return step(input(ms, Kind::Conflict)); }
  std::string not_found(int ms) { return step(input(ms, Kind::NotFound)); }
  std::string failed(int ms, milliseconds after = 0ms) {
    auto in = input(ms, Kind::Failed);
    in.message = "connection refused";
    in.after = after;
    return step(in);
  }
  std::string read(int ms, json value) {
    auto in = input(ms, Kind::Read);
    in.lease = std::move(value);
    return step(in);
  }
  /// The server accepts what was just sent, as `version`.
  std::string accepted(int ms, int version) {
    json body =
        std::holds_alternative<lease::Create>(last) ? std::get<lease::Create>(last).body : std::get<lease::Update>(last).body;
    body["metadata"]["uid"] = "u";
    body["metadata"]["resourceVersion"] = std::to_string(version);
    return read(ms, std::move(body));
  }
  /// Leader since 0, with the next renewal due at 5000 upon version 1.
  void lead() {
    REQUIRE(tick(0) == "get");
    REQUIRE(not_found(0) == "create me 15s t0 rv-");
    REQUIRE(accepted(0, 1) == "become");
    REQUIRE(tick(0) == "wait 5000");
  }
};

} // namespace

TEST_CASE("a candidate creates the lease where there is none, and renews it", "[kube][lease]") {
  Hand hand;
  CHECK(hand.tick(0) == "get");
  CHECK(hand.not_found(10) == "create me 15s t0 rv-");
  const auto body = std::get<lease::Create>(hand.last).body;
  CHECK(body["metadata"] == json{{"name", "op"}, {"namespace", "sys"}});
  CHECK(body["spec"]["acquireTime"] == "2027-01-15T08:00:00.010000Z");
  CHECK(body["spec"]["renewTime"] == body["spec"]["acquireTime"]);
  CHECK_FALSE(hand.machine.is_leader());
  CHECK(hand.accepted(30, 1) == "become");
  CHECK(hand.machine.is_leader());
  CHECK(hand.machine.term() == 0);

  // Trust counts from when the request was sent, 10, not from its answer.
  CHECK(hand.machine.valid(hand.at(10 + 12'999)));
  CHECK_FALSE(hand.machine.valid(hand.at(10 + 13'000)));

  CHECK(hand.tick(40) == "wait 4970");
  CHECK(hand.tick(5'010) == "update me 15s t0 rv1");
  const auto renewal = std::get<lease::Update>(hand.last).body;
  CHECK(renewal["metadata"]["uid"] == "u");
  CHECK(renewal["spec"]["acquireTime"] == body["spec"]["acquireTime"]);
  CHECK(renewal["spec"]["renewTime"] == "2027-01-15T08:00:05.010000Z");
  CHECK(hand.accepted(5'040, 2) == "wait 4970");
  CHECK(hand.tick(10'010) == "update me 15s t0 rv2");
}

TEST_CASE("a candidate waits for the whole duration by its own clock", "[kube][lease]") {
  Hand hand;
  CHECK(hand.tick(0) == "get");
  CHECK(hand.read(100, lease_of("other", 15, 4, 7)) == "wait 2000");
  CHECK(hand.tick(2'100) == "get");
  CHECK(hand.read(2'150, lease_of("other", 15, 4, 8, "x")) == "wait 2000"); // renewed: seen at 2150
  CHECK(hand.tick(16'000) == "get");
  CHECK(hand.read(16'000, lease_of("other", 15, 4, 9, "x")) == "wait 1150"); // only a label changed: that's no renewal
  CHECK(hand.tick(17'149) == "get");
  CHECK(hand.read(17'149, lease_of("other", 15, 4, 9, "x")) == "wait 1");
  CHECK(hand.tick(17'150) == "update me 15s t5 rv9"); // at once, upon the version seen last
  CHECK(std::get<lease::Update>(hand.last).body["spec"]["acquireTime"] != "a");
  CHECK_FALSE(std::get<lease::Update>(hand.last).body["metadata"].contains("managedFields"));
  SECTION("and takes over") {
    CHECK(hand.accepted(17'200, 10) == "become");
    CHECK(hand.machine.term() == 5);
  }
  SECTION("unless somebody was faster") {
    CHECK(hand.conflict(17'200) == "wait 2000");
    CHECK(hand.tick(19'200) == "get");
    CHECK(hand.read(19'250, lease_of("third", 15, 5, 11, "y")) == "wait 2000");
    CHECK(hand.machine.holder() == "third");
    CHECK_FALSE(hand.machine.is_leader());
  }
  SECTION("a failed attempt does not start the wait anew") {
    CHECK(hand.failed(17'200) == "wait 2000");
    CHECK(hand.tick(19'200) == "get");
    CHECK(hand.read(19'250, lease_of("other", 15, 4, 9, "x")) == "update me 15s t5 rv9");
  }
}

TEST_CASE("remote times are never compared with ours", "[kube][lease]") {
  for (const char* renewed : {"1970-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", "nonsense"}) {
    CAPTURE(renewed);
    Hand hand;
    hand.tick(0);
    CHECK(hand.read(0, lease_of("other", 15, 4, 7, renewed)) == "wait 2000");
    CHECK(hand.tick(14'999) == "get");
    CHECK(hand.read(14'999, lease_of("other", 15, 4, 7, renewed)) == "wait 1");
    CHECK(hand.tick(15'000) == "update me 15s t5 rv7");
  }
}

TEST_CASE("when a lease may be taken", "[kube][lease]") {
  struct Row {
    const char* what;
    json lease;
    const char* action;
  };
  auto bare = lease_of("", 15, 0, 1);
  bare["spec"] = json::object();
  auto no_spec = bare;
  no_spec.erase("spec");
  auto zero = lease_of("other", 0, 3, 1);
  auto odd = lease_of("other", 15, 3, 1);
  odd["spec"]["leaseDurationSeconds"] = "15";
  odd["spec"]["leaseTransitions"] = nullptr;
  const Row rows[] = {
      {"released", lease_of("", 1, 3, 1), "update me 15s t4 rv1"},
      {"made by hand, never held", bare, "update me 15s t1 rv1"},
      {"no spec at all", no_spec, "update me 15s t1 rv1"},
      {"emptied by hand: its holder may not know yet", lease_of("", 15, 3, 1), "wait 2000"},
      {"held", lease_of("other", 15, 3, 1), "wait 2000"},
      {"held for one second more", lease_of("other", 1, 3, 1), "wait 1000"},
      {"nonsense instead of a duration: ours", zero, "wait 2000"},
      {"of wrong types", odd, "wait 2000"},
      {"our name, though we never wrote it: an earlier process", lease_of("me", 15, 3, 1), "wait 2000"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Hand hand;
    REQUIRE(hand.tick(0) == "get");
    CHECK(hand.read(0, row.lease) == row.action);
    CHECK_FALSE(hand.machine.valid(hand.at(0)));
  }
}

TEST_CASE("a holder's longer duration is honoured", "[kube][lease]") {
  Hand hand;
  hand.tick(0);
  hand.read(0, lease_of("other", 60, 3, 1));
  CHECK(hand.tick(59'999) == "get");
  CHECK(hand.read(59'999, lease_of("other", 60, 3, 1)) == "wait 1");
  CHECK(hand.tick(60'000) == "update me 15s t4 rv1");
}

TEST_CASE("a candidate whose answer was lost finds itself and confirms", "[kube][lease]") {
  Hand hand;
  hand.tick(0);
  CHECK(hand.not_found(0) == "create me 15s t0 rv-");
  CHECK(hand.failed(2'000) == "wait 2000");
  CHECK(hand.tick(4'000) == "get");
  CHECK(hand.read(4'010, lease_of("me", 15, 0, 1)) == "update me 15s t0 rv1");
  CHECK_FALSE(hand.machine.is_leader());
  CHECK(hand.accepted(4'050, 2) == "become");
  CHECK(hand.machine.valid_until() == hand.at(4'010 + 13'000));
}

TEST_CASE("a confirmation that comes too late is no start", "[kube][lease]") {
  Hand hand;
  hand.tick(0);
  hand.not_found(0);
  CHECK(hand.accepted(13'000, 1) == "update me 15s t0 rv1");
  CHECK_FALSE(hand.machine.is_leader());
  CHECK(hand.accepted(13'050, 2) == "become");
}

TEST_CASE("a candidate goes on whatever fails", "[kube][lease]") {
  Hand hand;
  CHECK(hand.tick(0) == "get");
  CHECK(hand.failed(2'000) == "wait 2000");
  CHECK(hand.tick(4'000) == "get");
  CHECK(hand.failed(4'001, 7s) == "wait 7000"); // the server asked for it
  CHECK(hand.tick(11'000) == "get");
  CHECK(hand.failed(11'001, 24h) == "wait 15000"); // within reason
  CHECK(hand.tick(26'001) == "get");
  CHECK(hand.read(26'002, json::array()) == "wait 2000"); // no Lease at all
  CHECK(hand.tick(28'002) == "get");
  CHECK(hand.not_found(28'003) == "create me 15s t0 rv-");
  CHECK(hand.not_found(28'004) == "wait 2000"); // no such namespace
  CHECK(hand.tick(30'004) == "get");
  CHECK(hand.not_found(30'005) == "create me 15s t0 rv-");
  CHECK(hand.conflict(30'006) == "wait 2000"); // exists by now
}

TEST_CASE("a deleted lease is not taken from under its holder", "[kube][lease]") {
  Hand hand;
  hand.tick(0);
  hand.read(0, lease_of("other", 15, 3, 1));
  CHECK(hand.tick(2'000) == "get");
  CHECK(hand.not_found(2'000) == "wait 2000");
  CHECK(hand.tick(14'000) == "get");
  CHECK(hand.not_found(14'000) == "wait 1000");
  CHECK(hand.tick(15'000) == "get");
  CHECK(hand.not_found(15'000) == "create me 15s t4 rv-"); // the count goes on
}

TEST_CASE("a leader survives a short outage and gives up at its deadline", "[kube][lease]") {
  Hand hand;
  hand.lead();
  CHECK(hand.tick(5'000) == "update me 15s t0 rv1");
  CHECK(std::get<lease::Update>(hand.last).timeout == 2s);
  CHECK(hand.failed(5'001) == "wait 999"); // refused at once: a second from the last attempt
  CHECK(hand.tick(6'000) == "update me 15s t0 rv1");
  CHECK(hand.failed(8'000) == "wait 0"); // timed out
  CHECK(hand.tick(8'000) == "update me 15s t0 rv1");

  SECTION("back in time") {
    CHECK(hand.accepted(8'100, 2) == "wait 4900");
    CHECK(hand.machine.valid_until() == hand.at(21'000));
    CHECK(hand.tick(13'000) == "update me 15s t0 rv2");
    CHECK(hand.failed(13'000) == "wait 1000"); // the deadline is a new one
  }
  SECTION("back in time, and the write had happened") {
    CHECK(hand.conflict(8'100) == "get");
    CHECK(hand.read(8'150, lease_of("me", 15, 0, 2, "r2")) == "update me 15s t0 rv2");
    CHECK(hand.accepted(8'200, 3) == "wait 4950");
  }
  SECTION("not back") {
    CHECK(hand.failed(9'500) == "wait 0");
    CHECK(hand.tick(9'600) == "update me 15s t0 rv1");
    CHECK(std::get<lease::Update>(hand.last).timeout == 500ms); // never far beyond the deadline
    CHECK(hand.machine.valid(hand.at(9'999)));
    const std::string reason = "lose: the lease could not be renewed for 10000 ms: connection refused";
    CHECK(hand.failed(10'000) == reason);
    CHECK_FALSE(hand.machine.is_leader());
    CHECK_FALSE(hand.machine.valid(hand.at(10'000)));
    CHECK(hand.tick(20'000) == reason); // for good
    CHECK(hand.read(20'000, lease_of("me", 15, 0, 2)) == reason);
  }
  SECTION("a pause that the server asks for does not go beyond the deadline") {
    CHECK(hand.failed(8'001, 60s) == "wait 1999");
    CHECK(hand.tick(10'000) == "lose: the lease could not be renewed for 10000 ms: connection refused");
  }
}

TEST_CASE("a leader learns that the lease is no longer its own", "[kube][lease]") {
  Hand hand;
  hand.lead();
  REQUIRE(hand.tick(5'000) == "update me 15s t0 rv1");
  SECTION("taken") {
    CHECK(hand.conflict(5'001) == "get");
    CHECK(hand.read(5'002, lease_of("other", 15, 1, 3)) == "lose: the lease was taken by other");
  }
  SECTION("emptied") {
    CHECK(hand.conflict(5'001) == "get");
    CHECK(hand.read(5'002, lease_of("", 1, 1, 3)) == "lose: the lease was emptied by somebody else");
  }
  SECTION("deleted: it comes back with the same term") {
    CHECK(hand.not_found(5'001) == "create me 15s t0 rv-");
    CHECK(hand.accepted(5'002, 9) == "wait 4999");
    CHECK(hand.tick(10'001) == "update me 15s t0 rv9");
  }
  SECTION("deleted and made by another") {
    CHECK(hand.not_found(5'001) == "create me 15s t0 rv-");
    CHECK(hand.conflict(5'002) == "get");
    CHECK(hand.read(5'003, lease_of("other", 15, 0, 10)) == "lose: the lease was taken by other");
  }
  SECTION("the namespace is gone: until the deadline") {
    CHECK(hand.not_found(5'001) == "create me 15s t0 rv-");
    CHECK(hand.not_found(5'002) == "wait 999");
  }
  SECTION("somebody edits it all the time: no busy loop") {
    CHECK(hand.conflict(5'001) == "get");
    CHECK(hand.read(5'002, lease_of("me", 15, 0, 3)) == "update me 15s t0 rv3");
    CHECK(hand.conflict(5'003) == "wait 999");
    CHECK(hand.tick(6'002) == "get");
    CHECK(hand.read(6'003, lease_of("me", 15, 0, 4)) == "update me 15s t0 rv4");
    CHECK(hand.conflict(6'004) == "wait 999");
  }
  SECTION("failing looks do not spin either") {
    CHECK(hand.conflict(5'001) == "get");
    CHECK(hand.failed(5'001) == "wait 1000");
    CHECK(hand.tick(6'001) == "get");
    CHECK(hand.failed(6'002) == "wait 999");
  }
}

TEST_CASE("a leader that was paused keeps still, and stays only if nobody took over", "[kube][lease]") {
  Hand hand;
  hand.lead();
  CHECK_FALSE(hand.machine.valid(hand.at(60'000)));
  CHECK(hand.tick(60'000) == "update me 15s t0 rv1");
  SECTION("nobody did") {
    CHECK(hand.accepted(60'010, 2) == "wait 4990");
    CHECK(hand.machine.valid(hand.at(60'011)));
  }
  SECTION("somebody did") {
    CHECK(hand.conflict(60'010) == "get");
    CHECK(hand.read(60'020, lease_of("other", 15, 1, 5)) == "lose: the lease was taken by other");
  }
  SECTION("no answer: one attempt is enough") {
    CHECK(hand.failed(60'500) == "lose: the lease could not be renewed for 10000 ms: connection refused");
  }
}

TEST_CASE("release", "[kube][lease]") {
  Hand hand;
  const auto release = [&](int ms) { return text_of(hand.last = hand.machine.release(hand.at(ms), WallTime(1'800'000'000s))); };
  SECTION("a leader empties the holder, and is not valid from then on") {
    hand.lead();
    CHECK(release(100) == "update  1s t0 rv1");
    CHECK_FALSE(hand.machine.is_leader());
    CHECK_FALSE(hand.machine.valid(hand.at(100)));
    CHECK(hand.accepted(150, 2) == "released");
    CHECK(hand.tick(200) == "released");
  }
  SECTION("a candidate has nothing to give back") {
    hand.tick(0);
    hand.read(0, lease_of("other", 15, 1, 5));
    CHECK(release(100) == "released");
  }
  SECTION("nor has who lost") {
    hand.lead();
    hand.tick(5'000);
    hand.conflict(5'000);
    hand.read(5'000, lease_of("other", 15, 1, 5));
    CHECK(release(5'100) == "released");
  }
  SECTION("a dropped renewal may have happened: look first") {
    hand.lead();
    hand.tick(5'000);
    CHECK(release(5'001) == "get");
    SECTION("ours") { CHECK(hand.read(5'010, lease_of("me", 15, 0, 2)) == "update  1s t0 rv2"); }
    SECTION("another's") { CHECK(hand.read(5'010, lease_of("other", 15, 0, 2)) == "released"); }
    SECTION("gone") { CHECK(hand.not_found(5'010) == "released"); }
  }
  SECTION("a dropped creation too") {
    hand.tick(0);
    REQUIRE(hand.not_found(0) == "create me 15s t0 rv-");
    CHECK(release(1) == "get");
    CHECK(hand.read(2, lease_of("me", 15, 0, 1)) == "update  1s t0 rv1");
  }
  SECTION("three failures end it") {
    hand.lead();
    CHECK(release(0) == "update  1s t0 rv1");
    CHECK(hand.failed(1) == "get");
    CHECK(hand.failed(2) == "get");
    CHECK(hand.failed(3) == "released");
  }
}

// Several machines against one simulated API server: delays, lost requests and answers, requests that are carried out after
// their sender gave up, outages, paused and crashing processes, clocks that differ in offset and rate.

namespace {

struct World {
  double rate_spread = 0.01; // clock rates are within 1 ± this
  int max_pause_ms = 25'000; // of a whole process
  int request_loss = 8;      // percent, of requests and of answers
  bool crashes = true, outages = true;
  LeaseTimes times;
};

class Simulation {
public:
  Simulation(unsigned seed, World world, int processes) : random_(seed), world_(world) {
    for (int i = 0; i < processes; ++i) {
      auto& process = processes_.emplace_back();
      process.rate = 1.0 + (uniform(0, 2'000'000) / 1e6 - 1.0) * world.rate_spread;
      process.offset = Instant(milliseconds(uniform(1'000'000, 900'000'000)));
      start(i);
    }
    if (world.outages) at(uniform(5'000, 60'000), [this] { outage(); });
    at(uniform(1'000, 20'000), [this] { edit_label(); });
  }

  /// Runs until then (ms of true time), or until the property is broken.
  void run_until(double end) {
    while (!events_.empty() && events_.top().time <= end && violation.empty()) {
      auto event = events_.top();
      events_.pop();
      now_ = event.time;
      event.act();
      check();
    }
    now_ = std::max(now_, end);
  }

  /// Nothing fails any more.
  void calm() {
    world_.crashes = world_.outages = false;
    world_.max_pause_ms = world_.request_loss = 0;
    out_until_ = now_;
    calm_ = true;
  }
  int leader() const {
    for (size_t i = 0; i < processes_.size(); ++i)
      if (valid(processes_[i])) return static_cast<int>(i);
    return -1;
  }
  void kill(int index) {
    ++processes_[static_cast<size_t>(index)].life, processes_[static_cast<size_t>(index)].machine.reset();
  }
  void release(int index) {
    auto& process = processes_[static_cast<size_t>(index)];
    ++process.life;
    carry_out(index, process.machine->release(local(process), WallTime(milliseconds(static_cast<int64_t>(now_)))));
  }
  /// Runs until somebody is valid; how long that took, or -1 where it took longer than the limit.
  double until_led(double limit) {
    const double from = now_;
    while (leader() < 0 && now_ < from + limit && violation.empty()) run_until(now_ + 5);
    return leader() < 0 ? -1 : now_ - from;
  }
  double now() const { return now_; }

  std::string violation;
  int terms = 0, losses = 0;
  int64_t highest_term = -1;

private:
  struct Process {
    std::optional<LeaseMachine> machine;
    double rate = 1;
    Instant offset;
    int life = 0; // grows with every crash and with every new action: what was meant for an earlier one is ignored
    double stuck_until = 0;
  };
  struct Event {
    double time;
    long order;
    std::function<void()> act;
    bool operator<(const Event& other) const { return std::tie(time, order) > std::tie(other.time, other.order); }
  };

  int uniform(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }
  bool percent(int chance) { return uniform(0, 99) < chance; }
  void at(double delay, std::function<void()> act) { events_.push({now_ + delay, order_++, std::move(act)}); }

  Instant local(const Process& process) const {
    return process.offset +
           std::chrono::duration_cast<Instant::duration>(std::chrono::duration<double, std::milli>(now_ * process.rate));
  }
  bool valid(const Process& process) const { return process.machine && process.machine->valid(local(process)); }

  void check() {
    int count = 0;
    for (const auto& process : processes_) count += valid(process);
    if (count > 1) violation = cat(count, " leaders at ", static_cast<int64_t>(now_), " ms");
  }

  void start(int index) {
    auto& process = processes_[static_cast<size_t>(index)];
    ++process.life;
    process.machine.emplace("sys", "op", cat("p", index, "-", ++identities_), world_.times);
    at(uniform(0, 3'000), [this, index, life = process.life] { resume(index, life, {}); });
    if (world_.crashes) at(uniform(10'000, 200'000), [this, index, identity = identities_] { end(index, identity); });
  }

  /// A crash or a graceful end of the process that was started as number `identity`.
  void end(int index, int identity) {
    if (!world_.crashes) return;
    auto& process = processes_[static_cast<size_t>(index)];
    if (process.machine && percent(30))
      release(index);
    else
      kill(index);
    at(uniform(2'000, 9'000), [this, index, identity] {
      if (identity <= identities_) start(index);
    });
  }

  void resume(int index, int life, LeaseInput input) {
    auto& process = processes_[static_cast<size_t>(index)];
    if (life != process.life || !process.machine) return;
    if (world_.max_pause_ms > 0 && percent(3)) process.stuck_until = now_ + uniform(0, world_.max_pause_ms);
    if (now_ < process.stuck_until) {
      at(process.stuck_until - now_, [this, index, life, input] { resume_now(index, life, input); });
      return;
    }
    resume_now(index, life, std::move(input));
  }
  void resume_now(int index, int life, LeaseInput input) {
    auto& process = processes_[static_cast<size_t>(index)];
    if (life != process.life || !process.machine) return;
    ++process.life; // this input was the one: an answer that comes after its time-out is dropped
    input.now = local(process);
    input.wall = WallTime(milliseconds(static_cast<int64_t>(now_)) + milliseconds(uniform(-3'600'000, 3'600'000)));
    carry_out(index, process.machine->resume(input));
  }

  void carry_out(int index, LeaseAction action) {
    auto& process = processes_[static_cast<size_t>(index)];
    const int life = process.life;
    if (const auto* wait = std::get_if<lease::Wait>(&action)) {
      at(static_cast<double>(wait->duration.count()) / process.rate + uniform(0, 20),
         [this, index, life] { resume(index, life, {}); });
    } else if (std::holds_alternative<lease::BecomeLeader>(action)) {
      ++terms;
      const auto term = process.machine->term();
      if (term <= highest_term) violation = cat("term ", term, " after ", highest_term);
      highest_term = term;
      at(0, [this, index, life] { resume(index, life, {}); });
    } else if (std::holds_alternative<lease::LoseLeadership>(action)) {
      ++losses;
      at(uniform(100, 5'000), [this, index, life] {
        if (processes_[static_cast<size_t>(index)].life == life) start(index);
      });
    } else if (!std::holds_alternative<lease::Released>(action)) {
      request(index, life, std::move(action));
    }
  }

  void request(int index, int life, LeaseAction action) {
    const auto& process = processes_[static_cast<size_t>(index)];
    const auto timeout =
        std::visit(overloaded{[](const lease::Get& a) { return a.timeout; }, [](const lease::Create& a) { return a.timeout; },
                              [](const lease::Update& a) { return a.timeout; }, [](const auto&) { return milliseconds(0); }},
                   action);
    LeaseInput failed;
    failed.kind = Kind::Failed;
    failed.message = "no answer";
    at(static_cast<double>(timeout.count()) / process.rate, [this, index, life, failed] { resume(index, life, failed); });
    const bool out = now_ < out_until_;
    if (out && percent(50)) at(1, [this, index, life, failed] { resume(index, life, failed); }); // refused at once
    if (out || percent(world_.request_loss)) return;
    const int there = calm_ ? uniform(1, 20) : percent(5) ? uniform(500, 9'000) : uniform(1, 300);
    const int back = calm_ ? uniform(1, 20) : percent(5) ? uniform(500, 4'000) : uniform(1, 300);
    at(there, [this, index, life, back, action] {
      const LeaseInput answer = serve(action);
      if (!percent(world_.request_loss)) at(back, [this, index, life, answer] { resume(index, life, answer); });
    });
  }

  LeaseInput serve(const LeaseAction& action) {
    LeaseInput answer;
    answer.kind = Kind::Read;
    if (std::holds_alternative<lease::Get>(action)) {
      if (stored_.is_null()) answer.kind = Kind::NotFound;
    } else if (const auto* create = std::get_if<lease::Create>(&action)) {
      if (!stored_.is_null())
        answer.kind = Kind::Conflict;
      else
        store(create->body);
    } else if (const auto* update = std::get_if<lease::Update>(&action)) {
      if (stored_.is_null())
        answer.kind = Kind::NotFound;
      else if (update->body["metadata"]["resourceVersion"] != stored_["metadata"]["resourceVersion"])
        answer.kind = Kind::Conflict;
      else
        store(update->body);
    }
    if (answer.kind == Kind::Read) answer.lease = stored_;
    return answer;
  }
  void store(json body) {
    stored_ = std::move(body);
    stored_["metadata"]["resourceVersion"] = std::to_string(++version_);
  }

  void outage() {
    if (!world_.outages) return;
    out_until_ = now_ + uniform(500, percent(30) ? 30'000 : 6'000);
    at(uniform(10'000, 90'000), [this] { outage(); });
  }
  void edit_label() {
    if (stored_.is_object()) {
      stored_["metadata"]["labels"]["edited"] = std::to_string(version_);
      store(stored_);
    }
    if (!calm_) at(uniform(1'000, 20'000), [this] { edit_label(); });
  }

  std::mt19937 random_;
  World world_;
  double now_ = 0, out_until_ = 0;
  bool calm_ = false;
  long order_ = 0;
  int identities_ = 0, version_ = 0;
  std::vector<Process> processes_;
  std::priority_queue<Event> events_;
  json stored_;
};

} // namespace

TEST_CASE("property: never two valid leaders while clock rates are within 1 %", "[kube][lease][property]") {
  int terms = 0, losses = 0;
  for (unsigned seed = 1; seed <= 150; ++seed) {
    Simulation simulation(seed, {}, 2 + static_cast<int>(seed % 2));
    simulation.run_until(400'000);
    CAPTURE(seed);
    REQUIRE(simulation.violation == "");
    terms += simulation.terms;
    losses += simulation.losses;
  }
  // The world was rough enough to mean something.
  CHECK(terms > 150 * 5);
  CHECK(losses > 150);
}

TEST_CASE("the simulation notices machines that trust a lease for too long", "[kube][lease][property]") {
  World world;
  SECTION("no margin, but more than the duration") { world.times.margin = -2s; }
  SECTION("clocks that differ more than the margin covers") { world.rate_spread = 0.3; }
  bool noticed = false;
  for (unsigned seed = 1; seed <= 150 && !noticed; ++seed) {
    Simulation simulation(seed, world, 3);
    simulation.run_until(400'000);
    noticed = !simulation.violation.empty();
  }
  CHECK(noticed);
}

TEST_CASE("property: after a crash another leads within duration and retry", "[kube][lease][property]") {
  const LeaseTimes times;
  // By the slowest clock, with four exchanges of 40 ms and timers that are up to 20 ms late.
  const double after_crash = static_cast<double>((times.duration + times.acquire_retry).count()) / 0.99 + 300;
  const double after_release = static_cast<double>(times.acquire_retry.count()) / 0.99 + 300;
  double slowest_crash = 0, slowest_release = 0;
  for (unsigned seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Simulation simulation(seed, {}, 3);
    simulation.run_until(60'000);
    simulation.calm();
    simulation.run_until(simulation.now() + 60'000); // whatever was broken has healed by now
    REQUIRE(simulation.violation == "");
    REQUIRE(simulation.leader() >= 0);
    const int losses = simulation.losses;

    simulation.kill(simulation.leader());
    const double crash = simulation.until_led(after_crash);
    CHECK(crash >= 0);
    simulation.run_until(simulation.now() + 60'000);
    REQUIRE(simulation.leader() >= 0);

    simulation.release(simulation.leader());
    const double release = simulation.until_led(after_release);
    CHECK(release >= 0);
    CHECK(simulation.losses == losses); // in calm weather nobody loses anything
    CHECK(simulation.violation == "");
    slowest_crash = std::max(slowest_crash, crash);
    slowest_release = std::max(slowest_release, release);
  }
  CHECK(slowest_crash > 10'000); // a dead leader's lease is never taken early
  INFO("slowest after a crash " << slowest_crash << " ms, after a release " << slowest_release << " ms");
  CHECK(slowest_release < 3'000);
}
