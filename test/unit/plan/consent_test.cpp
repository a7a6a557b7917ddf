#include "plan/consent.h"
#include "plan/veto.h"
#include "support/catch.h"

using namespace gitsync;
using namespace std::chrono_literals;
using api::ApprovalState;

namespace {

const WallTime noon = *parse_rfc3339("2026-11-25T12:00:00Z");
const std::string plan = "sha256:" + std::string(64, 'a'), other = "sha256:" + std::string(64, 'b');

api::Approval approval(std::chrono::minutes age, std::string digest, std::string approver = "anna") {
  api::Approval out;
  out.meta.ns = "shop";
  out.meta.name = "yes";
  out.sync = "api";
  out.created = noon - age;
  out.plan_digest = std::move(digest);
  out.approver = std::move(approver);
  return out;
}

Prepared prepared(const char* name, const char* content, const char* salt = "salt") {
  Prepared out;
  out.ref = {"", "ConfigMap", "shop", name};
  out.version = "v1";
  out.content = digest(salt, content);
  return out;
}

} // namespace

TEST_CASE("what an Approval is worth", "[plan][consent]") {
  const api::ApprovalSpec plain{.required = true, .expires_after = 60min},
      four{.required = true, .four_eyes = true, .expires_after = 60min};
  const Authorship nobody, bob{true, {"bob"}, {}}, anna{true, {"anna"}, {}}, both{true, {"anna", "bob"}, {}},
      none{true, {}, {}}, half{false, {"bob"}, "commit 1234567: it is not signed"};
  const struct {
    const char* what;
    api::Approval approval;
    std::string waits;
    api::ApprovalSpec rules;
    Authorship author;
    ApprovalState state;
    bool good;
    const char* why;
  } rows[] = {
      {"of the plan that waits", approval(1min, plan), plan, plain, nobody, ApprovalState::Pending, true, ""},
      {"of another plan", approval(1min, other), plan, plain, nobody, ApprovalState::Pending, false, "no such plan"},
      {"while none waits", approval(1min, plan), "", plain, nobody, ApprovalState::Pending, false, "no such plan"},
      {"a moment before it expires", approval(59min, plan), plan, plain, nobody, ApprovalState::Pending, true, ""},
      {"expired", approval(60min, plan), plan, plain, nobody, ApprovalState::Expired, false, "expiresAfter 1h"},
      {"of another plan, expired", approval(61min, other), plan, plain, nobody, ApprovalState::Expired, false, "expiresAfter"},
      {"nobody has to be named without four eyes", approval(1min, plan, ""), plan, plain, nobody, ApprovalState::Pending, true,
       ""},
      {"four eyes", approval(1min, plan), plan, four, bob, ApprovalState::Pending, true, ""},
      {"the author's own", approval(1min, plan), plan, four, anna, ApprovalState::Refused, false, "anna has written a commit"},
      {"of one of several authors", approval(1min, plan), plan, four, both, ApprovalState::Refused, false,
       "anna has written a commit"},
      {"no commit is new", approval(1min, plan), plan, four, none, ApprovalState::Pending, true, ""},
      {"one of the commits is not signed", approval(1min, plan), plan, four, half, ApprovalState::Refused, false,
       "commit 1234567: it is not signed"},
      {"four eyes without a proven author", approval(1min, plan), plan, four, nobody, ApprovalState::Refused, false,
       "not proven"},
      {"four eyes without an approver", approval(1min, plan, ""), plan, four, bob, ApprovalState::Refused, false,
       "spec.approver"},
      {"four eyes of another plan", approval(1min, other), plan, four, nobody, ApprovalState::Pending, false, "no such plan"},
      {"the author's own, expired", approval(99min, plan), plan, four, anna, ApprovalState::Expired, false, "expiresAfter"},
      {"from the future", approval(-5min, plan), plan, plain, nobody, ApprovalState::Pending, true, ""},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto ruling = rule_on(row.approval, row.waits, row.rules, row.author, noon);
    CHECK(ruling.state == row.state);
    CHECK(ruling.good == row.good);
    CHECK(ruling.why.find(row.why) != std::string::npos);
    CHECK(ruling.why.empty() == std::string_view(row.why).empty());
    auto used = row.approval;
    used.state = ApprovalState::Released;
    const auto again = rule_on(used, row.waits, row.rules, row.author, noon);
    CHECK(again.state == ApprovalState::Released);
    CHECK(!again.good); // once only
  }
}

TEST_CASE("four eyes without a proven author tell that nobody can approve", "[plan][consent]") {
  CHECK(unanswerable({.required = true}, {}).empty());
  CHECK(unanswerable({.four_eyes = true}, {true, {"bob"}, {}}).empty());
  CHECK(unanswerable({.four_eyes = true}, {}).find("verified signature") != std::string::npos);
}

TEST_CASE("a plan is counted as people read it", "[plan][consent]") {
  Plan changes;
  CHECK(!counts_of(changes, true).any());
  changes.moved.push_back(prepared("moved", "a"));
  CHECK(!counts_of(changes, true).any());
  changes.apply = {};
  changes.apply.push_back(prepared("new", "a"));
  changes.apply.push_back(prepared("old", "b"));
  changes.created = {changes.apply[0].ref};
  changes.prune = {{"", "Secret", "shop", "gone"}};
  CHECK(counts_of(changes, true).text() == "1 to create, 1 to change, 1 to delete");
  CHECK(counts_of(changes, false).text() == "1 to create, 1 to change");
}

TEST_CASE("a plan's digest follows what it does, and nothing else", "[plan][consent]") {
  const auto make = [](const char* first, const char* second, bool prune = true, const char* salt = "salt") {
    Plan out;
    out.apply.push_back(prepared("a", first, salt));
    out.apply.push_back(prepared("b", second, salt));
    out.prune = {{"", "Secret", "shop", "gone"}};
    return plan_digest(out, prune);
  };
  const auto digest = make("1", "2");
  CHECK(make("1", "2") == digest);
  CHECK(make("2", "1") != digest);
  CHECK(make("1", "3") != digest);
  CHECK(make("1", "2", false) != digest);          // what is left is not what is deleted
  CHECK(make("1", "2", true, "pepper") != digest); // another GitSync's consent is none
  Plan moved;
  moved.apply.push_back(prepared("b", "2"));
  moved.apply.push_back(prepared("a", "1"));
  moved.prune = {{"", "Secret", "shop", "gone"}};
  moved.moved.push_back(prepared("c", "9"));
  moved.apply[0].at = {"elsewhere.yaml", 7};
  CHECK(plan_digest(moved) == digest); // neither order nor file nor line
}
