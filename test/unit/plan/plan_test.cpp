#include "plan/plan.h"

#include "base/text.h"
#include "support/catch.h"

#include <algorithm>
#include <random>

using namespace gitsync;

namespace {

using Content = std::map<std::string, std::map<std::string, int>>; // file → name → value: a repository

ObjectRef ref(const std::string& name) { return {"", "ConfigMap", "shop", name}; }

Prepared prepared(const std::string& file, const std::string& name, int value, int line = 1) {
  const std::string body = cat("{\"name\":\"", name, "\",\"value\":", value, "}");
  return {ref(name), "v1", {file, line}, Body(body), digest("salt", body), nullptr};
}

RevisionDelta whole(const Content& content) {
  RevisionDelta out;
  out.full = true;
  for (const auto& [file, objects] : content) {
    out.files.insert(file);
    for (const auto& [name, value] : objects) out.objects.push_back(prepared(file, name, value));
  }
  return out;
}

/// What git would send between two revisions: files that changed or went.
RevisionDelta between(const Content& before, const Content& after) {
  RevisionDelta out;
  for (const auto& [file, objects] : before)
    if (!after.contains(file)) out.files.insert(file);
  for (const auto& [file, objects] : after) {
    if (const auto it = before.find(file); it != before.end() && it->second == objects) continue;
    out.files.insert(file);
    for (const auto& [name, value] : objects) out.objects.push_back(prepared(file, name, value));
  }
  return out;
}

/// One GitSync as its reconciler keeps it: what is declared, and the table shared with others.
struct World {
  ObjectTable table;
  DesiredSet desired;
  std::shared_ptr<SyncFacts> sync = std::make_shared<SyncFacts>(SyncFacts{.owner = "shop/web"});

  auto plan(RevisionDelta delta) { return make_plan(desired, std::move(delta), table, sync->owner); }

  /// Plans and takes over, as the reconciler does; applies and prunes succeed at once where `carry_out`.
  std::expected<Plan, std::vector<Error>> accept(RevisionDelta delta, bool carry_out = true) {
    const auto files = delta.files;
    const bool full = delta.full;
    auto made = plan(std::move(delta));
    if (!made) return made;
    std::erase_if(desired.files, [&](const auto& entry) { return full || files.contains(entry.first); });
    for (const auto* list : {&made->apply, &made->moved})
      for (const auto& object : *list) {
        auto& known = table.get(object.ref, sync);
        known.at = object.at;
        known.version = object.version;
        if (list == &made->apply) {
          known.body = object.body;
          known.content = object.content;
          known.phase = carry_out ? Phase::Settled : Phase::Pending;
          desired.leaving.erase(object.ref);
        }
        desired.files[object.at.file].push_back(object.ref);
      }
    for (const auto& gone : made->prune) {
      if (carry_out) {
        table.erase(gone);
      } else {
        table.find(gone)->phase = Phase::Removing;
        desired.leaving.insert(gone);
      }
    }
    return made;
  }

  /// name → (file, body) of all that is declared.
  std::map<std::string, std::pair<std::string, std::string>> declared() {
    std::map<std::string, std::pair<std::string, std::string>> out;
    for (const auto& [file, refs] : desired.files)
      for (const auto& one : refs) {
        auto* object = table.find(one);
        REQUIRE(object);
        CHECK(object->at.file == file);
        CHECK(out.emplace(one.name, std::pair(file, object->body.json())).second); // declared once
      }
    return out;
  }
};

std::vector<std::string> names(const auto& list) {
  std::vector<std::string> out;
  for (const auto& item : list) {
    if constexpr (requires { item.ref; })
      out.push_back(item.ref.name);
    else
      out.push_back(item.name);
  }
  std::ranges::sort(out);
  return out;
}

std::vector<std::string> codes(const std::vector<Error>& errors) {
  std::vector<std::string> out;
  for (const auto& error : errors) out.emplace_back(code_text(error.code));
  return out;
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("a plan says what is new, changed, moved and gone", "[plan]") {
  World world;
  REQUIRE(world.accept(whole({{"a.yaml", {{"same", 1}, {"changes", 1}, {"goes", 1}}}, {"b.yaml", {{"moves", 1}}}})));
  const auto plan = world.plan(whole({{"a.yaml", {{"same", 1}, {"changes", 2}, {"new", 1}, {"moves", 1}}}}));
  REQUIRE(plan);
  CHECK(names(plan->apply) == Names{"changes", "new"});
  CHECK(names(plan->moved) == Names{"moves", "same"});
  CHECK(names(plan->prune) == Names{"goes"});
  CHECK(names(plan->created) == Names{"new"});
}

TEST_CASE("planning changes nothing", "[plan]") {
  World world;
  const Content content = {{"a.yaml", {{"x", 1}, {"y", 1}}}};
  REQUIRE(world.accept(whole(content)));
  const auto before = world.declared();
  REQUIRE(world.plan(whole({{"b.yaml", {{"x", 2}, {"z", 1}}}})));
  CHECK(world.declared() == before);
  CHECK(world.table.size() == 2);
}

TEST_CASE("a delta touches only the files that it names", "[plan]") {
  World world;
  REQUIRE(world.accept(whole({{"a.yaml", {{"a", 1}}}, {"b.yaml", {{"b", 1}}}, {"c.yaml", {{"c", 1}}}})));
  const auto plan = world.plan({false, {"b.yaml"}, {}});
  REQUIRE(plan);
  CHECK(names(plan->prune) == Names{"b"});
  CHECK(plan->apply.empty());
  const auto nothing = world.plan({false, {}, {}});
  REQUIRE(nothing);
  CHECK((nothing->apply.empty() && nothing->moved.empty() && nothing->prune.empty() && nothing->created.empty()));
}

TEST_CASE("the same content in another API version is applied anew", "[plan]") {
  World world;
  REQUIRE(world.accept(whole({{"a.yaml", {{"a", 1}}}})));
  auto delta = whole({{"a.yaml", {{"a", 1}}}});
  delta.objects[0].version = "v2";
  const auto plan = world.plan(std::move(delta));
  REQUIRE(plan);
  CHECK(names(plan->apply) == Names{"a"});
  CHECK(plan->created.empty());
}

TEST_CASE("an object that is declared in an untouched file too is a duplicate, naming both places", "[plan]") {
  World world;
  REQUIRE(world.accept(whole({{"a.yaml", {{"a", 1}}}, {"b.yaml", {{"b", 1}}}})));
  RevisionDelta delta{false, {"b.yaml"}, {}};
  delta.objects.push_back(prepared("b.yaml", "a", 1, 7));
  const auto plan = world.plan(std::move(delta));
  REQUIRE_FALSE(plan);
  CHECK(codes(plan.error()) == Names{"GS212"});
  CHECK(plan.error()[0].message.starts_with("b.yaml:7: ConfigMap shop/a "));
  CHECK(plan.error()[0].message.find("a.yaml:1") != std::string::npos);
}

TEST_CASE("an object may move from one changed file to another", "[plan]") {
  World world;
  REQUIRE(world.accept(whole({{"a.yaml", {{"a", 1}, {"x", 1}}}, {"b.yaml", {{"b", 1}}}})));
  const auto plan = world.plan(between({{"a.yaml", {{"a", 1}, {"x", 1}}}, {"b.yaml", {{"b", 1}}}},
                                       {{"a.yaml", {{"x", 1}}}, {"b.yaml", {{"a", 1}, {"b", 1}}}}));
  REQUIRE(plan);
  CHECK(plan->apply.empty());
  CHECK(plan->prune.empty());
  CHECK(names(plan->moved) == Names{"a", "b", "x"});
}

TEST_CASE("another GitSync's object is refused, and everything else is still checked", "[plan]") {
  World world;
  REQUIRE(world.accept(whole({{"a.yaml", {{"a", 1}}}})));
  const auto other = std::make_shared<SyncFacts>(SyncFacts{.owner = "shop/other"});
  world.table.get(ref("theirs"), other).phase = Phase::Settled;
  world.table.get(ref("leaving-theirs"), other).phase = Phase::Removing;
  RevisionDelta delta{false, {"b.yaml"}, {}};
  for (const auto* name : {"theirs", "leaving-theirs", "a", "fine"}) delta.objects.push_back(prepared("b.yaml", name, 1));
  const auto plan = world.plan(std::move(delta));
  REQUIRE_FALSE(plan);
  CHECK(codes(plan.error()) == Names{"GS215", "GS215", "GS212"});
  CHECK(plan.error()[0].message.starts_with("b.yaml:1: ConfigMap shop/theirs "));
  CHECK(plan.error()[0].message.find("shop/other") != std::string::npos);
  CHECK(plan.error()[0].retry == Retry::Backoff); // the other one may let go
}

TEST_CASE("an object that was about to be pruned and is declared again is applied, not created", "[plan]") {
  World world;
  REQUIRE(world.accept(whole({{"a.yaml", {{"a", 1}}}})));
  REQUIRE(world.accept(whole({}), false)); // leaving
  const auto plan = world.plan(whole({{"b.yaml", {{"a", 1}}}}));
  REQUIRE(plan);
  CHECK(names(plan->apply) == Names{"a"}); // its deletion may be under way: nothing but an apply makes sure
  CHECK(plan->created.empty());
  CHECK(plan->prune.empty());
}

TEST_CASE("one object left is not empty", "[plan]") {
  World world;
  REQUIRE(world.accept(whole({{"a.yaml", {{"a", 1}}}, {"b.yaml", {{"b", 1}}}})));
  CHECK(world.plan({false, {"a.yaml"}, {}}));
  CHECK(world.plan(whole({{"c.yaml", {{"c", 1}}}})));
}

TEST_CASE("deltas over random edits keep the declared set equal to the whole one", "[plan]") {
  const auto seed = GENERATE(range(0u, 40u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  World world;
  const bool carry_out = seed % 2 == 0; // otherwise nothing that left is confirmed
  Content content;
  [[maybe_unused]] size_t refused = 0;
  for (int step = 0; step < 60; ++step) {
    Content next = content;
    for (size_t edits = 1 + random() % 4; edits != 0; --edits) {
      const std::string file = cat("f", random() % 5, ".yaml"), name = cat("o", random() % 8);
      switch (random() % 5) {
      case 0: next.erase(file); break;
      case 1: next[file].erase(name); break;
      case 2: { // moves by name from wherever it is
        for (auto& [other, objects] : next) objects.erase(name);
        next[file][name] = static_cast<int>(random() % 3);
        break;
      }
      default: next[file][name] = static_cast<int>(random() % 3);
      }
    }
    std::erase_if(next, [](const auto& entry) { return entry.second.empty(); });
    std::map<std::string, std::pair<std::string, std::string>> expected;
    bool duplicate = false;
    for (const auto& [file, objects] : next)
      for (const auto& [name, value] : objects)
        duplicate |= !expected.emplace(name, std::pair(file, prepared(file, name, value).body.json())).second;
    if (duplicate) {
      // Within the delta Preparer finds it; here only those beside an untouched file can be seen.
      auto delta = between(content, next);
      std::set<std::string> seen;
      const bool inside =
          !std::ranges::all_of(delta.objects, [&](const auto& object) { return seen.insert(object.ref.name).second; });
      if (inside) continue;
      const auto before = world.declared();
      const auto plan = world.plan(std::move(delta));
      REQUIRE_FALSE(plan);
      CHECK(std::ranges::all_of(plan.error(), [](const auto& error) { return error.code == Code::DuplicateObject; }));
      CHECK(world.declared() == before); // refused whole
      ++refused;
      continue;
    }
    const auto before = world.declared();
    const auto plan = world.accept(random() % 6 == 0 ? whole(next) : between(content, next), carry_out);
    REQUIRE(plan);
    content = next;
    REQUIRE(world.declared() == expected);
    CHECK(world.desired.objects() == expected.size());
    // Nothing is applied that did not change, and everything that did.
    std::set<std::string> changed, pruned;
    for (const auto& [name, object] : expected)
      if (!before.contains(name) || before.at(name).second != object.second) changed.insert(name);
    for (const auto& [name, object] : before)
      if (!expected.contains(name)) pruned.insert(name);
    const auto applied = names(plan->apply), removed = names(plan->prune);
    CHECK(std::set(applied.begin(), applied.end()) == changed);
    CHECK(std::set(removed.begin(), removed.end()) == pruned);
    for (const auto& name : names(plan->created)) CHECK(changed.contains(name));
    for (const auto& gone : world.desired.leaving) CHECK_FALSE(expected.contains(gone.name));
  }
}
