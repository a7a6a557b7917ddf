// spec.path and what may lie under it.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

struct PathSite : Site {
  explicit PathSite(const std::string& name, const json& spec = json::object()) : Site(name) {
    repo.write("app/one.yaml", config_map_yaml("one", {{"color", "blue"}}));
    repo.write("app/two.yaml", config_map_yaml("two", {}));
    begin(spec);
  }
  void expect_untouched() {
    fence(config_map(ns, "one"));
    CHECK(api.exists(config_map(ns, "two")));
  }
};

} // namespace

TEST_CASE("A symbolic link is refused, wherever it points") {
  PathSite site("symlink");
  const auto [name, target] = GENERATE(table<std::string, std::string>({
      {"link.yaml", "/etc/passwd"},
      {"link.yaml", "../outside/three.yaml"},
      {"link.yaml", "one.yaml"},
      {"sub/link", "../../outside"},
  }));
  INFO(name << " → " << target);
  site.repo.write("outside/three.yaml", config_map_yaml("three", {}));
  site.repo.symlink("app/" + name, target);
  const json refused = site.push_refused();
  CHECK(ready_message(refused).find("GS217") != std::string::npos);
  CHECK(ready_message(refused).find("app/" + name) != std::string::npos);
  CHECK(ready_message(refused).find("root:") == std::string::npos);
  CHECK_FALSE(site.api.exists(config_map(site.ns, "three")));
  site.expect_untouched();
}

TEST_CASE("A path that leads out of the repository does not get past the API server") {
  Site site("dotdot");
  for (const char* path : {"../elsewhere", "app/../../elsewhere", "..", "/etc"}) {
    INFO(path);
    const auto said = site.cluster.kubectl().run(
        {"apply", "-f", "-"},
        "apiVersion: gitops.volaticloud.com/v1alpha1\nkind: GitSync\nmetadata:\n  name: bad\n  namespace: " + site.ns +
            "\nspec:\n  sourceRef: {name: source}\n  path: " + path + "\n");
    CHECK_FALSE(said.ok());
    CHECK(said.err.find("spec.path") != std::string::npos);
  }
}

TEST_CASE("A tree with .. or .git as a name harms nothing outside it") {
  PathSite site("dotdot-tree");
  const std::string name = GENERATE(as<std::string>{}, "..", ".git", ".");
  INFO(name);
  const std::string blob = site.repo.git({"hash-object", "-w", "--stdin"}, config_map_yaml("escaped", {}));
  const std::string inner = site.repo.git({"mktree"}, "100644 blob " + blob + "\tescaped.yaml");
  const std::string app =
      site.repo.git({"mktree"}, site.repo.git({"ls-tree", "HEAD:app"}) + "\n040000 tree " + inner + "\t" + name);
  const std::string commit = site.repo.commit_tree(site.repo.git({"mktree"}, "040000 tree " + app + "\tapp"));
  site.request_poll();
  eventually("the commit was attempted or refused at the source", [&] {
    return text_at(site.sync(), "/status/lastAttemptedRevision").ends_with(commit) ||
           condition_status(site.source(), "Ready") == "False" || text_at(site.source(), "/status/revision").ends_with(commit);
  });
  site.expect_untouched();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(site.directory.path() / "mirrors"))
    CHECK(entry.path().filename() != "escaped.yaml");
}

TEST_CASE("A submodule under the path is refused or left out, and nothing is fetched for it") {
  PathSite site("submodule");
  site.repo.git({"update-index", "--add", "--cacheinfo", "160000,1234567890123456789012345678901234567890,app/module"});
  site.repo.git({"commit", "--quiet", "-m", "a submodule"});
  site.repo.git({"push", "--quiet", "origin", "HEAD:refs/heads/main"});
  site.request_poll();
  const json refused = site.await_condition(git_sync(site.ns, "app"), "Ready", "False");
  CHECK(ready_message(refused).find("app/module") != std::string::npos);
  site.expect_untouched();
}

TEST_CASE("A path that the commit does not have is told, and nothing is pruned") {
  PathSite site("path-missing");
  site.repo.git({"mv", "app", "application"});
  const json refused = site.push_refused();
  CHECK(ready_message(refused).find("GS218") != std::string::npos);
  CHECK(ready_message(refused).find("app") != std::string::npos);
  site.expect_untouched();
}

TEST_CASE("A path that names a file is told") {
  PathSite site("path-file");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"path", "app/one.yaml"}}}}, "tester");
  const json refused = site.await_condition(git_sync(site.ns, "app"), "Ready", "False");
  CHECK(ready_message(refused).find("app/one.yaml") != std::string::npos);
  site.fence(config_map(site.ns, "one"));
  CHECK(site.api.exists(config_map(site.ns, "two")));
}

TEST_CASE("An emptied directory is refused and prunes nothing, unless allowEmpty says so") {
  PathSite site("emptied");
  site.repo.remove("app").write("app/README.md", "nothing here\n");
  const json refused = site.push_refused();
  CHECK(condition_reason(refused, "Ready") == "PruneBlocked");
  CHECK(ready_message(refused).find("allowEmpty") != std::string::npos);
  site.expect_untouched();
  site.await_event("app", "PruneBlocked");

  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"prune", {{"allowEmpty", true}}}}}}, "tester");
  site.await_gone(config_map(site.ns, "one"));
  site.await_gone(config_map(site.ns, "two"));
  site.await_applied(site.repo.git({"rev-parse", "HEAD"}));
  CHECK(site.sync()["status"].value("objects", -1) == 0);
}

TEST_CASE("A refusal of an emptied directory holds over a restart") {
  PathSite site("emptied-restart");
  site.repo.remove("app").write("app/README.md", "nothing here\n");
  site.push_refused();
  site.stop();
  site.start(false, "mirrors-new");
  site.expect_untouched();
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "PruneBlocked");
}

TEST_CASE("Another path in the spec moves the GitSync there: new objects come, old ones go, common ones stay") {
  PathSite site("path-change");
  const json one = site.api.get(config_map(site.ns, "one"));
  site.repo.write("next/one.yaml", config_map_yaml("one", {{"color", "blue"}}));
  site.repo.write("next/three.yaml", config_map_yaml("three", {}));
  site.repo.commit();
  site.request_poll();
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"path", "next/"}}}}, "tester");
  site.await_exists(config_map(site.ns, "three"));
  site.await_gone(config_map(site.ns, "two"));
  CHECK(site.api.get(config_map(site.ns, "one"))["metadata"]["uid"] == one["metadata"]["uid"]);
}

TEST_CASE("A commit that touches nothing of a GitSync costs it no request, and one that does finds it awake") {
  Site site("path-elsewhere");
  site.repo.write("app/a.yaml", config_map_yaml("a", {{"color", "blue"}}));
  for (const auto* name : {"one", "two", "three"})
    site.repo.write(std::string(name) + "/x.yaml", config_map_yaml(name, {{"color", "blue"}}));
  std::string commit = site.begin();
  for (const auto* name : {"one", "two", "three"}) {
    site.add_sync(name, {{"path", name}});
    site.await_applied(commit, name);
  }
  site.add_sync("last", {{"path", "three"}, {"suspend", true}});
  site.await_condition(git_sync(site.ns, "last"), "Ready", "False", "Suspended");
  site.fence(config_map(site.ns, "a"));
  const auto see = [&](const std::string& seen) {
    site.request_poll();
    eventually("the source has the commit", [&] { return text_at(site.source(), "/status/revision").ends_with(seen); });
  };
  const auto applied = site.sync("two")["status"];
  const auto mark = site.audit.mark();
  for (int i = 0; i < 3; ++i) {
    site.repo.write("elsewhere/" + std::to_string(i) + ".txt", "x");
    see(site.repo.commit());
  }
  site.fence(config_map(site.ns, "a")); // nothing is under way any more
  for (const auto& request : site.audit.requests(site.op().user(), mark)) {
    INFO(request);
    // The source's status, and what the fence costs "app".
    const bool expected =
        std::ranges::any_of(std::vector<std::string>{"gitrepositories", "events", "configmaps", "gitsyncs/app/", "secrets"},
                            [&](const auto& part) { return request.find(part) != std::string::npos; });
    CHECK(expected);
    for (const auto* name : {"/one", "/two", "/three"}) CHECK(request.find(name) == std::string::npos);
  }
  CHECK(site.sync("two")["status"] == applied);

  // The next one that touches a path is applied, and only there; those that were passed over count as current for others.
  site.api.merge(git_sync(site.ns, "one"), {{"spec", {{"dependsOn", json::array({{{"name", "two"}}})}}}}, "tester");
  site.repo.write("one/x.yaml", config_map_yaml("one", {{"color", "red"}}));
  commit = site.repo.commit();
  see(commit);
  site.await_applied(commit, "one");
  CHECK(text_at(site.api.get(config_map(site.ns, "one")), "/data/color") == "red");
  CHECK(site.sync("two")["status"] == applied);
  // Renamed away, a path is missed; back again, it is as it was.
  site.repo.write("moved/x.yaml", config_map_yaml("two", {{"color", "blue"}})).remove("two/x.yaml");
  see(site.repo.commit());
  site.await_message("path two: is not in commit", "two");
  site.repo.write("two/x.yaml", config_map_yaml("two", {{"color", "green"}})).remove("moved/x.yaml");
  commit = site.repo.commit();
  see(commit);
  site.await_applied(commit, "two");
  CHECK(text_at(site.api.get(config_map(site.ns, "two")), "/data/color") == "green");
}

TEST_CASE("spec.paths makes a commit elsewhere one that touches the GitSync, and only one that changes what they match") {
  Site site("path-triggers");
  site.repo.write("app/a.yaml", config_map_yaml("a", {}));
  site.repo.write("two/b.yaml", config_map_yaml("b", {}));
  site.repo.write("charts/shop/values.yaml", "a: b\n");
  site.repo.write("common/x.yaml", "a: b\n");
  std::string applied = site.begin({{"paths", {"charts/shop/**", "none/**"}}});
  site.add_sync("two", {{"path", "two"}, {"paths", {"common/*.yaml"}}});
  site.await_applied(applied, "two");
  const auto see = [&](const std::string& commit) {
    site.request_poll();
    eventually("the source has the commit", [&] { return text_at(site.source(), "/status/revision").ends_with(commit); });
    site.fence(config_map(site.ns, "a"));
    site.fence(config_map(site.ns, "b"));
  };
  const auto last = [&](const std::string& sync) {
    const auto revision = text_at(site.sync(sync), "/status/lastAppliedRevision");
    return revision.substr(revision.find(':') + 1);
  };
  site.repo.write("elsewhere.txt", "x");
  see(site.repo.commit());
  CHECK(last("app") == applied);
  // There and back again before anybody looks: the ids are the same.
  site.repo.write("charts/shop/values.yaml", "a: c\n");
  site.repo.commit();
  site.repo.write("charts/shop/values.yaml", "a: b\n");
  see(site.repo.commit());
  CHECK(last("app") == applied);
  const auto mark = site.audit.mark();
  site.repo.write("charts/shop/values.yaml", "a: c\n");
  const auto touched = site.push();
  CHECK(to_managed_objects(site.audit.writes(site.op().user(), mark)).empty()); // no object has changed
  CHECK(last("app") == touched);
  CHECK(last("two") == applied); // its globs are others
  site.repo.write("common/y.yaml", "new\n");
  const auto common = site.push("two");
  CHECK(last("app") == touched);
  CHECK(last("two") == common);
  // A restart finds the same.
  site.stop();
  site.start();
  site.repo.write("elsewhere.txt", "y");
  see(site.repo.commit());
  CHECK(last("app") == touched);
  CHECK(last("two") == common);
}

TEST_CASE("A refused GitSync is not held up by commits elsewhere and comes back with the one that mends it") {
  Site site("path-refused");
  site.repo.write("app/a.yaml", config_map_yaml("a", {}));
  site.begin();
  site.repo.write("app/b.yaml", "apiVersion: v1\nkind: Unheard\nmetadata: {name: x}\n");
  site.push_refused();
  site.repo.write("elsewhere.txt", "x");
  site.push_refused(); // still, and told for the commit that is there
  site.repo.write("app/b.yaml", config_map_yaml("b", {}));
  site.push();
  CHECK(site.api.exists(config_map(site.ns, "b")));
}
