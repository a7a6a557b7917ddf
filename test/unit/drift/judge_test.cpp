#include "drift/judge.h"

#include "support/catch.h"

using namespace gitsync;
using nlohmann::json;

namespace {

/// A live ConfigMap as the watch shows it after our apply.
json live(const std::string& version = "100", const std::string& uid = "u1", const std::string& color = "blue") {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", "web"},
            {"uid", uid},
            {"resourceVersion", version},
            {"managedFields",
             {{{"manager", "us"},
               {"operation", "Apply"},
               {"fieldsType", "FieldsV1"},
               {"fieldsV1", {{"f:data", {{"f:color", json::object()}}}}}}}}}},
          {"data", {{"color", color}}}};
}

ManagedObject object(Phase phase, uint64_t version = 100) {
  ManagedObject out;
  out.ref = {"", "ConfigMap", "shop", "web"};
  out.sync = std::make_shared<SyncFacts>(SyncFacts{.owner = "shop/web", .manager = "us", .salt = "s"});
  out.content = out.applied = digest("s", "body");
  out.uid = "u1";
  out.resource_version = version;
  out.owned = ownership(live(), "us", "s", {})->digest;
  out.phase = phase;
  out.present = true;
  return out;
}

const char* name(Verdict verdict) {
  switch (verdict) {
  case Verdict::Stale: return "Stale";
  case Verdict::Park: return "Park";
  case Verdict::Ignore: return "Ignore";
  case Verdict::Settled: return "Settled";
  case Verdict::Unapplied: return "Unapplied";
  case Verdict::Deleting: return "Deleting";
  case Verdict::Modified: return "Modified";
  }
  return "?";
}

json with(json value, const std::function<void(json&)>& change) {
  change(value);
  return value;
}

} // namespace

TEST_CASE("judge: what a live object means in each phase", "[drift]") {
  const json same = live(), changed = live("101", "u1", "red"), old = live("99", "u1", "red");
  const json leaving = with(live("101"), [](json& o) { o["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"; });
  const json wiped = with(live("101"), [](json& o) { o["metadata"].erase("managedFields"); });
  struct Row {
    Phase phase;
    Verdict same, changed, old, leaving, wiped;
  };
  using V = Verdict;
  const std::vector<Row> rows = {
      {Phase::Unseen, V::Settled, V::Modified, V::Modified, V::Deleting,
       V::Modified}, // what was stored may be newer than nothing: judged by content
      {Phase::Pending, V::Ignore, V::Ignore, V::Ignore, V::Ignore, V::Ignore},
      {Phase::Applying, V::Park, V::Park, V::Park, V::Park, V::Park},
      {Phase::Settled, V::Settled, V::Modified, V::Stale, V::Deleting, V::Modified},
      {Phase::Drifted, V::Settled, V::Modified, V::Stale, V::Deleting, V::Modified},
      {Phase::Deleting, V::Settled, V::Modified, V::Stale, V::Deleting, V::Modified},
      {Phase::Removing, V::Ignore, V::Ignore, V::Ignore, V::Ignore, V::Ignore},
  };
  for (const auto& row : rows) {
    INFO("phase " << static_cast<int>(row.phase));
    const auto subject = object(row.phase);
    CHECK(std::string(name(judge(subject, same).verdict)) == name(row.same));
    CHECK(std::string(name(judge(subject, changed).verdict)) == name(row.changed));
    CHECK(std::string(name(judge(subject, old).verdict)) == name(row.old));
    CHECK(std::string(name(judge(subject, leaving).verdict)) == name(row.leaving));
    CHECK(std::string(name(judge(subject, wiped).verdict)) == name(row.wiped));
  }
}

TEST_CASE("judge: a resourceVersion alone decides nothing", "[drift]") {
  CHECK(judge(object(Phase::Settled), live("5000")).verdict == Verdict::Settled);
  // Unknown on either side: by content.
  for (const std::string version : {"", "x", "0", "100x", "-1", "99999999999999999999999"}) {
    INFO(version);
    CHECK(judge(object(Phase::Settled), live(version)).verdict == Verdict::Settled);
    CHECK(judge(object(Phase::Settled), live(version, "u1", "red")).verdict == Verdict::Modified);
  }
  CHECK(judge(object(Phase::Settled, 0), live("1", "u1", "red")).verdict == Verdict::Modified);
  CHECK(judge(object(Phase::Settled), live("100", "u1", "red")).verdict == Verdict::Modified); // the same number isn't older
}

TEST_CASE("judge: a body that was never applied isn't drift", "[drift]") {
  auto subject = object(Phase::Settled);
  subject.content = digest("s", "newer body");
  CHECK(judge(subject, live()).verdict == Verdict::Unapplied);
  CHECK(judge(subject, live("101", "u1", "red")).verdict == Verdict::Unapplied);
  subject.applied = {};
  CHECK(judge(subject, live()).verdict == Verdict::Unapplied);
}

TEST_CASE("judge: hands on what it saw of ours", "[drift]") {
  const auto seen = judge(object(Phase::Settled), live("101", "u1", "red"));
  REQUIRE(seen.mine);
  CHECK(seen.mine->digest != object(Phase::Settled).owned);
  CHECK_FALSE(judge(object(Phase::Applying), live()).mine);
}

TEST_CASE("judge: an object made anew by somebody else is judged by its content", "[drift]") {
  CHECK(judge(object(Phase::Settled), live("200", "u2")).verdict == Verdict::Settled);
  CHECK(judge(object(Phase::Settled), live("200", "u2", "red")).verdict == Verdict::Modified);
}

TEST_CASE("judge: odd metadata is no reason to fall over", "[drift]") {
  for (const json& odd : {json::object(), json{{"metadata", nullptr}}, json{{"metadata", "x"}},
                          json{{"metadata", {{"resourceVersion", 5}, {"uid", json::array()}}}}}) {
    INFO(odd.dump());
    CHECK(judge(object(Phase::Settled), odd).verdict == Verdict::Modified);
    CHECK(judge_absence(object(Phase::Settled), odd) == Absence::Gone);
  }
}

TEST_CASE("judge_absence: what a DELETED event means in each phase", "[drift]") {
  struct Row {
    Phase phase;
    Absence gone, old;
  };
  const std::vector<Row> rows = {
      {Phase::Unseen, Absence::Gone, Absence::Gone},      {Phase::Pending, Absence::Gone, Absence::Stale},
      {Phase::Applying, Absence::Park, Absence::Park},    {Phase::Settled, Absence::Gone, Absence::Stale},
      {Phase::Drifted, Absence::Gone, Absence::Stale},    {Phase::Deleting, Absence::Gone, Absence::Stale},
      {Phase::Removing, Absence::Pruned, Absence::Stale},
  };
  for (const auto& row : rows) {
    INFO("phase " << static_cast<int>(row.phase));
    CHECK(judge_absence(object(row.phase), live("101")) == row.gone);
    CHECK(judge_absence(object(row.phase), live("99")) == row.old);
  }
}

TEST_CASE("judge_absence: the end of another incarnation", "[drift]") {
  CHECK(judge_absence(object(Phase::Settled), live("99", "u0")) == Absence::Stale); // of the one before ours
  CHECK(judge_absence(object(Phase::Settled), live("200", "u2")) == Absence::Gone); // of one after ours: nothing is there now
  CHECK(judge_absence(object(Phase::Settled), live("", "u0")) == Absence::Gone);    // unknown: looking again does no harm
  CHECK(judge_absence(object(Phase::Settled, 0), live("99", "u1")) == Absence::Gone);
}
