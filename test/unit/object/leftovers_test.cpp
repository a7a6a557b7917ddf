// What an intruder put in the place of ours: claim_leftovers() of object/ownership.h.
#include "unit/object/samples.h"

using namespace gitsync;
using namespace gitsync::samples;
using nlohmann::json;

TEST_CASE("what stands in the place of ours is claimed, and nothing else", "[ownership]") {
  struct Row {
    const char* name;
    Steps leftover;
    bool known = true, unknown = true; // claimed before the first apply; otherwise once the API server has refused it
  };
  const std::vector<Row> rows = {
      {"renamed-container", in_pod({"f:containers", "k:{\"name\":\"intruder\"}"})},
      {"renamed-env", in_pod({"f:containers", "k:{\"name\":\"web\"}", "f:env", "k:{\"name\":\"INTRUDER\"}"})},
      {"renamed-port", {"f:spec", "f:ports", "k:{\"port\":81,\"protocol\":\"TCP\"}"}},
      {"renamed-data", {"f:data", "f:colour"}},
      {"union-probe", in_pod({"f:containers", "k:{\"name\":\"web\"}", "f:livenessProbe", "f:tcpSocket"})},
      {"union-volume", in_pod({"f:volumes", "k:{\"name\":\"tmp\"}", "f:secret"})},
      // Whether the server keeps our emptyDir: {}, only who saw it knows.
      {"union-empty-volume", in_pod({"f:volumes", "k:{\"name\":\"tmp\"}", "f:configMap"}), true, false},
      {"union-strategy", {"f:spec", "f:strategy", "f:rollingUpdate"}, false, false}, // forbidden beside Recreate
  };
  for (const auto& row : rows) {
    for (const bool known : {true, false}) {
      INFO(row.name << (known ? ", additions known" : ", additions unknown"));
      auto s = sample(row.name);
      const auto before = known ? std::optional(known_of(s)) : std::nullopt;
      const json theirs_before = fields_of(s.after, "mallory");
      const json mine_before = fields_of(s.after, manager);
      const json* whole = at(theirs_before, row.leftover);
      REQUIRE(whole);
      auto claimed = claim_leftovers(s.after, manager, s.desired, before);
      CHECK(claimed.has_value() == (known ? row.known : row.unknown));
      if (!claimed) claimed = claim_leftovers(s.after, manager, s.desired, before, Leftovers::Refused);
      CHECK(claimed.has_value());
      if (!claimed) continue;
      CHECK(claimed->size() == s.after["metadata"]["managedFields"].size());
      json result = s.after;
      result["metadata"]["managedFields"] = *claimed;
      const json& mine = fields_of(result, manager);
      const json& theirs = fields_of(result, "mallory");
      CHECK(at(theirs, row.leftover) == nullptr);
      REQUIRE(at(mine, row.leftover));
      CHECK(*at(mine, row.leftover) == *whole); // with all that is below
      // Ours only grows by what theirs loses.
      std::vector<Steps> had, have, lost, left;
      leaves(mine_before, {}, had);
      leaves(mine, {}, have);
      leaves(theirs_before, {}, lost);
      leaves(theirs, {}, left);
      for (const auto& path : had) CHECK(at(mine, path));
      for (const auto& path : have) {
        INFO(text(path));
        CHECK((at(mine_before, path) || at(theirs_before, path)));
      }
      for (const auto& path : left) {
        INFO(text(path) << " must not become a leaf: it would say that all below is theirs");
        CHECK(std::ranges::find(lost, path) != lost.end());
      }
    }
  }
}

TEST_CASE("additions that were there before the drift stay where they are", "[ownership]") {
  auto s = sample("renamed-container");
  const std::string sidecar = "k:{\"name\":\"sidecar\"}";
  const json fields = {
      {"f:spec",
       {{"f:template", {{"f:spec", {{"f:containers", {{sidecar, {{".", leaf}, {"f:image", leaf}, {"f:name", leaf}}}}}}}}}}}};
  const bool same_manager = GENERATE(false, true);
  for (json* one : {&s.before, &s.after}) {
    (*one)["spec"]["template"]["spec"]["containers"].push_back({{"name", "sidecar"}, {"image", "proxy:1"}});
    auto& entries = (*one)["metadata"]["managedFields"];
    const auto theirs = std::ranges::find_if(entries, [](const json& entry) { return entry["manager"] == "mallory"; });
    if (same_manager && theirs != entries.end()) {
      (*theirs)["fieldsV1"].merge_patch(fields);
    } else {
      entries.push_back({{"manager", same_manager ? "mallory" : "injector"},
                         {"operation", "Update"},
                         {"apiVersion", "apps/v1"},
                         {"time", "2020-01-01T00:00:00Z"},
                         {"fieldsType", "FieldsV1"},
                         {"fieldsV1", fields}});
    }
  }
  const auto known = known_of(s);
  CHECK(known.foreign.size() == 1);
  const auto claimed = claim_leftovers(s.after, manager, s.desired, known);
  REQUIRE(claimed);
  json result = s.after;
  result["metadata"]["managedFields"] = *claimed;
  const auto& mine = fields_of(result, manager);
  CHECK(at(mine, in_pod({"f:containers", "k:{\"name\":\"intruder\"}"})));
  CHECK_FALSE(at(mine, in_pod({"f:containers", sidecar})));
  if (!same_manager) { // without knowledge only the latest writer's things are taken
    const auto careful = claim_leftovers(s.after, manager, s.desired, std::nullopt);
    REQUIRE(careful);
    result["metadata"]["managedFields"] = *careful;
    CHECK_FALSE(at(fields_of(result, manager), in_pod({"f:containers", sidecar})));
  }
}

TEST_CASE("a changed value alone leaves nothing to claim", "[ownership]") {
  const std::string name = GENERATE("image", "args", "scaled", "data-changed", "data-removed", "ingress-path", "wiped");
  INFO(name);
  const auto s = sample(name);
  CHECK_FALSE(claim_leftovers(s.after, manager, s.desired, known_of(s)));
}

TEST_CASE("leftovers are claimed also where we own nothing any more", "[ownership]") {
  const json live = object({{"data", {{"colour", "blue"}}}},
                           {{"mallory", "Update", "2026-01-01T00:00:00Z", {{"f:data", {{".", leaf}, {"f:colour", leaf}}}}}});
  const auto claimed = claim_leftovers(live, manager, {{"data", {{"color", "blue"}}}}, Known{});
  REQUIRE(claimed);
  REQUIRE(claimed->size() == 2);
  const auto& entry = claimed->back();
  CHECK(entry["manager"] == manager);
  CHECK(entry["operation"] == "Apply");
  CHECK(entry["apiVersion"] == "v1");
  CHECK(entry["fieldsType"] == "FieldsV1");
  CHECK(entry["fieldsV1"] == json({{"f:data", {{"f:colour", leaf}}}}));
}

TEST_CASE("metadata and status are never claimed", "[ownership]") {
  const json live = object({{"metadata", {{"labels", {{"theirs", "x"}}}}}, {"status", {{"theirs", 1}}}},
                           {{"mallory",
                             "Update",
                             "2026-01-01T00:00:00Z",
                             {{"f:metadata", {{"f:labels", {{"f:theirs", leaf}}}}}, {"f:status", {{"f:theirs", leaf}}}}}});
  const json desired = {{"metadata", {{"labels", {{"ours", "x"}}}}}, {"status", {{"ours", 1}}}};
  CHECK_FALSE(claim_leftovers(live, manager, desired, Known{}));
  CHECK_FALSE(claim_leftovers(live, manager, desired, std::nullopt));
}

TEST_CASE("a port whose protocol git leaves out is told from its neighbours with the same number", "[ownership]") {
  const auto port = [](int number, const char* protocol, const char* name) {
    return json{{"port", number}, {"protocol", protocol}, {"name", name}};
  };
  const auto step = [](int number, const char* protocol) {
    return "k:" + json{{"port", number}, {"protocol", protocol}}.dump();
  };
  const json udp = port(53, "UDP", "dns"), tcp = port(53, "TCP", "dns-tcp"), http = port(80, "TCP", "http");
  const json desired = {{"spec", {{"ports", {udp, {{"port", 53}, {"name", "dns-tcp"}}, {{"port", 80}, {"name", "http"}}}}}}};
  const json declared_alone = {{"spec", {{"ports", json::array({json{{"port", 53}, {"name", "dns-tcp"}}})}}}};
  struct Row {
    const char* what;
    json desired, live;            // ports
    std::vector<std::string> mine; // steps that we still own
    std::string theirs;            // the intruder's
    bool claimed;
  };
  const std::vector<Row> rows = {
      {"UDP became SCTP",
       desired,
       {port(53, "SCTP", "dns"), tcp, http},
       {step(53, "TCP"), step(80, "TCP")},
       step(53, "SCTP"),
       true},
      {"our TCP became 54",
       desired,
       {udp, port(54, "TCP", "dns-tcp"), http},
       {step(53, "UDP"), step(80, "TCP")},
       step(54, "TCP"),
       true},
      {"our TCP became SCTP",
       desired,
       {udp, port(53, "SCTP", "dns-tcp"), http},
       {step(53, "UDP"), step(80, "TCP")},
       step(53, "SCTP"),
       true},
      {"the only one became SCTP", declared_alone, json::array({port(53, "SCTP", "dns-tcp")}), {}, step(53, "SCTP"), true},
      {"a fourth one beside ours",
       desired,
       {udp, tcp, http, port(53, "SCTP", "more")},
       {step(53, "UDP"), step(53, "TCP"), step(80, "TCP")},
       step(53, "SCTP"),
       false},
      {"only the name of our TCP",
       desired,
       {udp, port(53, "TCP", "x"), http},
       {step(53, "UDP"), step(53, "TCP"), step(80, "TCP")},
       step(53, "TCP"),
       false},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    json mine = {{"f:spec", {{"f:selector", leaf}}}}; // we own something else, in any case
    for (const auto& each : row.mine) mine["f:spec"]["f:ports"][each] = {{".", leaf}, {"f:name", leaf}, {"f:port", leaf}};
    const json theirs = {{"f:spec", {{"f:ports", {{row.theirs, {{".", leaf}, {"f:name", leaf}, {"f:port", leaf}}}}}}}};
    const json live = {{"spec", {{"ports", row.live}}},
                       {"metadata",
                        {{"managedFields",
                          {{{"manager", manager}, {"operation", "Apply"}, {"fieldsV1", mine}},
                           {{"manager", "mallory"}, {"operation", "Update"}, {"time", "2026"}, {"fieldsV1", theirs}}}}}}};
    const auto claimed = claim_leftovers(live, manager, row.desired, Known{});
    CHECK(claimed.has_value() == row.claimed);
    if (claimed) CHECK((*claimed)[0]["fieldsV1"]["f:spec"]["f:ports"].contains(row.theirs));
  }
}
