// spec.drift.mode and spec.suspend.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

/// Two GitSyncs: "app" as the test wants it, and "witness", which corrects: what happened to app's objects before something of
/// witness's was corrected, the operator has seen.
struct ModeSite : Site {
  ModeSite(const std::string& name, const json& spec) : Site(name) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
    repo.write("app/other.yaml", config_map_yaml("other", {{"color", "blue"}}));
    repo.write("witness/fence.yaml", config_map_yaml("fence", {}));
    const std::string commit = begin(spec);
    add_sync("witness", {{"path", "witness"}});
    await_applied(commit, "witness");
  }
  std::string color(const std::string& name = "settings") { return text_at(api.get(config_map(ns, name)), "/data/color"); }
  void set_color(const std::string& value) { api.merge(config_map(ns, "settings"), {{"data", {{"color", value}}}}, "mallory"); }
  void set_spec(const json& spec) { api.merge(git_sync(ns, "app"), {{"spec", spec}}, "tester"); }
  void fence_all() { fence(config_map(ns, "fence")); }
};

} // namespace

TEST_CASE("drift.mode Report counts and names drift, writes nothing to the object, and sees when it is gone") {
  ModeSite site("mode-report", {{"drift", {{"mode", "Report"}}}});
  const auto mark = site.audit.mark();
  site.set_color("red");
  eventually("one object is counted", [&] { return site.sync()["status"].value("drift", 0) == 1; });
  site.await_event("app", "DriftDetected", "settings");
  const json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "DriftDetected");
  CHECK(ready_message(sync).find("settings") != std::string::npos);
  site.fence_all();
  CHECK(site.color() == "red");
  site.api.remove(config_map(site.ns, "other"));
  eventually("a deleted object is counted as well", [&] { return site.sync()["status"].value("drift", 0) == 2; });
  site.fence_all();
  CHECK_FALSE(site.api.exists(config_map(site.ns, "other")));
  for (const auto& write : to_managed_objects(site.audit.writes(site.op().user(), mark))) CHECK(write.name == "fence");

  site.set_color("blue");
  eventually("one is left", [&] { return site.sync()["status"].value("drift", 0) == 1; });
}

TEST_CASE("From Report to Correct, what lies drifted is corrected at once") {
  ModeSite site("mode-switch", {{"drift", {{"mode", "Report"}}}});
  site.set_color("red");
  site.api.remove(config_map(site.ns, "other"));
  eventually("both are counted", [&] { return site.sync()["status"].value("drift", 0) == 2; });
  site.set_spec({{"drift", {{"mode", "Correct"}}}});
  eventually("the value is back", [&] { return site.color() == "blue"; });
  site.await_exists(config_map(site.ns, "other"));
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  eventually("none is counted", [&] { return site.sync()["status"].value("drift", -1) == 0; });
}

TEST_CASE("drift.mode Ignore leaves drift alone until git touches the object") {
  ModeSite site("mode-ignore", {{"drift", {{"mode", "Ignore"}}}});
  const auto mark = site.audit.mark();
  site.set_color("red");
  site.api.remove(config_map(site.ns, "other"));
  site.fence_all();
  CHECK(site.color() == "red");
  CHECK_FALSE(site.api.exists(config_map(site.ns, "other")));
  CHECK(condition_status(site.sync(), "Ready") == "True");
  for (const auto& write : to_managed_objects(site.audit.writes(site.op().user(), mark))) CHECK(write.name == "fence");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green"}}));
  site.push();
  CHECK(site.color() == "green");
}

TEST_CASE("A suspended GitSync neither corrects nor applies nor prunes; resumed, it does all of it") {
  ModeSite site("suspend", json::object());
  site.set_spec({{"suspend", true}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "Suspended");
  const auto mark = site.audit.mark();
  site.set_color("red");
  site.repo.write("app/new.yaml", config_map_yaml("new", {})).remove("app/other.yaml");
  site.repo.write("witness/new.yaml", config_map_yaml("witness-new", {}));
  const std::string commit = site.repo.commit();
  site.request_poll();
  site.await_applied(commit, "witness");
  site.fence_all();
  CHECK(site.color() == "red");
  CHECK_FALSE(site.api.exists(config_map(site.ns, "new")));
  CHECK(site.api.exists(config_map(site.ns, "other")));
  for (const auto& write : to_managed_objects(site.audit.writes(site.op().user(), mark)))
    CHECK((write.name == "fence" || write.name == "witness-new"));

  site.set_spec({{"suspend", false}});
  site.await_applied(commit);
  eventually("the value is back", [&] { return site.color() == "blue"; });
  CHECK(site.api.exists(config_map(site.ns, "new")));
  site.await_gone(config_map(site.ns, "other"));
}

TEST_CASE("A suspended GitSync stays so over a restart, and what drifted meanwhile is corrected when it is resumed") {
  ModeSite site("suspend-restart", json::object());
  site.set_spec({{"suspend", true}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "Suspended");
  site.stop();
  site.api.remove(config_map(site.ns, "settings"));
  site.start();
  site.fence_all();
  CHECK_FALSE(site.api.exists(config_map(site.ns, "settings")));
  site.set_spec({{"suspend", false}});
  site.await_exists(config_map(site.ns, "settings"));
}

TEST_CASE("A suspended GitRepository is not polled; its GitSyncs go on to correct drift") {
  ModeSite site("suspend-source", json::object());
  site.api.merge(git_repository(site.ns, "source"), {{"spec", {{"suspend", true}}}}, "tester");
  eventually("the operator has seen it", [&] {
    const json source = site.source();
    return source["status"].value("observedGeneration", 0) == source["metadata"]["generation"];
  });
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green"}}));
  const std::string commit = site.repo.commit();
  site.set_color("red");
  eventually("the value of the last revision is back", [&] { return site.color() == "blue"; });
  site.fence_all();
  CHECK(site.color() == "blue");
  site.api.merge(git_repository(site.ns, "source"), {{"spec", {{"suspend", false}}}}, "tester");
  site.await_applied(commit);
  CHECK(site.color() == "green");
}
