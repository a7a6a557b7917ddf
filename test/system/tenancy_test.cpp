// Several teams on one operator: each GitSync acts with the rights of its service account, and none is in another's way.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

#include <algorithm>

using namespace gitsync::test;

namespace {

const json as_deployer = {{"serviceAccountName", "deployer"}};

std::string role_binding(const std::string& ns, const std::string& name) {
  return path_of("rbac.authorization.k8s.io/v1", "rolebindings", ns, name);
}

struct TenantSite : Site {
  explicit TenantSite(const std::string& name) : Site(name), other(ns + "-other") {
    remove_at_end("/api/v1/namespaces/" + other);
    api.create("/api/v1/namespaces", {{"metadata", {{"name", other}}}});
    add_account("deployer");
    repo.write("app/one.yaml", config_map_yaml("one", {{"color", "blue"}}));
  }
  /// An account of this namespace that may edit what lies in it.
  void add_account(const std::string& name) {
    api.create(path_of("v1", "serviceaccounts", ns), {{"metadata", {{"name", name}}}});
    allow(name, ns);
  }
  void allow(const std::string& account, const std::string& where) {
    api.create(role_binding(where, ""),
               {{"apiVersion", "rbac.authorization.k8s.io/v1"},
                {"kind", "RoleBinding"},
                {"metadata", {{"name", account}}},
                {"roleRef", {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", "edit"}}},
                {"subjects", {{{"kind", "ServiceAccount"}, {"name", account}, {"namespace", ns}}}}});
  }
  std::string user(const std::string& account) const { return "system:serviceaccount:" + ns + ":" + account; }
  /// Writes to declared objects that were not made in that account's name.
  std::string not_as(const std::string& account, uint64_t since) {
    auto writes = to_managed_objects(audit.writes(op().user(), since));
    std::erase_if(writes, [&](const AuditedWrite& write) { return write.as == user(account); });
    return to_text(writes);
  }
  std::string color() { return text_at(api.get(config_map(ns, "one")), "/data/color"); }

  const std::string other; // a namespace in which the accounts may nothing
};

} // namespace

TEST_CASE("Everything is written as the service account: applied, corrected, made anew, pruned") {
  TenantSite site("tenant");
  const auto since = site.audit.mark();
  site.begin(as_deployer);
  site.api.merge(config_map(site.ns, "one"), {{"data", {{"color", "red"}}}});
  eventually("the change is undone", [&] { return site.color() == "blue"; });
  site.fence(config_map(site.ns, "one"));
  site.repo.write("app/two.yaml", config_map_yaml("two", {}));
  site.push();
  site.repo.remove("app/two.yaml");
  site.push();
  site.await_gone(config_map(site.ns, "two"));
  CHECK(site.not_as("deployer", since) == "");
  const auto writes = to_managed_objects(site.audit.writes(site.op().user(), since));
  CHECK(std::ranges::count(writes, "delete", &AuditedWrite::verb) == 1);
  REQUIRE(writes.size() >= 5);
  const auto& groups = writes.front().groups; // the API server adds them
  for (const std::string& group :
       std::vector<std::string>{"system:serviceaccounts", "system:serviceaccounts:" + site.ns, "system:authenticated"})
    CHECK(std::ranges::count(groups, group) == 1);
  // Its own book-keeping is the operator's.
  auto own = but_leases(site.audit.writes(site.op().user(), since));
  std::erase_if(own, [](const AuditedWrite& write) { return !write.as.empty(); });
  CHECK(std::ranges::count(own, "gitsyncs", &AuditedWrite::resource) > 0);
  site.api.remove(git_sync(site.ns, "app"));
  site.await_gone(git_sync(site.ns, "app"));
  site.await_gone(config_map(site.ns, "one"));
  CHECK(site.not_as("deployer", since) == "");
}

TEST_CASE(
    "What the service account may not do is refused and told with the grant that is missing, and nothing is done instead") {
  TenantSite site("tenant-refused");
  site.begin(as_deployer);
  const auto since = site.audit.mark();
  site.repo.write("app/outside.yaml",
                  replaced(config_map_yaml("outside", {}), "metadata:", "metadata:\n  namespace: " + site.other));
  json sync = site.push_refused();
  CHECK(ready_message(sync).find("ConfigMap " + site.other + "/outside (app/outside.yaml:1): ") != std::string::npos);
  CHECK(ready_message(sync).find(site.user("deployer") + " lacks the right: kubectl create rolebinding " + site.ns +
                                 "-deployer -n " + site.other) != std::string::npos);
  CHECK_FALSE(site.api.exists(config_map(site.other, "outside")));
  site.repo.remove("app/outside.yaml");
  site.repo.write("app/role.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: " + site.ns +
                                       "}\nrules: []\n");
  sync = site.push_refused();
  site.await_message("kubectl create clusterrolebinding " + site.ns + "-deployer");
  CHECK_FALSE(site.api.exists(path_of("rbac.authorization.k8s.io/v1", "clusterroles", "", site.ns)));
  CHECK(site.not_as("deployer", since) == "");
  // The rest goes on being defended; the right, once granted, is used.
  site.fence(config_map(site.ns, "one"));
  site.repo.remove("app/role.yaml");
  site.repo.write("app/outside.yaml",
                  replaced(config_map_yaml("outside", {}), "metadata:", "metadata:\n  namespace: " + site.other));
  site.push_refused();
  site.allow("deployer", site.other);
  site.await_exists(config_map(site.other, "outside"));
  CHECK(site.not_as("deployer", since) == "");
}

TEST_CASE("A right that is revoked ends the correction of drift until it is granted again") {
  TenantSite site("tenant-revoked");
  site.begin(as_deployer);
  const auto since = site.audit.mark();
  site.api.remove(role_binding(site.ns, "deployer"));
  eventually("the right is gone", [&] {
    return site.cluster.kubectl()
               .run({"auth", "can-i", "patch", "configmaps", "-n", site.ns, "--as", site.user("deployer")})
               .code != 0;
  });
  site.api.merge(config_map(site.ns, "one"), {{"data", {{"color", "red"}}}});
  site.await_event("app", "Failed", site.user("deployer") + " lacks the right");
  CHECK(site.color() == "red");
  site.allow("deployer", site.ns);
  eventually("the change is undone", [&] { return site.color() == "blue"; });
  CHECK(site.not_as("deployer", since) == "");
}

TEST_CASE("A service account that is missing is named; a GitSync of one can be deleted, and what it had stays") {
  TenantSite site("tenant-missing");
  site.repo.commit();
  site.add_source();
  site.add_sync("app", {{"serviceAccountName", "nobody"}});
  site.start();
  site.await_message("there is no ServiceAccount " + site.ns + "/nobody: kubectl create serviceaccount nobody -n " + site.ns);
  site.api.remove(git_sync(site.ns, "app"));
  site.await_gone(git_sync(site.ns, "app"));

  site.add_sync("app", as_deployer);
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  site.api.remove(role_binding(site.ns, "deployer"));
  site.api.remove(git_sync(site.ns, "app"));
  site.await_message("lacks the right"); // there is an account: somebody may want to grant it
  CHECK(site.api.exists(config_map(site.ns, "one")));
  site.api.remove(path_of("v1", "serviceaccounts", site.ns, "deployer"));
  site.await_gone(git_sync(site.ns, "app"));
  CHECK(site.api.exists(config_map(site.ns, "one")));
  site.await_event("app", "Failed", "Left in the cluster as they are");
}

TEST_CASE("Without a service account of its own a GitSync acts as the default one, is refused where one is required") {
  TenantSite site("tenant-default");
  site.flags = {"--default-service-account=deployer"};
  const auto since = site.audit.mark();
  site.begin();
  site.fence(config_map(site.ns, "one"));
  CHECK(site.not_as("deployer", since) == "");
  site.stop();

  site.flags = {"--require-service-account"};
  const auto later = site.audit.mark();
  site.start();
  const json refused = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "InvalidSpec");
  CHECK(ready_message(refused).find("spec.serviceAccountName: this operator does nothing in its own name") !=
        std::string::npos);
  site.api.merge(config_map(site.ns, "one"), {{"data", {{"color", "red"}}}});
  site.add_sync("witness", {{"path", "witness"}, {"serviceAccountName", "deployer"}});
  site.repo.write("witness/two.yaml", config_map_yaml("two", {}));
  site.push("witness");
  site.fence(config_map(site.ns, "two"));
  CHECK(site.color() == "red"); // not in the operator's name
  site.api.remove(git_sync(site.ns, "app"));
  site.await_gone(git_sync(site.ns, "app"));
  CHECK(site.api.exists(config_map(site.ns, "one")));
  CHECK(site.not_as("deployer", later) == "");
}

TEST_CASE("A source of another namespace is refused unless the operator allows it") {
  TenantSite site("tenant-cross");
  site.repo.commit();
  site.add_source();
  const json sync = {
      {"apiVersion", "gitops.volaticloud.com/v1alpha1"},
      {"kind", "GitSync"},
      {"metadata", {{"name", "cross"}, {"namespace", site.other}}},
      {"spec",
       {{"sourceRef", {{"name", "source"}, {"namespace", site.ns}}}, {"path", "app"}, {"targetNamespace", site.other}}}};
  site.api.create(git_sync(site.other), sync);
  site.start();
  const json refused = site.await_condition(git_sync(site.other, "cross"), "Ready", "False", "InvalidSpec");
  CHECK(ready_message(refused).find("spec.sourceRef.namespace: another namespace (" + site.ns + ") is not allowed") !=
        std::string::npos);
  CHECK_FALSE(site.api.exists(config_map(site.other, "one")));
  site.stop();
  site.flags = {"--allow-cross-namespace-refs"};
  site.start();
  site.await_condition(git_sync(site.other, "cross"), "Ready", "True");
  CHECK(site.api.exists(config_map(site.other, "one")));
  // And it may depend on one there.
  site.api.merge(git_sync(site.other, "cross"),
                 {{"spec", {{"dependsOn", json::array({{{"name", "base"}, {"namespace", site.ns}}})}}}}, "tester");
  site.repo.write("app/one.yaml", config_map_yaml("one", {{"color", "green"}}));
  const auto commit = site.repo.commit();
  site.request_poll();
  eventually("it waits for it", [&] {
    return ready_message(site.api.get(git_sync(site.other, "cross"))).find(site.ns + "/base (there is none)") !=
           std::string::npos;
  });
  site.repo.write("base/two.yaml", config_map_yaml("two", {}));
  site.repo.commit();
  site.add_sync("base", {{"path", "base"}});
  site.request_poll();
  eventually("it goes on", [&] { return text_at(site.api.get(config_map(site.other, "one")), "/data/color") == "green"; });
  site.api.remove(git_sync(site.other, "cross"));
  site.await_gone(git_sync(site.other, "cross"));
}

TEST_CASE(
    "Between two service accounts an object is given up as the one and applied as the other, and only to who may write it") {
  TenantSite site("tenant-move");
  site.add_account("second");
  site.repo.write("a/moves.yaml", config_map_yaml("moves", {{"color", "blue"}}));
  site.repo.write("a/stays.yaml", config_map_yaml("stays", {}));
  site.repo.write("b/other.yaml", config_map_yaml("other", {}));
  const std::string commit = site.repo.commit();
  site.add_source();
  site.add_sync("a", {{"path", "a"}, {"serviceAccountName", "deployer"}});
  site.add_sync("b", {{"path", "b"}, {"serviceAccountName", "second"}});
  site.start();
  site.await_applied(commit, "a");
  site.await_applied(commit, "b");
  const auto since = site.audit.mark();
  const std::string uid = text_at(site.api.get(config_map(site.ns, "moves")), "/metadata/uid");
  site.repo.remove("a/moves.yaml").write("b/moves.yaml", config_map_yaml("moves", {{"color", "red"}}));
  site.push("b");
  CHECK(text_at(site.api.get(config_map(site.ns, "moves")), "/metadata/uid") == uid);
  CHECK(text_at(site.api.get(config_map(site.ns, "moves")), "/data/color") == "red");
  std::vector<std::string> who;
  for (const auto& write : to_managed_objects(site.audit.writes(site.op().user(), since)))
    if (write.name == "moves" && write.code < 300) who.push_back(write.as);
  CHECK(who == std::vector<std::string>{site.user("deployer"), site.user("second")});

  // Who may not write it gets nothing, and does not keep it from being deleted.
  site.api.remove(role_binding(site.ns, "deployer"));
  eventually("the right is gone", [&] {
    return site.cluster.kubectl()
               .run({"auth", "can-i", "patch", "configmaps", "-n", site.ns, "--as", site.user("deployer")})
               .code != 0;
  });
  site.repo.remove("b/moves.yaml").write("a/moves.yaml", config_map_yaml("moves", {{"color", "green"}}));
  site.push("b");
  site.await_gone(config_map(site.ns, "moves"));
}

TEST_CASE("Who declares what it may not write keeps nobody from it, and learns nothing of it") {
  TenantSite site("tenant-squatter");
  const std::string settings = "metadata:\n  namespace: " + site.other;
  site.repo.write("squatter/settings.yaml",
                  replaced(config_map_yaml("settings", {{"whose", "squatter's"}}), "metadata:", settings));
  site.repo.write("peeper/api.yaml",
                  replaced(stuck_deployment_yaml(), "metadata:\n  name: api\n", settings + "\n  name: api\n"));
  // A Deployment that another tool has put under a label like ours, and that is not well.
  site.cluster.kubectl().must({"create", "-n", site.other, "-f", "-"}, stuck_deployment_yaml());
  site.api.merge(deployment(site.other, "api"), {{"metadata", {{"labels", {{"gitops.volaticloud.com/sync", "x"}}}}}});
  site.repo.commit();
  site.add_source();
  site.add_sync("squatter", {{"path", "squatter"}, {"serviceAccountName", "deployer"}});
  site.add_sync("peeper", {{"path", "peeper"}, {"serviceAccountName", "deployer"}});
  site.start();
  for (const std::string name : {"squatter", "peeper"}) site.await_message("lacks the right", name);

  site.add_account("owner");
  site.allow("owner", site.other);
  site.repo.write("app/settings.yaml", replaced(config_map_yaml("settings", {{"whose", "owner's"}}), "metadata:", settings));
  const std::string commit = site.repo.commit();
  site.request_poll();
  site.add_sync("app", {{"serviceAccountName", "owner"}});
  site.await_applied(commit);
  CHECK(text_at(site.api.get(config_map(site.other, "settings")), "/data/whose") == "owner's");
  site.await_message("ConfigMap " + site.other + "/settings is managed by GitSync " + site.ns + "/app", "squatter");
  site.fence(config_map(site.other, "settings"));
  site.stop();
  site.start(); // whoever's inventory is read first
  site.fence(config_map(site.other, "settings"));
  CHECK(text_at(site.api.get(config_map(site.other, "settings")), "/data/whose") == "owner's");
  CHECK(text_at(site.sync("peeper"), "/status/health") == "Unknown"); // its watch has shown it by now
}

TEST_CASE("While a large revision is applied another GitSync's commit and another's drift do not wait for its end") {
  Site site("tenant-fair");
  constexpr size_t many = 2'000;
  site.repo.write("small/one.yaml", config_map_yaml("small", {{"color", "blue"}}));
  site.repo.write("kept/one.yaml", config_map_yaml("kept", {{"color", "blue"}}));
  site.repo.write("big/one.yaml", config_map_yaml("big", {}));
  const std::string first = site.repo.commit();
  site.add_source();
  for (const std::string name : {"small", "kept", "big"}) site.add_sync(name, {{"path", name}});
  site.start();
  for (const std::string name : {"small", "kept", "big"}) site.await_applied(first, name);
  std::string all;
  for (size_t i = 0; i < many; ++i) all += "---\n" + config_map_yaml("big-" + std::to_string(i), {{"color", "blue"}});
  site.repo.write("big/many.yaml", all);
  site.repo.commit();
  site.request_poll();
  const auto made = [&] { return site.op().metric("gitsync_apply_total", {R"(action="sync")", R"(result="created")"}); };
  eventually("the large one has begun", [&] { return made() > 20; });

  site.api.merge(config_map(site.ns, "kept"), {{"data", {{"color", "red"}}}});
  eventually("drift is corrected", [&] { return text_at(site.api.get(config_map(site.ns, "kept")), "/data/color") == "blue"; });
  CHECK(made() < many);
  site.repo.write("small/one.yaml", config_map_yaml("small", {{"color", "red"}}));
  site.push("small");
  CHECK(made() < many);
  eventually("the large one is applied", [&] { return made() >= many; }, 3 * patience());
}
