// A revision is applied only when all of it can be read; otherwise nothing of it is, and the last good one stays enforced.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

struct RevisionSite : Site {
  explicit RevisionSite(const std::string& name, const json& spec = json::object()) : Site(name) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
    repo.write("app/fence.yaml", config_map_yaml("fence", {}));
    first = begin(spec);
  }
  std::string color() { return text_at(api.get(config_map(ns, "settings")), "/data/color"); }

  /// Commits what was written beside a good change and a removal, expects the refusal with all these parts in status.errors and
  /// the first of them in the condition, and that the first revision stays enforced; then removes the file and expects
  /// recovery.
  void expect_refused(const std::string& bad_file, const std::string& reason, const std::vector<std::string>& parts) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green"}}));
    repo.write("app/new.yaml", config_map_yaml("new", {}));
    const json refused = push_refused();
    const std::string errors = refused["status"].value("errors", json::array()).dump();
    INFO(refused["status"].dump(1));
    for (const auto& part : parts) CHECK(errors.find(part) != std::string::npos);
    CHECK(condition_reason(refused, "Ready") == reason);
    CHECK(ready_message(refused).find(parts.front()) != std::string::npos);
    CHECK(text_at(refused, "/status/lastAppliedRevision") == "main@sha1:" + first);
    CHECK(ready_message(refused).find(first.substr(0, 7)) != std::string::npos); // which one is enforced
    await_failure_event("app", parts.front());

    CHECK(color() == "blue");
    CHECK_FALSE(api.exists(config_map(ns, "new")));
    api.merge(config_map(ns, "settings"), {{"data", {{"color", "red"}}}});
    eventually("the last good revision is enforced", [&] { return color() == "blue"; });
    fence(config_map(ns, "fence"));
    CHECK_FALSE(api.exists(config_map(ns, "new")));

    repo.remove(bad_file);
    push();
    CHECK(color() == "green");
    CHECK(api.exists(config_map(ns, "new")));
    CHECK_FALSE(sync()["status"].contains("errors"));
    CHECK(condition_of(sync(), "Stalled").is_null());
  }

private:
  std::string first;
};

} // namespace

TEST_CASE("Broken YAML in one of several files: file and line are named, nothing is applied, a fix recovers") {
  RevisionSite site("broken");
  site.repo.write("app/sub/bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\n data: [\n");
  site.expect_refused("app/sub/bad.yaml", "RevisionRefused", {"app/sub/bad.yaml:", "GS201"});
}

TEST_CASE("All that is wrong with a revision is told at once") {
  RevisionSite site("broken-many");
  site.repo.write("app/bad/one.yaml", "a: [\n");
  site.repo.write("app/bad/two.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n");
  site.repo.write("app/bad/three.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  name: y\n");
  site.expect_refused("app/bad", "RevisionRefused",
                      {"app/bad/", "one.yaml", "two.yaml", "three.yaml:5", "GS201", "GS202", "GS211"});
}

TEST_CASE("A mapping with the same key twice is refused") {
  RevisionSite site("duplicate-key");
  site.repo.write("app/bad.yaml",
                  "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\ndata:\n  one: a\n  two: b\n  one: c\n");
  site.expect_refused("app/bad.yaml", "RevisionRefused", {"app/bad.yaml:8", "GS202", "one"});
}

TEST_CASE("The same object in two files is refused, and both are named") {
  RevisionSite site("duplicate-object");
  site.repo.write("app/bad/a.yaml", config_map_yaml("twice", {{"from", "a"}}));
  site.repo.write("app/bad/b.yaml",
                  replaced(config_map_yaml("twice", {{"from", "b"}}), "name: twice", "name: twice\n  namespace: " + site.ns));
  site.expect_refused("app/bad", "RevisionRefused", {"twice", "app/bad/a.yaml", "app/bad/b.yaml", "GS212"});
}

TEST_CASE("A duplicate of an object in a file that did not change is refused, and both are named") {
  RevisionSite site("duplicate-old");
  site.repo.write("app/bad.yaml", config_map_yaml("fence", {{"from", "bad"}}));
  site.expect_refused("app/bad.yaml", "RevisionRefused", {"fence", "app/bad.yaml", "app/fence.yaml", "GS212"});
}

TEST_CASE("An alias bomb is refused and the operator lives") {
  RevisionSite site("bomb");
  std::string bomb = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bomb\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + previous;
    for (int k = 1; k < 10; ++k) bomb += ", " + previous;
    bomb += "]\n";
  }
  site.repo.write("app/bad.yaml", bomb);
  const pid_t pid = site.op().pid();
  site.expect_refused("app/bad.yaml", "RevisionRefused", {"app/bad.yaml", "GS203"});
  CHECK(site.op().running());
  CHECK(site.op().pid() == pid);
}

TEST_CASE("An alias that contains itself is refused and the operator lives") {
  RevisionSite site("self-alias");
  site.repo.write("app/bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\ndata: &self\n  again: *self\n");
  site.expect_refused("app/bad.yaml", "RevisionRefused", {"app/bad.yaml", "GS203"});
}

TEST_CASE("A file nested ten thousand deep is refused and the operator lives") {
  RevisionSite site("deep");
  site.repo.write("app/bad.yaml", "a: " + std::string(10'000, '[') + std::string(10'000, ']') + "\n");
  site.expect_refused("app/bad.yaml", "RevisionRefused", {"app/bad.yaml"});
}

TEST_CASE("A kind that nobody serves is refused, and taken as soon as somebody does") {
  RevisionSite site("unknown-kind");
  const std::string group = site.ns + ".example.com";
  const std::string definition = path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "", "widgets." + group);
  site.remove_at_end(definition);
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green"}}));
  site.repo.write("app/widget.yaml", widget_yaml(group, "first", "", 1));
  const json refused = site.push_refused();
  CHECK(refused["status"]["errors"].dump().find("app/widget.yaml:1") != std::string::npos);
  CHECK(ready_message(refused).find("GS213") != std::string::npos);
  CHECK(ready_message(refused).find("Widget") != std::string::npos);
  CHECK(site.color() == "blue");
  site.cluster.kubectl().must({"apply", "-f", "-"}, widget_definition_yaml(group));
  site.cluster.kubectl().must({"wait", "--for=condition=Established", "crd/widgets." + group, "--timeout=30s"});
  site.request(git_sync(site.ns, "app"));
  site.await_applied(site.repo.git({"rev-parse", "HEAD"}));
  CHECK(site.api.exists(path_of(group + "/v1", "widgets", site.ns, "first")));
  CHECK(site.color() == "green");
  site.repo.remove("app/widget.yaml"); // so that the definition's deletion at the end hangs on nothing
  site.push();
}

TEST_CASE("A namespace on a cluster-scoped object and a document that is no object are refused") {
  RevisionSite site("odd");
  site.repo.write("app/bad/scope.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: odd\n  namespace: elsewhere\n");
  site.repo.write("app/bad/scalar.yaml", "just words\n");
  site.repo.write("app/bad/kindless.yaml", "apiVersion: v1\nmetadata:\n  name: kindless\n");
  site.expect_refused("app/bad", "RevisionRefused", {"app/bad/", "scope.yaml", "scalar.yaml", "kindless.yaml"});
}

TEST_CASE("What is odd but harmless is taken: kind List, empty documents, comments, CRLF, BOM, anchors, JSON in YAML") {
  Site site("harmless");
  site.repo.write("app/list.yaml",
                  "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: listed-1}\n"
                  "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: listed-2}\n");
  site.repo.write(
      "app/typed-list.yaml",
      "apiVersion: v1\nkind: ConfigMapList\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: typed}\n");
  site.repo.write("app/empty-documents.yaml", "---\n---\n# nothing\n---\n" + config_map_yaml("after-empty", {}) + "---\n---\n");
  site.repo.write("app/comments.yaml", "# only\n# comments\n");
  site.repo.write("app/empty.yaml", "");
  site.repo.write("app/null.yaml", "null\n");
  site.repo.write("app/crlf.yaml", replaced("# windows\n" + config_map_yaml("crlf", {{"key", "value"}}) + "---\n" +
                                                config_map_yaml("crlf-2", {}),
                                            "\n", "\r\n"));
  site.repo.write("app/bom.yaml", "\xEF\xBB\xBF" + config_map_yaml("bom", {{"key", "value"}}));
  site.repo.write("app/anchors.yaml",
                  "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: anchors\ndata:\n  one: &value same\n  two: *value\n");
  site.repo.write("app/flow.yaml",
                  R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flow"}, "data": {"yes": "no"}})");
  site.repo.write("app/block.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: block\ndata:\n  text: |\n    a line\n "
                                    "   --- not a document\n    # not a comment\n");
  site.repo.write("app/words.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: words\n  labels: {answer: "
                                    "\"yes\"}\ndata:\n  on: \"off\"\n  number: \"0123\"\n");
  site.begin();
  for (const char* name :
       {"listed-1", "listed-2", "typed", "after-empty", "crlf", "crlf-2", "bom", "anchors", "flow", "block", "words"}) {
    INFO(name);
    CHECK(site.api.exists(config_map(site.ns, name)));
  }
  CHECK(site.sync()["status"]["objects"] == 11);
  CHECK(site.api.get(config_map(site.ns, "crlf"))["data"] == json{{"key", "value"}});
  CHECK(site.api.get(config_map(site.ns, "bom"))["data"] == json{{"key", "value"}});
  CHECK(site.api.get(config_map(site.ns, "anchors"))["data"] == json{{"one", "same"}, {"two", "same"}});
  CHECK(site.api.get(config_map(site.ns, "flow"))["data"] == json{{"yes", "no"}});
  CHECK(site.api.get(config_map(site.ns, "block"))["data"]["text"] == "a line\n--- not a document\n# not a comment\n");
  // `on` unquoted as a key: YAML 1.1 calls it true, and so does Kubernetes.
  CHECK(site.api.get(config_map(site.ns, "words"))["data"] == json{{"true", "off"}, {"number", "0123"}});
}
