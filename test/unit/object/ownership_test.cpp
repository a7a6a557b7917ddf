#include "unit/object/samples.h"

#include <functional>
#include <random>
#include <set>

using namespace gitsync;
using namespace gitsync::samples;
using nlohmann::json;

TEST_CASE("right after an apply an object is as declared", "[ownership]") {
  for (const auto& name : all_samples) {
    INFO(name);
    const auto s = sample(name);
    const auto mine = look(s.before, s);
    REQUIRE(mine);
    CHECK(look(s.before, s)->digest == mine->digest);
    CHECK(mine->foreign.empty());
    CHECK(culprit(s.before, manager, s.desired).paths.empty());
    CHECK_FALSE(claim_leftovers(s.before, manager, s.desired, known_of(s)));
    CHECK_FALSE(claim_leftovers(s.before, manager, s.desired, std::nullopt));
    CHECK_FALSE(without_wiped_owner(s.before));
    CHECK(holds(s.desired["metadata"], s.before["metadata"]));
  }
}

TEST_CASE("a declared field that left its state is seen, with its cause and place", "[ownership]") {
  struct Row {
    const char* name;
    const char* who;
    std::vector<std::string> paths; // the declared ones that somebody else holds now
  };
  const std::vector<Row> rows = {
      {"image", "mallory", {"/spec/template/spec/containers/[name=web]/image"}},
      {"args", "mallory", {"/spec/template/spec/containers/[name=web]/args"}},
      {"label-removed", "", {}}, // who removes a field leaves no trace
      {"scaled", "kubectl", {"/spec/replicas"}},
      {"data-changed", "mallory", {"/data/color"}},
      {"data-removed", "", {}},
      {"ingress-path", "mallory", {"/spec/rules"}},
      {"under-our-name", "gitsync:shop/web", {"/data/color"}},
      {"wiped", "", {}},
      {"renamed-container", "mallory", {"/spec/template/spec/containers/[name=intruder]"}},
      {"renamed-env", "mallory", {"/spec/template/spec/containers/[name=web]/env/[name=INTRUDER]"}},
      {"renamed-port", "mallory", {"/spec/ports/[port=81,protocol=TCP]"}},
      {"renamed-data", "mallory", {"/data/colour"}},
      {"union-probe", "mallory", {"/spec/template/spec/containers/[name=web]/livenessProbe/tcpSocket"}},
      {"union-volume", "mallory", {"/spec/template/spec/volumes/[name=tmp]/secret"}},
      {"union-strategy", "mallory", {"/spec/strategy/type"}},
      {"set-member-removed", "", {}},
      {"union-empty-volume", "mallory", {}},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    const auto s = sample(row.name);
    const auto was = look(s.before, s), is = look(s.after, s);
    REQUIRE(was);
    CHECK((!is || is->digest != was->digest));
    const auto found = culprit(s.after, manager, s.desired);
    if (*row.who) CHECK(found.manager == row.who);
    for (const auto& path : row.paths) {
      CAPTURE(path, found.paths);
      CHECK(std::ranges::find(found.paths, path) != found.paths.end());
    }
  }
}

TEST_CASE("what others add beside ours is no drift", "[ownership]") {
  struct Row {
    const char* name;
    bool foreign; // remembered as standing beside ours: everything but metadata
  };
  const auto row = GENERATE(values<Row>({{"added-annotation", false},
                                         {"added-container", true},
                                         {"added-env", true},
                                         {"added-in-empty", false},
                                         {"added-data", true},
                                         {"added-set-member", false},
                                         {"added-port", true}}));
  INFO(row.name);
  const auto s = sample(row.name);
  const auto was = look(s.before, s), is = look(s.after, s);
  REQUIRE(was);
  REQUIRE(is);
  CHECK(is->digest == was->digest);
  CHECK(is->foreign.empty() == !row.foreign);
  CHECK(culprit(s.after, manager, s.desired).paths.empty());
  for (const auto which : {Leftovers::InPlace, Leftovers::Refused}) { // nothing of ours is missing or taken
    CHECK_FALSE(claim_leftovers(s.after, manager, s.desired, known_of(s), which));
    CHECK_FALSE(claim_leftovers(s.after, manager, s.desired, std::nullopt, which));
  }
}

TEST_CASE("every owned leaf of every kind is watched", "[ownership]") {
  size_t seen = 0;
  for (const auto& name : all_samples) {
    const auto s = sample(name);
    const auto was = look(s.before, s);
    REQUIRE(was);
    const json* mine = apply_entry(s.before, manager);
    REQUIRE(mine);
    std::vector<Steps> owned;
    leaves(*mine, {}, owned);
    CHECK_FALSE(owned.empty());
    for (const auto& path : owned) {
      INFO(name << ": " << text(path));
      json changed = s.before;
      json* value = value_at(changed, path);
      REQUIRE(value);
      const bool declared_empty = value->is_object() && value->empty();
      if (value->is_string())
        *value = value->get<std::string>() + "x";
      else if (value->is_number())
        *value = value->get<int64_t>() + 1;
      else if (value->is_object() && !declared_empty)
        value->begin().value() = "other";
      else if (value->is_array() && !value->empty())
        value->erase(0);
      else
        *value = nullptr;
      CHECK(look(changed, s)->digest != was->digest);

      json missing = s.before; // the value is gone though our entry still names it
      *value_at(missing, path) = nullptr;
      CHECK(look(missing, s)->digest != was->digest);

      json taken = s.before; // somebody else owns it now, with the same value
      json* node = &fields_of(taken, manager);
      for (size_t i = 0; i + 1 < path.size(); ++i) node = &(*node)[path[i]];
      node->erase(path.back());
      CHECK(look(taken, s)->digest != was->digest);
      ++seen;
    }
  }
  CHECK(seen > 200);
}

TEST_CASE("undeclared additions anywhere are ignored", "[ownership]") {
  size_t tried = 0;
  for (const auto& name : all_samples) {
    const auto s = sample(name);
    const auto was = look(s.before, s);
    REQUIRE(was);
    // Into every object and every list of which we own a part, not the whole.
    const std::function<void(const json&, Steps)> visit = [&](const json& fields, const Steps& path) {
      json changed = s.before;
      json* value = value_at(changed, path);
      REQUIRE(value);
      INFO(name << ": below " << text(path));
      if (value->is_object())
        (*value)["addedByOthers"] = {{"deep", "value"}};
      else if (value->is_array())
        value->insert(value->begin(), json{{"name", "added"}, {"containerPort", 9}, {"port", 9}, {"protocol", "TCP"}});
      CHECK(look(changed, s)->digest == was->digest);
      ++tried;
      for (const auto& [step, below] : fields.items()) {
        if (step == "." || below.empty() || (below.size() == 1 && below.contains("."))) continue;
        Steps here = path;
        here.push_back(step);
        visit(below, here);
      }
    };
    visit(*apply_entry(s.before, manager), {});
  }
  CHECK(tried > 100);
}

TEST_CASE("server bookkeeping and status never count", "[ownership]") {
  auto s = sample("image");
  const auto was = look(s.before, s);
  s.before["metadata"]["resourceVersion"] = "999999";
  s.before["metadata"]["generation"] = 7;
  s.before["status"] = {{"replicas", 3}};
  for (auto& entry : s.before["metadata"]["managedFields"]) entry["time"] = "2030-01-01T00:00:00Z";
  s.before["metadata"]["managedFields"].push_back({{"manager", "controller"},
                                                   {"operation", "Update"},
                                                   {"subresource", "status"},
                                                   {"fieldsV1", {{"f:status", {{"f:replicas", leaf}}}}}});
  const auto is = look(s.before, s);
  REQUIRE(is);
  CHECK(is->digest == was->digest);
  CHECK(is->foreign.empty());
}

TEST_CASE("the digest is salted", "[ownership]") {
  const auto s = sample("image");
  CHECK(ownership(s.before, manager, "a", {})->digest != ownership(s.before, manager, "b", {})->digest);
}

TEST_CASE("fields that only meet when written one after the other are different", "[ownership]") {
  // {a: 1, b: missing} against {a: missing, b: 1}, {ab} against {a, b}, a value that looks like the next field.
  const std::vector<json> objects = {
      object({{"data", {{"a", "1"}}}}, {{std::string(manager), "Apply", "", {{"f:data", {{"f:a", leaf}, {"f:b", leaf}}}}}}),
      object({{"data", {{"b", "1"}}}}, {{std::string(manager), "Apply", "", {{"f:data", {{"f:a", leaf}, {"f:b", leaf}}}}}}),
      object({{"data", {{"a", "1"}, {"b", "1"}}}},
             {{std::string(manager), "Apply", "", {{"f:data", {{"f:a", leaf}, {"f:b", leaf}}}}}}),
      object({{"data", {{"a", "1"}, {"b", "1"}}}},
             {{std::string(manager), "Apply", "", {{"f:data", {{"f:a", leaf}}}, {"f:b", leaf}}}}),
      object({{"data", {{"ab", "1"}}}}, {{std::string(manager), "Apply", "", {{"f:data", {{"f:ab", leaf}}}}}}),
      object({{"data",
               {{"a", "\"1\"\x1e"
                      "f:b\x1f\"1\""}}}},
             {{std::string(manager), "Apply", "", {{"f:data", {{"f:a", leaf}}}}}}),
      object({{"data", {{"a", nullptr}}}}, {{std::string(manager), "Apply", "", {{"f:data", {{"f:a", leaf}, {"f:b", leaf}}}}}}),
      object({{"data", {{"a", leaf}}}}, {{std::string(manager), "Apply", "", {{"f:data", {{"f:a", leaf}, {"f:b", leaf}}}}}}),
      object({{"data", {{"a", 1}}}}, {{std::string(manager), "Apply", "", {{"f:data", {{"f:a", leaf}, {"f:b", leaf}}}}}}),
  };
  std::set<std::string> digests;
  for (const auto& one : objects) digests.insert(ownership(one, manager, "s", {})->digest.hex());
  CHECK(digests.size() == objects.size());
}

TEST_CASE("only our own apply entry of the object itself is ours", "[ownership]") {
  const json fields = {{"f:data", {{"f:a", leaf}}}};
  CHECK(apply_entry(object({}, {{std::string(manager), "Apply", "", fields}}), manager));
  CHECK_FALSE(apply_entry(object({}, {{std::string(manager), "Update", "", fields}}), manager));
  CHECK_FALSE(apply_entry(object({}, {{std::string(manager), "Apply", "", fields, "status"}}), manager));
  CHECK_FALSE(apply_entry(object({}, {{"gitsync:shop/other", "Apply", "", fields}}), manager));
  CHECK_FALSE(apply_entry(object({}, {}), manager));
  CHECK_FALSE(apply_entry(json::object(), manager));
  CHECK_FALSE(ownership(json::object(), manager, "s", {}));
}

TEST_CASE("a declared {} that the server filled counts by its presence", "[ownership]") {
  const json fields = {{"f:spec", {{"f:settings", leaf}, {"f:name", leaf}}}};
  const json desired = {{"spec", {{"settings", leaf}, {"name", "x"}}}};
  const json filled =
      object({{"spec", {{"settings", {{"default", 1}}}, {"name", "x"}}}}, {{std::string(manager), "Apply", "", fields}});
  const auto empties = empty_declarations(filled, manager, desired);
  CHECK(empties.size() == 1);
  const auto was = ownership(filled, manager, "s", empties);
  json more = filled, gone = filled, scalar = filled, renamed = filled;
  more["spec"]["settings"]["added"] = true;
  gone["spec"].erase("settings");
  scalar["spec"]["settings"] = "off";
  renamed["spec"]["name"] = "y";
  CHECK(ownership(more, manager, "s", empties)->digest == was->digest);
  CHECK(ownership(gone, manager, "s", empties)->digest != was->digest);
  CHECK(ownership(scalar, manager, "s", empties)->digest != was->digest);
  CHECK(ownership(renamed, manager, "s", empties)->digest != was->digest);
  // Declared with content, it counts whole (an atomic map).
  CHECK(empty_declarations(filled, manager, {{"spec", {{"settings", {{"default", 1}}}, {"name", "x"}}}}).empty());
  CHECK(ownership(more, manager, "s", {})->digest != ownership(filled, manager, "s", {})->digest);
}

TEST_CASE("a declared {} is the same whether it is filled before or after we look first", "[ownership]") {
  const json fields = {{"f:spec", {{"f:settings", leaf}}}};
  const json desired = {{"spec", {{"settings", leaf}}}};
  const json empty = object({{"spec", {{"settings", leaf}}}}, {{std::string(manager), "Apply", "", fields}});
  json filled = empty;
  filled["spec"]["settings"]["added"] = true;
  const auto empties = empty_declarations(empty, manager, desired);
  CHECK(ownership(filled, manager, "s", empties)->digest == ownership(empty, manager, "s", empties)->digest);
}

TEST_CASE("the culprit is who holds declared fields, then who wrote last", "[ownership]") {
  const json desired = {{"spec", {{"a", 1}, {"b", 2}}}};
  const json value = {{"spec", {{"a", 9}, {"b", 2}, {"c", 3}}}};
  const json takes_a = {{"f:spec", {{"f:a", leaf}}}}, adds_c = {{"f:spec", {{"f:c", leaf}}}},
             status = {{"f:status", {{"f:x", leaf}}}};
  struct Row {
    const char* what;
    std::vector<Entry> entries;
    std::string who;
    std::vector<std::string> paths;
  };
  const std::vector<Row> rows = {
      {"nobody", {}, "", {}},
      {"only we", {{std::string(manager), "Apply", "2026-01-09", takes_a}}, "", {}},
      {"one", {{"mallory", "Update", "2026-01-01", takes_a}}, "mallory", {"/spec/a"}},
      {"a later addition isn't it",
       {{"mallory", "Update", "2026-01-01", takes_a}, {"later", "Update", "2026-01-02", adds_c}},
       "mallory",
       {"/spec/a"}},
      {"the later of two",
       {{"new", "Update", "2026-01-02", takes_a}, {"old", "Update", "2026-01-01", takes_a}},
       "new",
       {"/spec/a"}},
      {"nobody holds a declared one",
       {{"old", "Update", "2026-01-01", adds_c}, {"new", "Update", "2026-01-02", adds_c}},
       "new",
       {}},
      {"status is nobody's fault", {{"controller", "Update", "2026-01-09", status, "status"}}, "", {}},
      {"scale is", {{"hpa", "Update", "2026-01-01", takes_a, "scale"}}, "hpa", {"/spec/a"}},
      {"our name by another operation",
       {{std::string(manager), "Update", "2026-01-01", takes_a}},
       std::string(manager),
       {"/spec/a"}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto found = culprit(object(value, row.entries), manager, desired);
    CHECK(found.manager == row.who);
    CHECK(found.paths == row.paths);
  }
}

TEST_CASE("a culprit's paths are JSON pointers, ten at most", "[ownership]") {
  json desired = {{"data", json::object()}}, fields = {{"f:data", json::object()}};
  for (int i = 0; i < 30; ++i) {
    desired["data"]["k" + std::to_string(i)] = "v";
    fields["f:data"]["f:k" + std::to_string(i)] = leaf;
  }
  CHECK(culprit(object(desired, {{"mallory", "Update", "t", fields}}), manager, desired).paths.size() == 10);
  const json odd = {{"metadata", {{"labels", {{"example.com/a~b", "x"}}}}}};
  const auto found = culprit(
      object(odd, {{"mallory", "Update", "t", {{"f:metadata", {{"f:labels", {{"f:example.com/a~b", leaf}}}}}}}}), manager, odd);
  CHECK(found.paths == std::vector<std::string>{"/metadata/labels/example.com~1a~0b"});
}

TEST_CASE("the owner that wiping invents is dropped, and only that", "[ownership]") {
  auto s = sample("wiped-and-applied");
  const auto kept = without_wiped_owner(s.after);
  REQUIRE(kept);
  json expected = json::array();
  for (const auto& entry : s.after["metadata"]["managedFields"])
    if (entry["manager"] == manager) expected.push_back(entry);
  CHECK(*kept == expected);
  CHECK_FALSE(without_wiped_owner(sample("wiped").after));
  CHECK_FALSE(without_wiped_owner(json::object()));
  CHECK_FALSE(without_wiped_owner(object({}, {{"before-first-apply", "Update", "t", leaf}}))); // nobody would be left
}

TEST_CASE("wiping takes our ownership away", "[ownership]") {
  const auto s = sample("wiped");
  CHECK_FALSE(look(s.after, s));
  CHECK_FALSE(apply_entry(s.after, manager));
}

TEST_CASE("holds: everything declared stands as it is written", "[ownership]") {
  struct Row {
    const char* desired;
    const char* live;
    bool holds;
  };
  const std::vector<Row> rows = {
      {"1", "1", true},
      {"1", "2", false},
      {"\"1\"", "1", false},
      {"{}", "{}", true},
      {"{}", "[]", false},
      {"{}", R"({"a":1})", true},
      {R"({"a":1})", "{}", false},
      {R"({"a":1})", R"({"a":1,"b":2})", true},
      {R"({"a":{"b":1}})", R"({"a":{"b":2}})", false},
      {R"({"a":{"b":1}})", R"({"a":{"b":1,"c":3}})", true},
      {"[1,2]", "[1,2]", true},
      {"[1,2]", "[2,1]", false},
      {"[1]", "[1,2]", false},
      {R"([{"a":1}])", R"([{"a":1,"b":2}])", true},
      {R"({"cpu":"0.5"})", R"({"cpu":"500m"})", false},
      {R"({"a":null})", "{}", false},
  };
  for (const auto& row : rows) {
    INFO(row.desired << " in " << row.live);
    CHECK(holds(json::parse(row.desired), json::parse(row.live)) == row.holds);
  }
  for (const auto& name : all_samples) {
    const auto s = sample(name);
    CHECK(holds(s.before, s.before));
  }
}

TEST_CASE("odd managedFields are nobody's, and never an exception", "[ownership]") {
  const auto seed = GENERATE(range(0u, 60u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::vector<json> odd = {nullptr,
                                 1,
                                 "x",
                                 "k:{",
                                 json::array(),
                                 leaf,
                                 json::array({1}),
                                 {{"k:{\"name\":", leaf}},
                                 {{"k:[1]", leaf}},
                                 {{"v:", leaf}},
                                 {{"i:99999999999999999999", leaf}},
                                 {{"i:0", leaf}},
                                 {{"f:", leaf}},
                                 {{"", leaf}},
                                 {{".", 5}},
                                 true};
  for (const auto& name : all_samples) {
    auto s = sample(name);
    for (int edits = 0; edits < 3; ++edits) {
      json* node = &s.after["metadata"]["managedFields"];
      for (size_t depth = random() % 8; depth != 0 && node->is_structured() && !node->empty(); --depth) {
        auto it = node->begin();
        std::advance(it, static_cast<long>(random() % node->size()));
        node = &*it;
      }
      *node = odd[random() % odd.size()];
      if (!s.after["metadata"].contains("managedFields")) break;
    }
    INFO(name << ": " << s.after["metadata"]["managedFields"].dump());
    CHECK_NOTHROW(look(s.after, s));
    CHECK_NOTHROW(empty_declarations(s.after, manager, s.desired));
    CHECK_NOTHROW(culprit(s.after, manager, s.desired));
    CHECK_NOTHROW(claim_leftovers(s.after, manager, s.desired, std::nullopt));
    CHECK_NOTHROW(claim_leftovers(s.after, manager, s.desired, Known{}));
    CHECK_NOTHROW(without_wiped_owner(s.after));
  }
}
