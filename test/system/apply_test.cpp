// What is in git comes into the cluster; what leaves git leaves the cluster.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

TEST_CASE("What is committed is created, labelled and owned by our field manager") {
  Site site("create");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.repo.write("app/deep/er/api.yaml", deployment_yaml());
  site.repo.write("app/service.yml", service_yaml());
  site.repo.write("app/extra.json",
                  R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"from-json"},"data":{"a":"b"}})");
  site.repo.write("app/.hidden.yaml", config_map_yaml("hidden", {}));
  site.repo.write("app/.hidden/there.yaml", config_map_yaml("hidden-there", {}));
  site.repo.write("app/README.md", "# not a manifest\n");
  site.repo.write("other/outside.yaml", config_map_yaml("outside", {}));
  const std::string commit = site.begin();

  const json settings = site.api.get(config_map(site.ns, "settings"));
  CHECK(settings["data"] == json{{"color", "blue"}});
  CHECK_FALSE(text_at(settings, "/metadata/labels/gitops.volaticloud.com~1sync").empty());
  CHECK(text_at(settings, "/metadata/annotations/gitops.volaticloud.com~1sync-name") == site.ns + "/app");
  CHECK(managed_by(settings, site.manager()).value("operation", "") == "Apply");
  CHECK(site.api.get(deployment(site.ns, "api"))["spec"]["template"]["spec"]["containers"].size() == 2);
  CHECK(site.api.get(service(site.ns, "api"))["spec"]["ports"].size() == 2);
  CHECK(site.api.get(config_map(site.ns, "from-json"))["data"]["a"] == "b");
  CHECK_FALSE(site.api.exists(config_map(site.ns, "hidden")));
  CHECK_FALSE(site.api.exists(config_map(site.ns, "hidden-there")));
  CHECK_FALSE(site.api.exists(config_map(site.ns, "outside")));

  const json sync = site.sync();
  CHECK(sync["status"]["objects"] == 4);
  CHECK(sync["status"].value("drift", 0) == 0);
  CHECK(text_at(sync, "/status/lastAppliedRevision") == "main@sha1:" + commit);
  CHECK(text_at(sync, "/status/lastAttemptedRevision") == "main@sha1:" + commit);
  CHECK(text_at(sync, "/status/revision") == "main@" + commit.substr(0, 7));
  CHECK(condition_status(sync, "Ready") == "True");
  CHECK(condition_of(sync, "Ready")["observedGeneration"] == sync["metadata"]["generation"]);
  CHECK(condition_of(sync, "Reconciling").is_null());
  CHECK(condition_of(sync, "Stalled").is_null());
  const json source = site.source();
  CHECK(text_at(source, "/status/revision") == "main@sha1:" + commit);
  CHECK(condition_status(source, "Ready") == "True");
}

TEST_CASE("A change in git changes the object, and a field removed from git is removed from it") {
  Site site("change");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}, {"size", "1"}}));
  site.repo.write("app/other.yaml", config_map_yaml("other", {{"stays", "as it is"}}));
  site.begin();
  const json before = site.api.get(config_map(site.ns, "settings"));
  const json other = site.api.get(config_map(site.ns, "other"));

  const auto mark = site.audit.mark();
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green"}}));
  site.push();
  const json after = site.api.get(config_map(site.ns, "settings"));
  CHECK(after["data"] == json{{"color", "green"}});
  CHECK(after["metadata"]["uid"] == before["metadata"]["uid"]);
  CHECK(site.api.get(config_map(site.ns, "other")) == other);
  const auto writes = to_managed_objects(site.audit.writes(site.op().user(), mark));
  INFO(to_text(writes));
  CHECK(writes.size() == 1); // only what changed is sent
}

TEST_CASE("A second commit is found by polling alone") {
  Site site("poll");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.begin();
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
  site.await_applied(site.repo.commit());
  CHECK(site.api.get(config_map(site.ns, "settings"))["data"]["color"] == "red");
}

TEST_CASE("A commit that touches nothing of a GitSync writes nothing but the GitRepository's status") {
  Site site("untouched");
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.begin();
  const json sync = site.sync();
  const auto mark = site.audit.mark();
  site.repo.write("elsewhere/notes.yaml", config_map_yaml("elsewhere", {}));
  const std::string commit = site.repo.commit();
  site.request_poll();
  eventually("the source shows the commit", [&] { return text_at(site.source(), "/status/revision").ends_with(commit); });
  site.fence(config_map(site.ns, "settings"));
  CHECK(to_managed_objects(site.audit.writes(site.op().user(), mark)).size() == 1); // the fence's
  CHECK(text_at(site.sync(), "/status/lastAppliedRevision") == text_at(sync, "/status/lastAppliedRevision"));
  CHECK(condition_status(site.sync(), "Ready") == "True");
}

TEST_CASE("A file removed from git takes its object along, and nothing else") {
  Site site("prune");
  site.repo.write("app/one.yaml", config_map_yaml("one", {{"a", "1"}}));
  site.repo.write("app/two.yaml", config_map_yaml("two", {{"a", "2"}}) + "---\n" + config_map_yaml("three", {{"a", "3"}}));
  site.begin();
  site.api.create(path_of("v1", "configmaps", site.ns), {{"metadata", {{"name", "somebody-elses"}}}});
  const json one = site.api.get(config_map(site.ns, "one"));

  site.repo.remove("app/two.yaml");
  site.push();
  site.await_gone(config_map(site.ns, "two"));
  site.await_gone(config_map(site.ns, "three"));
  CHECK(site.api.get(config_map(site.ns, "one")) == one);
  CHECK(site.api.exists(config_map(site.ns, "somebody-elses")));
  CHECK(site.sync()["status"]["objects"] == 1);
  site.await_event("app", "Pruned", "two");
}

TEST_CASE("One document removed from a file takes its object along; a moved one is neither deleted nor written") {
  Site site("move");
  site.repo.write("app/all.yaml",
                  config_map_yaml("one", {}) + "---\n" + config_map_yaml("two", {}) + "---\n" + config_map_yaml("three", {}));
  site.begin();
  const json two = site.api.get(config_map(site.ns, "two"));
  site.repo.write("app/all.yaml", config_map_yaml("one", {}));
  site.repo.write("app/moved/two.yaml", config_map_yaml("two", {}));
  site.push();
  site.await_gone(config_map(site.ns, "three"));
  CHECK(site.api.get(config_map(site.ns, "two")) == two);
}

TEST_CASE("With prune.enabled false, what left git stays in the cluster") {
  Site site("keep");
  site.repo.write("app/one.yaml", config_map_yaml("one", {}));
  site.repo.write("app/two.yaml", config_map_yaml("two", {}));
  site.begin({{"prune", {{"enabled", false}}}});
  site.repo.remove("app/two.yaml");
  site.push();
  site.fence(config_map(site.ns, "one"));
  CHECK(site.api.exists(config_map(site.ns, "two")));
}

// With drift.mode Correct, the operator would take the new object for the old one that lost its label, and adopt it; with
// Ignore it never does.
TEST_CASE("An object that somebody made anew under the same name is not pruned") {
  Site site("stranger");
  site.repo.write("app/one.yaml", config_map_yaml("one", {}));
  site.repo.write("app/two.yaml", config_map_yaml("two", {{"whose", "ours"}}));
  site.begin({{"drift", {{"mode", "Ignore"}}}});
  const json two = site.api.get(config_map(site.ns, "two"));
  const bool restart = GENERATE(false, true), labelled = GENERATE(false, true);
  INFO((restart ? "while the operator was down" : "before its eyes")
       << (labelled ? ", with our label" : ", without our label"));
  if (restart) site.stop();
  site.api.remove(config_map(site.ns, "two"));
  json metadata{{"name", "two"}};
  if (labelled) metadata["labels"] = two["metadata"]["labels"];
  site.api.create(path_of("v1", "configmaps", site.ns), {{"metadata", metadata}, {"data", {{"whose", "theirs"}}}});
  site.repo.remove("app/two.yaml");
  site.repo.write("app/one.yaml", config_map_yaml("one", {{"changed", "too"}}));
  const std::string commit = site.repo.commit();
  if (restart) site.start();
  site.request_poll();
  site.await_applied(commit);
  CHECK(text_at(site.api.get(config_map(site.ns, "two")), "/data/whose") == "theirs");
  CHECK(site.sync()["status"]["objects"] == 1);
  // Nor later: another revision, with pruning of its own, goes by.
  site.repo.write("app/three.yaml", config_map_yaml("three", {}));
  site.push();
  site.repo.remove("app/three.yaml");
  site.push();
  site.await_gone(config_map(site.ns, "three"));
  CHECK(site.api.exists(config_map(site.ns, "two")));
}

TEST_CASE("A definition, its custom resource, a namespace and what lies in it come in one commit, and leave in one") {
  Site site("layers");
  const std::string group = site.ns + ".example.com", inner = site.ns + "-inner";
  site.remove_at_end(path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "", "widgets." + group));
  site.remove_at_end("/api/v1/namespaces/" + inner);
  site.repo.write("app/base.yaml", config_map_yaml("base", {}));
  site.begin();

  // File names in the wrong order on purpose.
  site.repo.write("app/layers/a-widget.yaml", widget_yaml(group, "first", inner, 3));
  site.repo.write("app/layers/b-config.yaml",
                  replaced(config_map_yaml("inside", {}), "name: inside", "name: inside\n  namespace: " + inner));
  site.repo.write("app/layers/c-namespace.yaml", namespace_yaml(inner));
  site.repo.write("app/layers/d-definition.yaml", widget_definition_yaml(group));
  site.push();
  const std::string widget = path_of(group + "/v1", "widgets", inner, "first");
  CHECK(site.api.get(widget)["spec"]["size"] == 3);
  CHECK(site.api.exists(config_map(inner, "inside")));
  CHECK(site.sync()["status"]["objects"] == 5);

  site.api.merge(widget, {{"spec", {{"size", 4}}}});
  eventually("drift of the custom resource is corrected", [&] { return site.api.get(widget)["spec"]["size"] == 3; });

  site.repo.remove("app/layers");
  const std::string commit = site.repo.commit();
  site.request_poll();
  site.consent(); // a Namespace goes
  site.await_applied(commit);
  site.await_gone(path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "", "widgets." + group));
  site.await_gone("/api/v1/namespaces/" + inner);
  CHECK(site.sync()["status"]["objects"] == 1);
}

TEST_CASE("An object that the API server refuses is named with its file, and what was there before is not pruned") {
  Site site("refused");
  site.repo.write("app/keep.yaml", config_map_yaml("keep", {}));
  site.repo.write("app/leaves.yaml", config_map_yaml("leaves", {}));
  const std::string first = site.begin();
  site.repo.remove("app/leaves.yaml");
  site.repo.write("app/bad.yaml",
                  "apiVersion: v1\nkind: Service\nmetadata:\n  name: bad\nspec:\n  ports:\n    - port: 99999\n");
  site.repo.write("app/good.yaml", config_map_yaml("good", {}));
  const json sync = site.push_refused();
  CHECK(condition_reason(sync, "Ready") == "ApplyFailed");
  CHECK(ready_message(sync).find("bad") != std::string::npos);
  CHECK(ready_message(sync).find("99999") != std::string::npos);
  CHECK(text_at(sync, "/status/lastAppliedRevision") == "main@sha1:" + first);
  site.fence(config_map(site.ns, "keep"));
  CHECK(site.api.exists(config_map(site.ns, "leaves"))); // pruning is a later stage
  site.await_failure_event("app", "bad");

  site.repo.write("app/bad.yaml", service_yaml("bad"));
  site.push();
  CHECK(site.api.exists(service(site.ns, "bad")));
  CHECK(site.api.exists(config_map(site.ns, "good")));
  site.await_gone(config_map(site.ns, "leaves"));
}

TEST_CASE("After a refused Namespace no later stage begins") {
  Site site("stages");
  site.repo.write("app/keep.yaml", config_map_yaml("keep", {}));
  site.begin();
  site.repo.write("app/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + site.ns +
                                            "-refused\n  labels:\n    wrong: \"not a label value!\"\n");
  site.repo.write("app/late.yaml", config_map_yaml("late", {}));
  const json sync = site.push_refused();
  CHECK(ready_message(sync).find(site.ns + "-refused") != std::string::npos);
  site.fence(config_map(site.ns, "keep"));
  CHECK_FALSE(site.api.exists(config_map(site.ns, "late")));
}

TEST_CASE("An object that exists already is adopted, and keeps what git does not declare") {
  Site site("adopt");
  site.api.create(path_of("v1", "configmaps", site.ns), {{"metadata", {{"name", "settings"}, {"labels", {{"team", "blue"}}}}},
                                                         {"data", {{"color", "red"}, {"extra", "kept"}}}});
  const json before = site.api.get(config_map(site.ns, "settings"));
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
  site.begin();
  const json after = site.api.get(config_map(site.ns, "settings"));
  CHECK(after["metadata"]["uid"] == before["metadata"]["uid"]);
  CHECK(after["data"] == json{{"color", "blue"}, {"extra", "kept"}});
  CHECK(after["metadata"]["labels"]["team"] == "blue");
}
