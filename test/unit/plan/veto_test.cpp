// What is asked before something is deleted, what never is, and what a plan's digest depends on.
#include "plan/veto.h"

#include "base/text.h"
#include "support/catch.h"

#include <algorithm>
#include <random>

using namespace gitsync;

namespace {

ObjectRef map(int i) { return {"", "ConfigMap", "shop", cat("m", i)}; }

DesiredSet declared(int count) {
  DesiredSet out;
  for (int i = 0; i < count; ++i) out.files[cat("f", i % 3)].push_back(map(i));
  return out;
}
Plan pruning(int count, bool keeps = true) {
  Plan out;
  for (int i = 0; i < count; ++i) out.prune.push_back(map(i));
  if (keeps) out.apply.push_back({map(1000), "v1", {"new.yaml", 1}, Body("{}"), digest("salt", "{}"), nullptr});
  return out;
}
std::string asked(const Plan& plan, const DesiredSet& set, const api::GitSyncSpec& spec,
                  const std::set<ObjectRef>& populated = {}) {
  std::string out;
  for (const auto& error : prune_questions(plan, set, spec, "shop/web", populated)) out += error.text() + "\n";
  return out;
}

} // namespace

TEST_CASE("too many deletions are asked about: by number, by share from five objects on, and where nothing would be left",
          "[plan]") {
  struct Row {
    const char* what;
    int before, gone;
    bool keeps;
    std::optional<int64_t> most, percent;
    bool allow_empty, prune;
    const char* part; // of the question; empty: none
  };
  const Row rows[] = {
      {"nothing goes", 10, 0, true, {}, {}, false, true, ""},
      {"half of ten", 10, 5, true, {}, {}, false, true, ""},
      {"more than half of ten",
       10,
       6,
       true,
       {},
       {},
       false,
       true,
       "GS219 GitSync shop/web: the revision would delete 6 of 10 objects, more than spec.prune.maxDeletePercent 50"},
      {"three of four", 4, 3, true, {}, {}, false, true, ""},
      {"three of five", 5, 3, true, {}, {}, false, true, "maxDeletePercent 50"},
      {"three of five, meant", 5, 3, true, {}, 100, false, true, ""},
      {"one of a hundred", 100, 1, true, {}, 0, false, true, "maxDeletePercent 0"},
      {"31 of 100", 100, 31, true, {}, 30, false, true, "maxDeletePercent 30"},
      {"30 of 100", 100, 30, true, {}, 30, false, true, ""},
      {"two, one allowed", 3, 2, true, 1, {}, false, true, "maxDelete 1"},
      {"two, two allowed", 3, 2, true, 2, {}, false, true, ""},
      {"all of one", 1, 1, false, {}, {}, false, true, "GS216 GitSync shop/web: no manifest is left"},
      {"all of one, meant", 1, 1, false, {}, {}, true, true, ""},
      {"all of ten", 10, 10, false, {}, {}, false, true, "GS216"},
      {"all of ten, meant in part", 10, 10, false, {}, {}, true, true, "maxDeletePercent"},
      {"nothing is pruned anyway", 10, 10, false, 0, 0, false, false, ""},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    api::GitSyncSpec spec;
    spec.max_delete = row.most;
    spec.max_delete_percent = row.percent;
    spec.allow_empty = row.allow_empty;
    spec.prune = row.prune;
    const auto text = asked(pruning(row.gone, row.keeps), declared(row.before), spec);
    INFO(text);
    CHECK(text.empty() == std::string_view(row.part).empty());
    CHECK(text.find(row.part) != std::string::npos);
  }
}

TEST_CASE("what takes what it holds with it is asked about, whatever the budget", "[plan]") {
  api::GitSyncSpec spec;
  spec.max_delete_percent = 100;
  DesiredSet set = declared(3);
  Plan plan = pruning(0);
  const ObjectRef space{"", "Namespace", "", "shop"}, claim{"", "PersistentVolumeClaim", "shop", "disk"},
      definition{"apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com"};
  set.files["x"] = {space, claim, definition};
  plan.prune = {definition};
  CHECK(asked(plan, set, spec).empty());
  CHECK(asked(plan, set, spec, {definition})
            .find("CustomResourceDefinition.apiextensions.k8s.io widgets.example.com with all objects of that kind") !=
        std::string::npos);
  plan.prune = {space, claim};
  CHECK(asked(plan, set, spec).find("Namespace shop, PersistentVolumeClaim shop/disk with all that they hold") !=
        std::string::npos);
}

TEST_CASE("the operator's own branch is never sawn off", "[plan]") {
  const auto sync = std::make_shared<SyncFacts>();
  const auto object = [&](ObjectRef ref, const std::string& body = "{}") {
    ManagedObject out;
    out.ref = std::move(ref);
    out.body = Body(body);
    out.sync = sync;
    return out;
  };
  const OwnHome home{"gitsync-system"};
  const std::string labelled = R"({"metadata":{"labels":{"app.kubernetes.io/name":"gitsync-operator"}}})";
  const ObjectRef space{"", "Namespace", "", "gitsync-system"}, deployment{"apps", "Deployment", "gitsync-system", "gitsync"},
      definition{"apiextensions.k8s.io", "CustomResourceDefinition", "", "gitsyncs.gitops.volaticloud.com"};
  CHECK(is_own_branch(object(space), home));
  CHECK(is_own_branch(object(definition), home));
  CHECK(is_own_branch(object(definition), {}));
  CHECK(is_own_branch(object(deployment, labelled), home));
  CHECK_FALSE(is_own_branch(object(deployment), home));
  CHECK_FALSE(is_own_branch(object(deployment, labelled), {"elsewhere"}));
  CHECK_FALSE(is_own_branch(object({"", "Namespace", "", "shop"}), home));
  CHECK_FALSE(is_own_branch(object({"apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com"}), home));
}

TEST_CASE("a plan's digest is that of what it changes, in whatever order and from whatever revision", "[plan]") {
  std::mt19937 random(3);
  Plan plan = pruning(5);
  const auto digest_before = plan_digest(plan);
  CHECK(digest_before.starts_with("sha256:"));
  CHECK(digest_before.size() == 71);
  std::ranges::shuffle(plan.prune, random);
  plan.apply.front().at = {"other.yaml", 7};
  CHECK(plan_digest(plan) == digest_before);
  Plan other = plan;
  other.prune.pop_back();
  CHECK(plan_digest(other) != digest_before);
  other = plan;
  other.apply.front().content = digest("salt", "changed");
  CHECK(plan_digest(other) != digest_before);
  other = plan;
  other.apply.front().version = "v2";
  CHECK(plan_digest(other) != digest_before);
}

TEST_CASE("what left git while pruning was off is asked about like what a revision deletes", "[plan]") {
  api::GitSyncSpec spec;
  DesiredSet set = declared(4);
  Plan plan = pruning(0);
  for (int i = 10; i < 16; ++i) {
    set.leaving.insert(map(i));
    plan.unasked.push_back(map(i));
  }
  CHECK(asked(plan, set, spec) == "GS219 GitSync shop/web: the revision would delete 6 of 10 objects (6 left git while "
                                  "spec.prune.enabled was false), more than spec.prune.maxDeletePercent 50\n");
  spec.max_delete_percent = 60;
  CHECK(asked(plan, set, spec).empty());
  spec.max_delete = 5;
  CHECK(asked(plan, set, spec).find("more than spec.prune.maxDelete 5") != std::string::npos);
  spec = {};
  spec.prune = false; // nothing of it goes
  CHECK(asked(plan, set, spec).empty());
  spec.prune = true;
  plan.unasked = {{"", "Namespace", "", "shop"}};
  CHECK(asked(plan, set, spec).find("Namespace shop with all that they hold") != std::string::npos);

  // Consent to the one is none to the other.
  const Plan bare = pruning(0);
  CHECK(plan_digest(plan) != plan_digest(bare));
}
