// Which objects may be applied: a table, and a property over random graphs.
#include "plan/gate.h"

#include "support/catch.h"

#include <random>

using namespace gitsync;

namespace {

struct World {
  ObjectTable table;
  DesiredSet desired;
  std::set<ObjectRef> failed;
  std::shared_ptr<SyncFacts> sync = std::make_shared<SyncFacts>(SyncFacts{.owner = "shop/web"});

  ManagedObject& add(ObjectRef ref, int wave = 0, std::vector<ObjectRef> depends_on = {}) {
    auto& object = table.get(ref, sync);
    object.content = digest("salt", ref.text());
    if (OrderHints hints{wave, std::move(depends_on)}; !hints.empty()) {
      object.order = std::make_shared<const OrderHints>(std::move(hints));
      desired.ordered.insert(ref);
    }
    desired.files["all.yaml"].push_back(ref);
    return object;
  }
  void apply(const ObjectRef& ref, health::State health = health::State::Healthy) {
    auto& object = *table.find(ref);
    object.applied = object.content;
    object.phase = Phase::Settled;
    object.health = health;
  }
  Gate::Answer ask(const ObjectRef& ref) { return Gate(desired, table, failed).ask(*table.find(ref)); }
};

ObjectRef map(const std::string& name) { return {"", "ConfigMap", "shop", name}; }
using Answer = Gate::Answer;

} // namespace

TEST_CASE("a later wave waits until all of the earlier ones is applied and healthy", "[plan]") {
  World world;
  world.add(map("first"), -1);
  world.add(map("middle"));
  world.add(map("last"), 2);
  CHECK(world.ask(map("first")) == Answer::Go);
  CHECK(world.ask(map("middle")) == Answer::Wait);
  CHECK(world.ask(map("last")) == Answer::Wait);
  world.apply(map("first"), health::State::Progressing);
  CHECK(world.ask(map("middle")) == Answer::Wait);
  world.apply(map("first"));
  CHECK(world.ask(map("middle")) == Answer::Go);
  CHECK(world.ask(map("last")) == Answer::Wait);
  world.apply(map("middle"), health::State::Suspended);
  CHECK(world.ask(map("last")) == Answer::Go);
}

TEST_CASE("a Namespace goes ahead of what lies in it, whatever the waves", "[plan]") {
  World world;
  world.add({"", "Namespace", "", "shop"});
  world.add(map("first"), -1);
  CHECK(world.ask({"", "Namespace", "", "shop"}) == Answer::Go);
}

TEST_CASE("an object waits for what it names, and only for that", "[plan]") {
  World world;
  const ObjectRef database{"apps", "StatefulSet", "shop", "db"}, api{"apps", "Deployment", "shop", "api"};
  world.add(database);
  world.add(api, 0, {database});
  world.add(map("other"));
  CHECK(world.ask(api) == Answer::Wait);
  CHECK(world.ask(map("other")) == Answer::Go);
  world.apply(database, health::State::Progressing);
  CHECK(world.ask(api) == Answer::Wait);
  world.apply(database);
  CHECK(world.ask(api) == Answer::Go);
  world.table.find(database)->content = digest("salt", "newer"); // a newer content waits to be applied
  CHECK(world.ask(api) == Answer::Wait);
}

TEST_CASE("what failed takes down what depends on it, and nothing else", "[plan]") {
  World world;
  const ObjectRef ns{"", "Namespace", "", "shop"},
      crd{"apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com"},
      widget{"example.com", "Widget", "other", "one"}, gadget{"example.org", "Gadget", "other", "one"};
  world.add(ns);
  world.add(crd);
  world.add(widget);
  world.add(gadget);
  world.add(map("inside"));
  world.add({"", "ConfigMap", "other", "named"}, 0, {map("inside")});
  world.failed = {ns};
  CHECK(world.ask(map("inside")) == Answer::Denied);
  CHECK(world.ask(widget) == Answer::Go);
  world.failed = {crd};
  CHECK(world.ask(widget) == Answer::Denied);
  CHECK(world.ask(gadget) == Answer::Go);
  world.failed = {map("inside")};
  CHECK(world.ask({"", "ConfigMap", "other", "named"}) == Answer::Denied);
  CHECK(world.ask(gadget) == Answer::Go);

  World waves;
  waves.add(map("a"), 1);
  waves.add(map("b"), 2);
  waves.add(map("c"));
  waves.apply(map("c"));
  waves.failed = {map("a")};
  CHECK(waves.ask(map("b")) == Answer::Denied);
  CHECK(waves.ask(map("a")) == Answer::Denied);
}

TEST_CASE("applied round by round, every possible order ends with everything applied, dependencies first", "[plan]") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    World world;
    const int count = 1 + static_cast<int>(random() % 12);
    std::map<ObjectRef, OrderNode> nodes;
    for (int i = 0; i < count; ++i) {
      std::vector<ObjectRef> dependencies; // only on earlier ones: no circle
      for (int k = 0; k < i; ++k)
        if (random() % 4 == 0) dependencies.push_back(map(std::to_string(k)));
      int wave = static_cast<int>(random() % 3);
      for (const auto& dependency : dependencies)
        if (const auto it = nodes.find(dependency); it != nodes.end()) wave = std::max(wave, it->second.hints.wave);
      const auto name = map(std::to_string(i));
      world.add(name, wave, dependencies);
      nodes[name] = {{"all.yaml", i + 1}, {wave, dependencies}};
    }
    CHECK(order_errors(nodes, [&](const ObjectRef& ref) { return nodes.contains(ref); }).empty());
    std::set<ObjectRef> applied;
    for (int step = 0; step < count + 1 && applied.size() < nodes.size(); ++step) {
      std::vector<ObjectRef> go;
      for (const auto& [name, node] : nodes)
        if (!applied.contains(name) && world.ask(name) == Answer::Go) go.push_back(name);
      REQUIRE_FALSE(go.empty());
      for (const auto& name : go) {
        for (const auto& dependency : nodes[name].hints.depends_on) CHECK(applied.contains(dependency));
        for (const auto& [other, node] : nodes)
          if (node.hints.wave < nodes[name].hints.wave) CHECK(applied.contains(other));
      }
      for (const auto& name : go) {
        world.apply(name);
        applied.insert(name);
      }
    }
    CHECK(applied.size() == nodes.size());
  }
}
