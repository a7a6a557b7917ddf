// What counts as drift, field by field and object by object: spec.drift.ignore, spec.drift.undeclared and the annotations.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

std::string with_replicas(int count, const std::string& image = "registry.example/api:1.0") {
  return replaced(deployment_yaml("api", image),
                  "spec:\n  selector:", "spec:\n  replicas: " + std::to_string(count) + "\n  selector:");
}

std::string annotated(const std::string& yaml, const std::string& key, const std::string& value) {
  return replaced(
      yaml, "metadata:\n  name:", "metadata:\n  annotations: {gitops.volaticloud.com/" + key + ": \"" + value + "\"}\n  name:");
}

json ignoring(const json& rule) { return {{"drift", {{"ignore", json::array({rule})}}}}; }

/// A Deployment with replicas, and a fence.
struct PolicySite : Site {
  explicit PolicySite(const std::string& name, const json& spec = json::object(), const std::string& yaml = with_replicas(2))
      : Site(name) {
    repo.write("app/api.yaml", yaml);
    repo.write("app/fence.yaml", config_map_yaml("fence", {}));
    begin(spec);
  }
  std::string path() const { return deployment(ns, "api"); }
  json live() { return api.get(path()); }
  int replicas() { return live()["spec"].value("replicas", -1); }
  bool owns(const std::string& field) {
    return managed_by(live(), manager())["fieldsV1"].dump().find("\"f:" + field + "\"") != std::string::npos;
  }
  void scale(int count, const std::string& who = "scaler") { api.merge(path(), {{"spec", {{"replicas", count}}}}, who); }
  void set_spec(const json& spec) { api.merge(git_sync(ns, "app"), {{"spec", spec}}, "tester"); }
  void fence_all() { fence(config_map(ns, "fence")); }
  /// How many writes to the Deployment there were since the mark.
  size_t writes_since(uint64_t mark) {
    auto writes = to_managed_objects(audit.writes(op().user(), mark));
    std::erase_if(writes, [](const AuditedWrite& write) { return write.name == "fence" || write.dry_run; });
    return writes.size();
  }
  std::vector<std::string> containers() {
    std::vector<std::string> out;
    for (const auto& container : live()["spec"]["template"]["spec"]["containers"]) out.push_back(container["name"]);
    return out;
  }
  void add_container(const std::string& name, const std::string& who = "mallory") {
    api.patch(path(),
              json::array({{{"op", "add"},
                            {"path", "/spec/template/spec/containers/-"},
                            {"value", {{"name", name}, {"image", "registry.example/x:1"}}}}}),
              who);
  }
};

const json replicas_rule = {{"target", {{"kind", "Deployment"}, {"name", "api"}}}, {"paths", {"/spec/replicas"}}};

} // namespace

TEST_CASE("An ignored field is sent when the object is made, and is somebody else's from then on") {
  PolicySite site("ignore-path", ignoring(replicas_rule));
  CHECK(site.replicas() == 2);
  CHECK_FALSE(site.owns("replicas"));
  CHECK(site.owns("image"));
  auto mark = site.audit.mark();
  site.scale(5);
  site.fence_all();
  CHECK(site.replicas() == 5);
  CHECK(site.writes_since(mark) == 0);

  // Neither a new revision nor a correction of something else takes it back.
  site.repo.write("app/api.yaml", with_replicas(3, "registry.example/api:2.0"));
  site.push();
  CHECK(site.replicas() == 5);
  site.api.merge(site.path(), {{"spec", {{"paused", true}, {"minReadySeconds", 7}}}}, "mallory");
  site.api.patch(site.path(),
                 json::array({{{"op", "replace"}, {"path", "/spec/template/spec/containers/0/image"}, {"value", "evil:1"}}}),
                 "mallory");
  eventually("the image is back",
             [&] { return site.live()["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/api:2.0"; });
  CHECK(site.replicas() == 5);

  // Made anew, it has what git says.
  site.fence(site.path());
  eventually("it has three replicas", [&] { return site.replicas() == 3; });
  eventually("and they are not ours", [&] { return !site.owns("replicas"); });
  site.scale(6);
  site.fence_all();
  CHECK(site.replicas() == 6);
}

TEST_CASE("A rule that comes later leaves the value as it is, and one that goes takes the field back") {
  PolicySite site("ignore-later");
  CHECK(site.owns("replicas"));
  site.set_spec({{"drift", {{"ignore", json::array({replicas_rule})}}}});
  eventually("the field is given up", [&] { return !site.owns("replicas"); });
  CHECK(site.replicas() == 2); // not the default that an apply without it would have left
  site.scale(4);
  site.fence_all();
  CHECK(site.replicas() == 4);
  // It holds over a restart, with the repository away.
  site.stop();
  site.scale(7);
  site.start();
  site.fence_all();
  CHECK(site.replicas() == 7);
  site.set_spec({{"drift", {{"ignore", nullptr}}}});
  eventually("git's value is back", [&] { return site.replicas() == 2; });
  CHECK(site.owns("replicas"));
}

TEST_CASE("What already runs keeps the ignored fields when it is adopted") {
  Site site("ignore-adopt");
  site.repo.write("app/api.yaml", with_replicas(2));
  json running = {{"apiVersion", "apps/v1"},
                  {"kind", "Deployment"},
                  {"metadata", {{"name", "api"}}},
                  {"spec",
                   {{"replicas", 9},
                    {"selector", {{"matchLabels", {{"app", "api"}}}}},
                    {"template",
                     {{"metadata", {{"labels", {{"app", "api"}}}}},
                      {"spec", {{"containers", json::array({{{"name", "main"}, {"image", "old:1"}}})}}}}}}}};
  site.api.create(path_of("apps/v1", "deployments", site.ns), running);
  site.begin(ignoring({{"paths", {".spec.replicas"}}}));
  const json live = site.api.get(deployment(site.ns, "api"));
  CHECK(live["spec"]["replicas"] == 9);
  CHECK(live["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/api:1.0");
}

TEST_CASE("Whatever a field manager owns can be left to it, and to nobody else") {
  PolicySite site("ignore-manager", ignoring({{"managers", {"scaler"}}}));
  CHECK(site.owns("replicas"));
  site.scale(5, "scaler");
  eventually("the field is no longer ours", [&] { return !site.owns("replicas"); });
  site.fence_all();
  CHECK(site.replicas() == 5);
  CHECK(site.sync()["status"].value("drift", -1) == 0);
  CHECK(site.op().metric("gitsync_fight_total", {site.ns}) == 0);
  site.repo.write("app/api.yaml", with_replicas(2, "registry.example/api:2.0"));
  site.push();
  CHECK(site.replicas() == 5);
  site.api.patch(site.path(),
                 json::array({{{"op", "replace"}, {"path", "/spec/template/spec/containers/0/image"}, {"value", "evil:1"}}}),
                 "mallory");
  eventually("others' changes are undone",
             [&] { return site.live()["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/api:2.0"; });
  CHECK(site.replicas() == 5);
}

TEST_CASE("undeclared Report names a further container, who added it and where, and leaves it") {
  PolicySite site("undeclared-report", {{"drift", {{"undeclared", "Report"}}}});
  const auto mark = site.audit.mark();
  site.add_container("shell");
  const std::string where = "/spec/template/spec/containers/[name=shell]";
  site.await_message("undeclared fields in Deployment.apps " + site.ns + "/api at " + where + " by mallory");
  const json sync = site.sync();
  CHECK(condition_status(sync, "Ready") == "True"); // what git declares is there
  REQUIRE(sync["status"]["differences"].size() == 1);
  CHECK(sync["status"]["differences"][0] == json{{"object", "Deployment.apps " + site.ns + "/api"},
                                                 {"operation", "Extended"},
                                                 {"manager", "mallory"},
                                                 {"paths", {where}}});
  site.await_event("app", "UndeclaredFields", "shell");
  CHECK(site.op().metric("gitsync_drift_info",
                         {site.ns, R"(path="/spec/template/spec/containers/[*]")", R"(manager="mallory")"}) == 1);
  CHECK(site.writes_since(mark) == 0);
  CHECK(site.containers() == std::vector<std::string>{"main", "sidecar", "shell"});
  // It is looked at anew after a restart, and gone when the container is.
  site.stop();
  site.start();
  site.await_message("undeclared fields");
  site.api.patch(site.path(), json::array({{{"op", "remove"}, {"path", "/spec/template/spec/containers/2"}}}), "mallory");
  eventually("nothing is told any more", [&] { return !site.sync()["status"].contains("differences"); });
  CHECK(ready_message(site.sync()).find("undeclared") == std::string::npos);
  CHECK(site.op().metric("gitsync_drift_info", {site.ns}) == 0);
}

TEST_CASE("undeclared Remove takes out what others add, at once and exactly, also what lay there before") {
  PolicySite site("undeclared-remove");
  site.add_container("early");
  site.api.merge(site.path(), {{"spec", {{"template", {{"metadata", {{"labels", {{"team", "x"}}}}}}}}}}, "mallory");
  site.fence_all();
  CHECK(site.containers().size() == 3); // Keep is the default
  site.set_spec({{"drift", {{"undeclared", "Remove"}}}});
  eventually("the early one goes", [&] { return site.containers() == std::vector<std::string>{"main", "sidecar"}; });
  eventually("the label goes", [&] { return !site.live()["spec"]["template"]["metadata"]["labels"].contains("team"); });
  site.fence_all();

  const auto mark = site.audit.mark();
  site.add_container("shell");
  eventually("the shell goes", [&] { return site.containers() == std::vector<std::string>{"main", "sidecar"}; });
  eventually("it is told", [&] { return text_at(site.sync(), "/status/lastCorrection/operation") == "Extended"; });
  const json told = site.sync()["status"]["lastCorrection"];
  CHECK(told["manager"] == "mallory");
  CHECK(told["paths"] == json::array({"/spec/template/spec/containers/[name=shell]"}));
  site.fence_all();
  CHECK(site.writes_since(mark) == 2);
  // What the server's own controllers and the rules leave is left.
  CHECK(site.live()["metadata"]["annotations"].contains("deployment.kubernetes.io/revision"));
  site.set_spec({{"drift", {{"ignore", json::array({{{"managers", {"mesh"}}}})}}}});
  site.add_container("proxy", "mesh");
  site.fence_all();
  CHECK(site.containers().size() == 3);
  // Under mode Report nothing is written.
  site.set_spec({{"drift", {{"mode", "Report"}}}});
  site.add_container("shell");
  eventually("it is only told", [&] { return site.sync()["status"].contains("differences"); });
  CHECK(site.containers().size() == 4);
}

TEST_CASE("drift.mode Report shows where an object differs, without values") {
  PolicySite site("report-paths", {{"drift", {{"mode", "Report"}}}});
  site.scale(5, "mallory");
  const json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "DriftDetected");
  REQUIRE(sync["status"].contains("differences"));
  CHECK(sync["status"]["differences"][0] == json{{"object", "Deployment.apps " + site.ns + "/api"},
                                                 {"operation", "Modified"},
                                                 {"manager", "mallory"},
                                                 {"paths", {"/spec/replicas"}}});
  CHECK(ready_message(sync).find("/spec/replicas") != std::string::npos);
  site.await_event("app", "DriftDetected", "/spec/replicas");
  CHECK(site.op().metric("gitsync_drift_info", {site.ns, R"(path="/spec/replicas")"}) == 1);
  CHECK(site.replicas() == 5);
}

TEST_CASE("An object with apply Once is made where there is none, and left alone otherwise") {
  Site site("apply-once");
  const auto yaml = [](const std::string& name, const std::string& color) {
    return annotated(config_map_yaml(name, {{"color", color}}), "apply", "Once");
  };
  site.repo.write("app/made.yaml", yaml("made", "blue"));
  site.repo.write("app/found.yaml", yaml("found", "blue"));
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.api.create(
      path_of("v1", "configmaps", site.ns),
      {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", "found"}}}, {"data", {{"color", "green"}}}});
  site.begin();
  const auto color = [&](const std::string& name) { return text_at(site.api.get(config_map(site.ns, name)), "/data/color"); };
  CHECK(color("made") == "blue");
  CHECK(color("found") == "green");
  site.api.merge(config_map(site.ns, "made"), {{"data", {{"color", "red"}}}});
  site.repo.write("app/made.yaml", yaml("made", "black"));
  site.repo.write("app/found.yaml", yaml("found", "black"));
  site.push();
  site.fence(config_map(site.ns, "fence"));
  CHECK(color("made") == "red");
  CHECK(color("found") == "green");
  site.api.remove(config_map(site.ns, "made"));
  eventually("it is made again", [&] {
    const auto now = site.api.find(config_map(site.ns, "made"));
    return now && text_at(*now, "/data/color") == "black";
  });
  // Removed from git, ours is deleted; what somebody else made is not.
  site.repo.remove("app/made.yaml").remove("app/found.yaml");
  site.push();
  site.await_gone(config_map(site.ns, "made"));
  CHECK(color("found") == "green");
}

TEST_CASE("An object with apply Never is given up and left alone; one with prune disabled stays when git drops it") {
  Site site("apply-never");
  site.repo.write("app/free.yaml", config_map_yaml("free", {{"color", "blue"}}));
  site.repo.write("app/kept.yaml", annotated(config_map_yaml("kept", {{"color", "blue"}}), "prune", "disabled"));
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin();
  const std::string uid = text_at(site.api.get(config_map(site.ns, "free")), "/metadata/uid");
  site.repo.write("app/free.yaml", annotated(config_map_yaml("free", {{"color", "red"}}), "apply", "Never"));
  site.push();
  json free = site.api.get(config_map(site.ns, "free"));
  CHECK(text_at(free, "/metadata/uid") == uid);
  CHECK(text_at(free, "/data/color") == "blue");
  CHECK(managed_by(free, site.manager()).is_null());
  site.api.merge(config_map(site.ns, "free"), {{"data", {{"color", "green"}}}});
  site.fence(config_map(site.ns, "fence"));
  CHECK(text_at(site.api.get(config_map(site.ns, "free")), "/data/color") == "green");

  site.repo.remove("app/kept.yaml");
  site.push();
  json kept = site.api.get(config_map(site.ns, "kept"));
  CHECK(managed_by(kept, site.manager()).is_null());
  CHECK(site.sync()["status"]["objects"] == 1);
  // The same when the GitSync goes.
  site.repo.write("app/kept.yaml", annotated(config_map_yaml("kept", {{"color", "blue"}}), "prune", "disabled"));
  site.push();
  site.api.remove(git_sync(site.ns, "app"));
  site.await_gone(config_map(site.ns, "fence"));
  site.await_gone(git_sync(site.ns, "app"));
  CHECK(site.api.exists(config_map(site.ns, "kept")));
}

TEST_CASE("What cannot be changed in place is deleted and made anew where it says so, and only then") {
  Site site("recreate");
  const auto job = [](const std::string& image, bool recreate) {
    const std::string yaml = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\nspec:\n  template:\n    spec:\n     "
                             " restartPolicy: Never\n"
                             "      containers: [{name: main, image: \"" +
                             image + "\"}]\n";
    return recreate ? annotated(yaml, "recreate", "enabled") : yaml;
  };
  const std::string path = path_of("batch/v1", "jobs", site.ns, "migrate");
  site.repo.write("app/job.yaml", job("registry.example/m:1", false));
  site.begin({{"health", {{"wait", false}}}});
  const std::string uid = text_at(site.api.get(path), "/metadata/uid");
  site.repo.write("app/job.yaml", job("registry.example/m:2", false));
  const json refused = site.push_refused();
  CHECK(ready_message(refused).find("immutable") != std::string::npos);
  CHECK(text_at(site.api.get(path), "/metadata/uid") == uid);

  site.repo.write("app/job.yaml", job("registry.example/m:2", true));
  site.push();
  json live = site.api.get(path);
  CHECK(text_at(live, "/metadata/uid") != uid);
  CHECK(live["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/m:2");
  site.await_event("app", "Recreated", "migrate");
  const std::string second = text_at(live, "/metadata/uid");

  // A new one that the server would not take is not worth losing the old one for.
  site.repo.write("app/job.yaml", replaced(job("registry.example/m:3", true), "restartPolicy: Never", "restartPolicy: Always"));
  CHECK(ready_message(site.push_refused()).find("it is not deleted and made anew") != std::string::npos);
  CHECK(text_at(site.api.get(path), "/metadata/uid") == second);
}

TEST_CASE("An annotation with a value that it cannot have is refused with file and line") {
  Site site("odd-annotation");
  site.repo.write("app/a.yaml", config_map_yaml("a", {}));
  site.begin();
  site.repo.write("app/a.yaml", annotated(config_map_yaml("a", {}), "apply", "once"));
  const json sync = site.push_refused();
  CHECK(ready_message(sync).find("app/a.yaml:1: ConfigMap " + site.ns +
                                 "/a: annotation gitops.volaticloud.com/apply must be Always, Once or Never, not \"once\"") !=
        std::string::npos);
}

TEST_CASE("A paused object is let go, recorded, and taken up again when the time is over or somebody ends it") {
  PolicySite site("pause", {{"health", {{"timeout", "1m"}}}});
  const auto gitsync = [&](std::vector<std::string> words) {
    Command command{.argv = {operator_binary().string()}};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    for (const auto& word : {std::string("-n"), site.ns, std::string("--kubeconfig"), site.cluster.kubeconfig().string()})
      command.argv.push_back(word);
    return run(command);
  };
  CHECK(gitsync({"pause", "deployment/api"}).err.find("--reason is required") != std::string::npos);
  CHECK(gitsync({"pause", "deployment/other", "--reason", "x"}).code == 1);
  const auto said = gitsync({"pause", "deployment/api", "--for", "1h", "--reason", "restoring a backup"});
  INFO(said.err);
  REQUIRE(said.code == 0);
  CHECK(said.out.find("paused until") != std::string::npos);
  site.await_message("1 object is paused: Deployment.apps " + site.ns + "/api until ");
  site.await_event("app", "Paused", "restoring a backup");
  const std::string pauses = path_of("gitops.volaticloud.com/v1alpha1", "pauses", site.ns);
  eventually("it says that it holds", [&] { return text_at(site.api.list(pauses)[0], "/status/state") == "Active"; });

  site.scale(7, "fixer");
  site.fence_all();
  CHECK(site.replicas() == 7);
  // A new revision goes on around it, and a restart knows it.
  site.repo.write("app/api.yaml", with_replicas(3, "registry.example/api:2.0"));
  site.repo.write("app/new.yaml", config_map_yaml("new", {}));
  site.push();
  CHECK(site.api.exists(config_map(site.ns, "new")));
  CHECK(site.replicas() == 7);
  site.stop();
  site.scale(8, "fixer");
  site.start();
  site.await_message("1 object is paused");
  site.fence_all();
  CHECK(site.replicas() == 8);

  REQUIRE(gitsync({"pause", "deployment/api", "--end"}).code == 0);
  eventually("git's state is back", [&] { return site.replicas() == 3; });
  CHECK(site.live()["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/api:2.0");
  eventually("nothing is told any more", [&] { return ready_message(site.sync()).find("paused") == std::string::npos; });
  CHECK(gitsync({"pause", "deployment/api", "--end"}).err.find("it is not paused") != std::string::npos);

  // It ends by itself, and stays as the record.
  REQUIRE(gitsync({"pause", "deployments.apps/api", "--for", "2s", "--reason", "short"}).code == 0);
  site.await_event("app", "Paused", "short");
  site.scale(9, "fixer");
  eventually("git's state is back", [&] { return site.replicas() == 3; });
  eventually("it has ended", [&] {
    const json list = site.api.list(pauses);
    return list.size() == 1 && text_at(list[0], "/status/state") == "Ended";
  });
  site.await_event("app", "PauseEnded");
}

TEST_CASE("A paused object that git drops stays until the pause is over") {
  PolicySite site("pause-prune");
  site.api.create(path_of("gitops.volaticloud.com/v1alpha1", "pauses", site.ns),
                  {{"apiVersion", "gitops.volaticloud.com/v1alpha1"},
                   {"kind", "Pause"},
                   {"metadata", {{"name", "hold"}}},
                   {"spec",
                    {{"syncRef", {{"name", "app"}}},
                     {"object", {{"group", "apps"}, {"kind", "Deployment"}, {"namespace", site.ns}, {"name", "api"}}},
                     {"for", "1h"},
                     {"reason", "looking at it"}}}});
  site.await_event("app", "Paused");
  site.repo.remove("app/api.yaml");
  site.push();
  CHECK(site.api.exists(site.path()));
  site.api.remove(path_of("gitops.volaticloud.com/v1alpha1", "pauses", site.ns, "hold"));
  site.await_gone(site.path());
}
