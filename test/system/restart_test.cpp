// The operator goes and comes back: by SIGTERM, by kill -9, with git away, with its disk lost.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

#include <csignal>
#include <set>

using namespace gitsync::test;

namespace {

/// With a volume for the claim, since nobody provisions one here.
void write_everything(Site& site) {
  const std::string volumes = path_of("v1", "persistentvolumes", "");
  site.remove_at_end(volumes + "/" + site.ns);
  site.api.create(volumes, {{"apiVersion", "v1"},
                            {"kind", "PersistentVolume"},
                            {"metadata", {{"name", site.ns}}},
                            {"spec",
                             {{"accessModes", {"ReadWriteOnce"}},
                              {"capacity", {{"storage", "1Gi"}}},
                              {"hostPath", {{"path", "/nowhere"}}},
                              {"claimRef", {{"namespace", site.ns}, {"name", "disk"}}}}}});
  GitRepo& repo = site.repo;
  repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  repo.write("app/api.yaml", deployment_yaml() + "---\n" + service_yaml());
  repo.write("app/secret.yaml",
             "apiVersion: v1\nkind: Secret\nmetadata:\n  name: credentials\nstringData:\n  user: somebody\n");
  repo.write("app/role.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: reader\nrules:\n"
                              "  - apiGroups: [\"\"]\n    resources: [configmaps]\n    verbs: [get]\n");
  repo.write("app/account.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: worker\n");
  repo.write("app/claim.yaml",
             "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: disk\nspec:\n  accessModes: [ReadWriteOnce]\n"
             "  resources: {requests: {storage: 1Gi}}\n");
  repo.write("app/fence.yaml", config_map_yaml("fence", {}));
}

/// resourceVersion of everything the operator has written or could write: objects, inventory, status, Events.
std::map<std::string, std::string> versions(Site& site) {
  std::map<std::string, std::string> out;
  for (const auto& path :
       {path_of("v1", "configmaps", site.ns), path_of("v1", "services", site.ns), path_of("v1", "secrets", site.ns),
        path_of("v1", "serviceaccounts", site.ns), path_of("v1", "persistentvolumeclaims", site.ns),
        path_of("apps/v1", "deployments", site.ns), path_of("rbac.authorization.k8s.io/v1", "roles", site.ns),
        git_sync(site.ns), git_repository(site.ns)})
    for (const auto& item : site.api.list(path))
      out[path + "/" + text_at(item, "/metadata/name")] = item["metadata"]["resourceVersion"];
  for (const auto& event : site.api.list(path_of("events.k8s.io/v1", "events", site.ns)))
    if (event["regarding"].value("kind", "").starts_with("Git"))
      out["event " + text_at(event, "/metadata/name")] = event["metadata"]["resourceVersion"];
  return out;
}

std::string list_names(Site& site, const std::string& prefix) {
  std::set<std::string> names;
  for (const auto& name : names_of(site.api.list(path_of("v1", "configmaps", site.ns))))
    if (name.starts_with(prefix)) names.insert(name);
  std::string out;
  for (const auto& name : names) out += name + " ";
  return out;
}
size_t count_names(Site& site, const std::string& prefix) {
  size_t count = 0;
  for (const auto& name : names_of(site.api.list(path_of("v1", "configmaps", site.ns)))) count += name.starts_with(prefix);
  return count;
}

constexpr int many = 300;
std::string many_name(int round, int i) { return "many-" + std::to_string(round) + "-" + std::to_string(i); }
void write_many(GitRepo& repo, int round) {
  for (int i = 0; i < many; ++i)
    repo.write("app/many/" + many_name(round, i) + ".yaml",
               config_map_yaml(many_name(round, i), {{"value", std::string(200, 'x')}}));
}

} // namespace

TEST_CASE("A restart with nothing to do writes nothing but the Lease") {
  Site site("restart-idle");
  write_everything(site);
  site.repo.commit("the first");
  site.add_source();
  site.add_sync();
  site.start(true);
  site.await_applied(site.repo.git({"rev-parse", "HEAD"}));
  eventually("the controllers have come to rest",
             [&] { return site.api.get(deployment(site.ns, "api"))["status"].value("availableReplicas", 0) == 1; });
  site.fence(config_map(site.ns, "fence")); // writes an Event and a status, and these have to be out before the comparison
  eventually("the fence's correction stands in the status", [&] {
    return text_at(site.sync(), "/status/lastCorrection/object").find("fence") != std::string::npos &&
           site.sync()["status"].value("drift", -1) == 0;
  });
  site.await_event("app", "DriftCorrected");
  site.stop();
  const auto before = versions(site);

  const auto mark = site.audit.mark();
  site.start(true);
  site.op().await_ready();
  // What it says of itself when it has looked at everything once.
  eventually("it knows both again", [&] {
    return site.op().metric("gitsync_ready", {R"(kind="GitSync")", site.ns}) == 1 &&
           site.op().metric("gitsync_ready", {R"(kind="GitRepository")", site.ns}) == 1 &&
           site.op().metric("gitsync_objects", {site.ns}) == 8;
  });
  site.request_poll();
  eventually("it has polled", [&] { return site.op().metric("gitsync_git_poll_total", {site.ns}) >= 1; });
  const auto after_start = but_leases(site.audit.writes(site.op().user(), mark));
  // A drift and its correction: by then the watches have shown everything, and what the operator would do, it has done.
  site.fence(config_map(site.ns, "fence"));
  auto writes = but_leases(site.audit.writes(site.op().user(), mark));
  INFO(to_text(writes));
  for (const auto& write : after_start) {
    INFO(write.text());
    CHECK(write.resource == "gitrepositories"); // lastHandledReconcileAt of the request above
  }
  for (const auto& write : to_managed_objects(writes)) CHECK(write.name == "fence");
  for (const auto& write : writes) CHECK_FALSE(write.dry_run);

  auto after = versions(site);
  for (const auto& [path, version] : before) {
    if (path.ends_with("/fence") || path.ends_with("/source")) continue;                                  // deleted; requested
    if (path.ends_with("/gitsyncs/app") || path.find("/secrets/gitsync-") != std::string::npos) continue; // record the fence
    INFO(path);
    CHECK(after[path] == version);
  }
}

TEST_CASE("The operator's own count of its requests is the API server's") {
  Site site("count");
  write_everything(site);
  site.begin();
  const auto counted = [&] {
    return site.op().metric("gitsync_api_requests_total", {R"(verb="patch")"}) +
           site.op().metric("gitsync_api_requests_total", {R"(verb="apply")"});
  };
  // Both counts have to begin at the same moment: one at which nothing is being written.
  double before = counted();
  auto mark = site.audit.mark();
  eventually("a quiet moment", [&]() -> std::string {
    if (counted() == before) return "";
    before = counted();
    mark = site.audit.mark();
    return "still writing";
  });
  for (int i = 0; i < 3; ++i) site.fence(config_map(site.ns, "fence"));
  double patches = 0;
  eventually("both count the same", [&]() -> std::string {
    patches = 0;
    for (const auto& write : site.audit.writes(site.op().user(), mark)) patches += write.verb == "patch";
    const double after = counted();
    return after - before == patches
               ? ""
               : std::to_string(after - before) + " by its metrics, " + std::to_string(patches) + " by the audit log";
  });
  CHECK(patches >= 3);
}

TEST_CASE("Restarted with git away and its mirror lost, the operator still corrects drift and brings back what was deleted") {
  Site site("restart-away");
  write_everything(site);
  site.begin();
  site.stop();
  site.repo.go_away();
  site.start(false, "mirrors-new");
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"color", "red"}}}});
  eventually("the value is back", [&] { return site.api.get(config_map(site.ns, "settings"))["data"]["color"] == "blue"; });
  for (const auto& path : {service(site.ns, "api"), secret(site.ns, "credentials"), deployment(site.ns, "api")})
    site.fence(path);
  CHECK(site.api.get(secret(site.ns, "credentials"))["data"]["user"] == base64_encode("somebody"));
  site.await_condition(git_repository(site.ns, "source"), "Ready", "False", "FetchFailed");
  CHECK(condition_status(site.sync(), "Ready") == "True");
  site.repo.come_back();
  site.request_poll();
  site.await_condition(git_repository(site.ns, "source"), "Ready", "True");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green"}}));
  site.push();
  CHECK(site.api.get(config_map(site.ns, "settings"))["data"]["color"] == "green");
}

TEST_CASE("Drift that happened while the operator was down is corrected at its start") {
  Site site("restart-drift");
  write_everything(site);
  site.begin();
  const json service_before = site.api.get(service(site.ns, "api"));
  site.stop();
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"color", "red"}}}});
  site.api.remove(secret(site.ns, "credentials"));
  site.api.merge(service(site.ns, "api"), {{"metadata", {{"labels", {{"gitops.volaticloud.com/sync", nullptr}}}}}});
  site.api.patch(deployment(site.ns, "api"),
                 {{{"op", "replace"}, {"path", "/spec/template/spec/containers/0/name"}, {"value", "evil"}}});
  site.start();
  eventually("the value is back", [&] { return site.api.get(config_map(site.ns, "settings"))["data"]["color"] == "blue"; });
  site.await_exists(secret(site.ns, "credentials"));
  eventually("the label is back", [&] {
    return site.api.get(service(site.ns, "api"))["metadata"]["labels"] == service_before["metadata"]["labels"];
  });
  eventually("the container's name is back, and there are two", [&] {
    const json containers = site.api.get(deployment(site.ns, "api"))["spec"]["template"]["spec"]["containers"];
    return containers.size() == 2 && containers[0]["name"] == "main";
  });
}

TEST_CASE("Commits made while the operator was down are applied at its start, pruning included") {
  Site site("restart-commits");
  write_everything(site);
  site.begin();
  site.stop();
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green"}}));
  site.repo.commit();
  site.repo.remove("app/account.yaml");
  const std::string commit = site.repo.commit();
  site.start(false, "mirrors-new");
  site.await_applied(commit);
  CHECK(site.api.get(config_map(site.ns, "settings"))["data"]["color"] == "green");
  site.await_gone(path_of("v1", "serviceaccounts", site.ns, "worker"));
}

TEST_CASE("Killed in the middle of an apply, the next operator finishes it, loses nothing and prunes rightly", "[slow]") {
  Site site("kill-apply");
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin();
  // The kill has to fall between the first and the last object: a round in which it did not does not count.
  int round = 0;
  size_t there = many;
  std::string commit;
  while (there == many) {
    REQUIRE(++round <= 5);
    site.repo.remove("app/many");
    write_many(site.repo, round);
    commit = site.repo.commit();
    const std::string prefix = "many-" + std::to_string(round) + "-";
    site.request_poll();
    eventually("the first of them are there", [&] { return count_names(site, prefix) > 0; });
    site.op().kill();
    there = count_names(site, prefix);
    if (there == many) {
      site.start();
      site.await_applied(commit);
    }
  }
  CAPTURE(there);

  SECTION("it goes on") {
    site.start();
    site.await_applied(commit);
    CHECK(count_names(site, "many-" + std::to_string(round) + "-") == many);
    CHECK(site.sync()["status"]["objects"] == many + 1);
    for (int i = 0; i < many / 2; ++i) site.repo.remove("app/many/" + many_name(round, i) + ".yaml");
    site.push();
    eventually("the removed ones are gone", [&] { return count_names(site, "many-") == many - many / 2; });
    for (int i = many / 2; i < many; ++i) REQUIRE(site.api.exists(config_map(site.ns, many_name(round, i))));
  }
  SECTION("the next commit removes all that the dead one had begun to create") {
    site.repo.remove("app/many");
    const bool back = GENERATE(true, false); // to the very tree that was applied before, or to a new one
    CAPTURE(back);
    if (!back) site.repo.write("app/fence.yaml", config_map_yaml("fence", {{"changed", "too"}}));
    const std::string next = site.repo.commit();
    site.start(false, "mirrors-new");
    if (!back) site.await_applied(next);
    eventually("none is left", [&] { return list_names(site, "many-"); });
    CHECK(site.api.exists(config_map(site.ns, "fence")));
    eventually("one object is counted", [&] { return site.sync()["status"].value("objects", -1) == 1; });
    CHECK(condition_status(site.sync(), "Ready") == "True");
  }
}

TEST_CASE("Killed in the middle of pruning, the next operator finishes it", "[slow]") {
  Site site("kill-prune");
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  write_many(site.repo, 0);
  site.begin({{"prune", {{"maxDeletePercent", 100}}}});
  site.repo.remove("app/many");
  const std::string commit = site.repo.commit();
  site.request_poll();
  eventually("the first of them are gone", [&] { return count_names(site, "many-") < many; });
  site.op().kill();
  CAPTURE(count_names(site, "many-"));
  site.start();
  site.await_applied(commit);
  eventually("none is left", [&] { return list_names(site, "many-"); });
  CHECK(site.sync()["status"]["objects"] == 1);
  CHECK(site.api.exists(config_map(site.ns, "fence")));
}

TEST_CASE("What an operator carried out and could not tell any more, the next one tells") {
  Site site("untold");
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin();
  const json before = site.sync()["status"];
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  const std::string commit = site.push();
  site.await_applied(commit);
  site.stop();
  // As if it had been killed after the inventory's write and before the status's.
  site.api.merge(git_sync(site.ns, "app") + "/status", {{"status",
                                                         {{"lastAppliedRevision", before["lastAppliedRevision"]},
                                                          {"lastAttemptedRevision", before["lastAttemptedRevision"]},
                                                          {"conditions", before["conditions"]}}}});
  site.start();
  site.await_applied(commit);
  CHECK(condition_status(site.sync(), "Ready") == "True");
  CHECK(site.sync()["status"]["lastAttemptedRevision"] == site.sync()["status"]["lastAppliedRevision"]);
}

TEST_CASE("A killed operator leaves no worker process behind") {
  Site site("kill-worker");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.begin();
  const auto children = children_of(site.op().pid());
  INFO("the git worker runs as a child of the operator");
  REQUIRE_FALSE(children.empty());
  site.op().kill();
  for (const pid_t child : children)
    eventually(std::to_string(child) + " has ended", [&] {
      const std::string stat = read_file("/proc/" + std::to_string(child) + "/stat");
      return stat.empty() || stat.find(") Z ") != std::string::npos;
    });
}

TEST_CASE("A lost inventory loses no object: all is applied again, and nothing is pruned from what is not known") {
  Site site("lost-inventory");
  write_everything(site);
  site.begin();
  site.stop();
  for (const auto& name : names_of(site.api.list(path_of("v1", "secrets", site.ns))))
    if (name.starts_with("gitsync-")) site.api.remove(secret(site.ns, name));
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"color", "red"}}}});
  site.start();
  eventually("the value is back", [&] { return site.api.get(config_map(site.ns, "settings"))["data"]["color"] == "blue"; });
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  CHECK(site.api.exists(service(site.ns, "api")));
}

TEST_CASE("A damaged inventory is said aloud and nothing is pruned from it") {
  Site site("damaged-inventory");
  write_everything(site);
  site.begin();
  site.stop();
  size_t damaged = 0;
  for (const auto& item : site.api.list(path_of("v1", "secrets", site.ns))) {
    const std::string name = text_at(item, "/metadata/name");
    if (!name.starts_with("gitsync-")) continue;
    json data = item["data"];
    for (auto& value : data) value = base64_encode("not what was stored");
    site.api.merge(secret(site.ns, name), {{"data", data}});
    ++damaged;
  }
  REQUIRE(damaged > 0);
  site.repo.remove("app/account.yaml");
  site.repo.commit();
  site.start();
  const json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "InventoryCorrupt");
  CHECK(ready_message(sync).find("GS601") != std::string::npos);
  CHECK(site.api.exists(path_of("v1", "serviceaccounts", site.ns, "worker")));
  CHECK(site.api.exists(config_map(site.ns, "settings")));
}
