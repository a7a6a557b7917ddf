// What a rollback goes back to: whatever revisions come in between, it is the set that was healthy.
#include "plan/healthy_set.h"

#include "base/text.h"
#include "support/catch.h"

#include <random>

using namespace gitsync;

namespace {

Standing all_declared(const ObjectRef& ref) {
  (void)ref;
  return Standing::Declared;
}

bool all_ours(const ObjectRef& ref) {
  (void)ref;
  return true;
}

using Content = std::map<std::string, int>; // name → value

ObjectRef ref(const std::string& name) { return {"", "ConfigMap", "shop", name}; }
std::string body_of(const std::string& name, int value) { return cat("{\"name\":\"", name, "\",\"value\":", value, "}"); }

Prepared prepared(const std::string& name, int value) {
  const auto body = body_of(name, value);
  return {ref(name), "v1", {"all.yaml", 1}, Body(body), digest("salt", body), nullptr};
}

struct World {
  ObjectTable table;
  HealthySet healthy;
  std::shared_ptr<SyncFacts> sync = std::make_shared<SyncFacts>(SyncFacts{.owner = "shop/web"});
  Content declared;

  /// As Sync does: remembers, then adopts. Whether the pruned ones are really gone is `carry_out`.
  void accept(const Content& next, bool carry_out) {
    Plan plan;
    for (const auto& [name, value] : next)
      if (const auto it = declared.find(name); it == declared.end() || it->second != value)
        plan.apply.push_back(prepared(name, value));
    for (const auto& [name, value] : declared)
      if (!next.contains(name)) plan.prune.push_back(ref(name));
    healthy.remember(plan, table);
    for (auto& object : plan.apply) {
      auto& known = table.get(object.ref, sync);
      known.version = object.version;
      known.body = object.body;
      known.content = object.content;
      known.phase = Phase::Settled;
    }
    for (const auto& gone : plan.prune) {
      table.find(gone)->phase = Phase::Removing;
      if (carry_out) table.erase(gone);
    }
    declared = next;
  }
  Content rolled_back() const {
    Content out = declared;
    const auto rollback = make_rollback(healthy, all_declared, all_ours);
    for (const auto& object : rollback.restore) {
      const auto text = object.body.json();
      out[object.ref.name] = std::stoi(text.substr(text.rfind(':') + 1));
    }
    for (const auto& gone : rollback.prune) out.erase(gone.name);
    return out;
  }
};

} // namespace

TEST_CASE("going back gives the healthy set, whatever came in between", "[plan]") {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    World world;
    const auto draw = [&] {
      Content out;
      for (const char* name : {"a", "b", "c", "d", "e"})
        if (random() % 3 != 0) out[name] = static_cast<int>(random() % 3);
      return out;
    };
    world.accept(draw(), true);
    CHECK(make_rollback(world.healthy, all_declared, all_ours).restore.empty()); // nothing was healthy yet
    CHECK_FALSE(world.healthy.known());
    const Content good = draw();
    world.accept(good, true);
    world.healthy.renew({"main@sha1:1", "1", "tree", "key"});
    CHECK(world.healthy.changes().empty());
    for (int step = static_cast<int>(random() % 4); step >= 0; --step) world.accept(draw(), random() % 2 == 0);
    CHECK(world.rolled_back() == good);
    world.accept(good, true); // git revert
    CHECK(world.healthy.changes().empty());
  }
}

TEST_CASE("what cannot be undone is kept, and named", "[plan]") {
  HealthySet healthy;
  HealthySet::Changes changes;
  const Fallback before{"v1", {"a.yaml", 1}, Body("{}"), digest("salt", "{}")};
  const ObjectRef claim{"", "PersistentVolumeClaim", "shop", "disk"}, space{"", "Namespace", "", "shop"},
      definition{"apiextensions.k8s.io", "CustomResourceDefinition", "", "w.example.com"}, map{"", "ConfigMap", "shop", "a"},
      secret{"", "Secret", "shop", "b"}, imposter{"example.com", "Namespace", "", "x"};
  changes[claim] = std::nullopt;
  changes[space] = std::nullopt;
  changes[definition] = before;
  changes[map] = before;
  changes[secret] = std::nullopt;
  changes[imposter] = std::nullopt;
  healthy.restore({"main@sha1:1", "1", "tree", "key"}, changes);
  const auto rollback = make_rollback(healthy, all_declared, all_ours);
  CHECK(std::set<ObjectRef>(rollback.kept.begin(), rollback.kept.end()) == std::set<ObjectRef>{claim, space, definition});
  CHECK(std::set<ObjectRef>(rollback.prune.begin(), rollback.prune.end()) == std::set<ObjectRef>{secret, imposter});
  REQUIRE(rollback.restore.size() == 1);
  CHECK(rollback.restore.front().ref == map);
}

TEST_CASE("going back takes nobody's object, and declares again what left with the bad revision", "[plan]") {
  HealthySet healthy;
  const Fallback before{"v1", {"a.yaml", 1}, Body("{}"), digest("salt", "{}")};
  const ObjectRef claim{"", "PersistentVolumeClaim", "shop", "disk"}, map{"", "ConfigMap", "shop", "a"};
  const auto roll = [&](const ObjectRef& ref, std::optional<Fallback> was, Standing standing, bool ours = true) -> std::string {
    HealthySet::Changes changes;
    changes.emplace(ref, std::move(was));
    healthy.restore({"main@sha1:1", "1", "tree", "key"}, std::move(changes));
    const auto rollback =
        make_rollback(healthy, [&](const ObjectRef&) { return standing; }, [&](const ObjectRef&) { return ours; });
    return rollback.restore.size() == 1   ? "restored"
           : rollback.prune.size() == 1   ? "deleted"
           : rollback.kept.size() == 1    ? "kept"
           : rollback.release.size() == 1 ? "released"
                                          : "";
  };
  CHECK(roll(claim, before, Standing::Absent) == "restored"); // it left with the bad revision, perhaps not yet deleted
  CHECK(roll(claim, before, Standing::Declared) == "kept");   // changed
  CHECK(roll(claim, std::nullopt, Standing::Declared) == "kept");
  CHECK(roll(map, before, Standing::Absent) == "restored");
  CHECK(roll(map, before, Standing::Declared) == "restored");
  CHECK(roll(map, std::nullopt, Standing::Declared) == "deleted");
  CHECK(roll(map, before, Standing::Others) == "kept");
  CHECK(roll(map, std::nullopt, Standing::Others) == "kept");
  // What was there before, or perhaps was, is never deleted.
  CHECK(roll(map, std::nullopt, Standing::Declared, false) == "released");
  CHECK(roll(map, std::nullopt, Standing::Absent, false) == "released"); // a rollback that was interrupted
  CHECK(roll(claim, std::nullopt, Standing::Declared, false) == "kept");
  CHECK(roll(map, before, Standing::Declared, false) == "restored");
}
