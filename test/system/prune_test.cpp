// Pruning that can't destroy a cluster: what is asked first, what is never deleted, and what is handed over instead.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

struct PruneSite : Site {
  explicit PruneSite(const std::string& name, const json& spec = json::object()) : Site(name) {
    for (int i = 0; i < 8; ++i) repo.write(file(i), config_map_yaml(object(i), {{"color", "blue"}}));
    begin(spec);
  }
  static std::string object(int i) { return "m" + std::to_string(i); }
  static std::string file(int i) { return "app/" + object(i) + ".yaml"; }
  int left() {
    int count = 0;
    for (int i = 0; i < 8; ++i) count += api.exists(config_map(ns, object(i)));
    return count;
  }
  std::string digest() { return text_at(sync(), "/status/planDigest"); }
  /// As people do it.
  Output approve(const std::vector<std::string>& more = {}) {
    Command command{
        .argv = {operator_binary().string(), "approve", "app", "-n", ns, "--kubeconfig", cluster.kubeconfig().string()}};
    command.argv.insert(command.argv.end(), more.begin(), more.end());
    return run(command);
  }
};

} // namespace

TEST_CASE(
    "A revision that would delete more than its budget waits, changes nothing, and is released by an Approval of its plan") {
  PruneSite site("prune-budget");
  for (int i = 0; i < 5; ++i) site.repo.remove(PruneSite::file(i));
  site.repo.write(PruneSite::file(7), config_map_yaml("m7", {{"color", "red"}}));
  json sync = site.push_refused();
  CHECK(condition_reason(sync, "Ready") == "PruneBlocked");
  CHECK(ready_message(sync).find(
            "5 of 8 objects, more than spec.prune.maxDeletePercent 50; to consent: gitsync approve app -n " + site.ns) !=
        std::string::npos);
  CHECK(site.left() == 8);
  CHECK(text_at(site.api.get(config_map(site.ns, "m7")), "/data/color") == "blue"); // nothing of it, not only no deletion
  site.await_event("app", "PruneBlocked");
  const std::string digest = site.digest();
  REQUIRE(digest.starts_with("sha256:"));

  // An Approval of another plan releases nothing; neither does a commit elsewhere change the plan.
  site.api.create(path_of("gitops.volaticloud.com/v1alpha1", "approvals", site.ns),
                  {{"apiVersion", "gitops.volaticloud.com/v1alpha1"},
                   {"kind", "Approval"},
                   {"metadata", {{"name", "wrong"}}},
                   {"spec", {{"syncRef", {{"name", "app"}}}, {"planDigest", "sha256:" + std::string(64, 'a')}}}});
  site.repo.write("elsewhere/x.yaml", "a: b\n");
  site.push_refused();
  CHECK(site.digest() == digest);
  CHECK(site.left() == 8);
  const auto wrong = site.approve({"--plan-digest", "sha256:" + std::string(64, 'b')});
  CHECK(wrong.code == 1);
  CHECK(wrong.err.find("the plan that waits is " + digest) != std::string::npos);
  // Drift is corrected to the last revision that was carried out.
  site.fence(config_map(site.ns, "m0"));

  const auto said = site.approve();
  INFO(said.err);
  REQUIRE(said.code == 0);
  CHECK(said.out.find("approved plan " + digest) != std::string::npos);
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  eventually("the plan is carried out", [&] { return site.left() == 3; });
  CHECK(site.digest().empty());
  site.await_event("app", "Approved");
  eventually("the Approval says so", [&] {
    const auto approvals = site.api.list(path_of("gitops.volaticloud.com/v1alpha1", "approvals", site.ns));
    int released = 0;
    for (const auto& approval : approvals) released += text_at(approval, "/status/state") == "Released";
    return released == 1;
  });
  CHECK(site.approve().code == 1); // nothing waits any more
}

TEST_CASE("An Approval cannot be changed, and survives a restart of the operator that has not acted on it") {
  PruneSite site("prune-restart");
  for (int i = 0; i < 5; ++i) site.repo.remove(PruneSite::file(i));
  site.push_refused();
  site.stop();
  REQUIRE(site.approve().code == 0);
  const auto approvals = path_of("gitops.volaticloud.com/v1alpha1", "approvals", site.ns);
  const std::string name = site.api.list(approvals)[0]["metadata"]["name"];
  const auto refused =
      site.api.request("PATCH", approvals + "/" + name, {{"spec", {{"planDigest", "sha256:" + std::string(64, 'c')}}}},
                       "application/merge-patch+json");
  CHECK(refused.status == 422);
  CHECK(refused.message().find("make another Approval") != std::string::npos);
  site.start();
  eventually("the plan is carried out", [&] { return site.left() == 3; });
}

TEST_CASE("spec.prune.maxDelete limits the number, and raising it carries the revision out") {
  PruneSite site("prune-number", {{"prune", {{"maxDelete", 1}}}});
  site.repo.remove(PruneSite::file(0));
  site.push();
  CHECK(site.left() == 7);
  site.repo.remove(PruneSite::file(1)).remove(PruneSite::file(2));
  const json sync = site.push_refused();
  CHECK(ready_message(sync).find("2 of 7 objects, more than spec.prune.maxDelete 1") != std::string::npos);
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"prune", {{"maxDelete", 2}}}}}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  eventually("the plan is carried out", [&] { return site.left() == 5; });
}

TEST_CASE("A Namespace and a claim are deleted only with consent; with their GitSync they stay") {
  Site site("prune-precious");
  const std::string inner = site.ns + "-inner";
  site.remove_at_end("/api/v1/namespaces/" + inner);
  site.repo.write("app/space.yaml", namespace_yaml(inner));
  site.repo.write("app/one.yaml", config_map_yaml("one", {}));
  site.begin();
  site.repo.remove("app/space.yaml");
  const json sync = site.push_refused();
  CHECK(ready_message(sync).find("Namespace " + inner + " with all that they hold") != std::string::npos);
  site.repo.write("app/space.yaml", namespace_yaml(inner));
  site.push();
  site.api.remove(git_sync(site.ns, "app"));
  site.await_gone(git_sync(site.ns, "app"));
  site.await_gone(config_map(site.ns, "one"));
  const json space = site.api.get("/api/v1/namespaces/" + inner);
  CHECK(text_at(space, "/metadata/deletionTimestamp").empty());
  CHECK(text_at(space, "/metadata/labels/gitops.volaticloud.com~1sync").empty());
}

TEST_CASE("A definition is deleted when its last object goes with it, and asked about while others live") {
  Site site("prune-crd");
  const std::string group = site.ns + ".example.com";
  site.remove_at_end("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets." + group);
  site.repo.write("app/one.yaml", config_map_yaml("one", {}));
  site.repo.write("app/crd.yaml", widget_definition_yaml(group));
  site.repo.write("app/widget.yaml", widget_yaml(group, "ours", site.ns, 1));
  site.begin();
  const auto widgets = path_of(group + "/v1", "widgets", site.ns);
  site.api.create(
      widgets,
      {{"apiVersion", group + "/v1"}, {"kind", "Widget"}, {"metadata", {{"name", "theirs"}}}, {"spec", {{"size", 1}}}});
  site.repo.remove("app/crd.yaml").remove("app/widget.yaml");
  const json sync = site.push_refused();
  CHECK(ready_message(sync).find("with all objects of that kind") != std::string::npos);
  CHECK(site.api.exists(widgets + "/ours"));
  site.api.remove(widgets + "/theirs");
  site.push(); // another commit looks again
  site.await_gone("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets." + group);
}

TEST_CASE("An object that moves from one GitSync to another by one commit is handed over, never deleted") {
  Site site("prune-move");
  site.repo.write("a/moves.yaml", config_map_yaml("moves", {{"color", "blue"}}));
  site.repo.write("a/stays.yaml", config_map_yaml("stays", {}));
  site.repo.write("b/other.yaml", config_map_yaml("other", {}));
  const std::string commit = site.repo.commit();
  site.add_source();
  site.add_sync("a", {{"path", "a"}});
  site.add_sync("b", {{"path", "b"}});
  site.start();
  site.await_applied(commit, "a");
  site.await_applied(commit, "b");
  for (int round = 0; round < 6; ++round) {
    const std::string from = round % 2 == 0 ? "a" : "b", to = round % 2 == 0 ? "b" : "a";
    const std::string uid = text_at(site.api.get(config_map(site.ns, "moves")), "/metadata/uid");
    site.repo.remove(from + "/moves.yaml");
    site.repo.write(to + "/moves.yaml", config_map_yaml("moves", {{"round", std::to_string(round)}}));
    const std::string moved = site.repo.commit();
    site.request_poll();
    site.await_applied(moved, to);
    site.await_applied(moved, from);
    const json object = site.api.get(config_map(site.ns, "moves"));
    CHECK(text_at(object, "/metadata/uid") == uid);
    CHECK(text_at(object, "/data/round") == std::to_string(round));
    CHECK(object["data"].size() == 1); // what only the earlier owner declared is gone
    CHECK(text_at(object, "/metadata/annotations/gitops.volaticloud.com~1sync-name") == site.ns + "/" + to);
    CHECK(managed_by(object, site.manager(from)).is_null());
  }
}

TEST_CASE(
    "A GitSync that is renamed hands its objects over: the new one waits loudly, the old one's deletion deletes nothing") {
  Site site("prune-rename");
  site.repo.write("app/one.yaml", config_map_yaml("one", {{"color", "blue"}}));
  site.repo.write("app/api.yaml", deployment_yaml());
  const std::string commit = site.begin();
  const std::string uid = text_at(site.api.get(config_map(site.ns, "one")), "/metadata/uid");
  site.add_sync("renamed", {{"path", "app"}});
  const json waiting = site.await_condition(git_sync(site.ns, "renamed"), "Ready", "False");
  CHECK(ready_message(waiting).find("is managed by GitSync " + site.ns + "/app") != std::string::npos);
  site.api.remove(git_sync(site.ns, "app"));
  site.await_gone(git_sync(site.ns, "app"));
  site.await_applied(commit, "renamed");
  CHECK(text_at(site.api.get(config_map(site.ns, "one")), "/metadata/uid") == uid);
  CHECK(text_at(site.api.get(config_map(site.ns, "one")), "/metadata/annotations/gitops.volaticloud.com~1sync-name") ==
        site.ns + "/renamed");
  site.fence(config_map(site.ns, "one"));
}

TEST_CASE("A GitSync that is renamed in git keeps its objects, whichever of the two is seen first") {
  Site site("prune-rename-git");
  const auto child = [&](const std::string& name) {
    return "apiVersion: gitops.volaticloud.com/v1alpha1\nkind: GitSync\nmetadata: {name: " + name +
           "}\nspec:\n  sourceRef: {name: source}\n  path: child\n  targetNamespace: " + site.ns + "\n";
  };
  site.repo.write("child/one.yaml", config_map_yaml("one", {{"color", "blue"}}));
  site.repo.write("app/child.yaml", child("child-0"));
  site.begin({{"prune", {{"maxDeletePercent", 100}}}});
  const auto uid = [&] { return text_at(site.await_exists(config_map(site.ns, "one")), "/metadata/uid"); };
  const std::string before = uid();
  for (int round = 1; round <= 4; ++round) {
    site.repo.write("app/child.yaml", child("child-" + std::to_string(round)));
    site.repo.write("child/one.yaml", config_map_yaml("one", {{"round", std::to_string(round)}}));
    const auto commit = site.push();
    const std::string now = "child-" + std::to_string(round);
    site.await_applied(commit, now);
    site.await_gone(git_sync(site.ns, "child-" + std::to_string(round - 1)));
    CHECK(uid() == before);
    const json one = site.api.get(config_map(site.ns, "one"));
    CHECK(one["data"] == json{{"round", std::to_string(round)}});
    CHECK(text_at(one, "/metadata/annotations/gitops.volaticloud.com~1sync-name") == site.ns + "/" + now);
  }
}

TEST_CASE("Consent is used up: the same deletion a second time is asked about again") {
  PruneSite site("prune-again");
  const auto remove_five = [&] {
    for (int i = 0; i < 5; ++i) site.repo.remove(PruneSite::file(i));
    site.push_refused();
  };
  remove_five();
  REQUIRE(site.approve().code == 0);
  eventually("the plan is carried out", [&] { return site.left() == 3; });
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  for (int i = 0; i < 5; ++i) site.repo.write(PruneSite::file(i), config_map_yaml(PruneSite::object(i), {{"color", "blue"}}));
  site.push();
  CHECK(site.left() == 8);
  remove_five();
  CHECK(site.left() == 8);
  REQUIRE(site.approve().code == 0);
  eventually("the plan is carried out", [&] { return site.left() == 3; });
}

TEST_CASE("What left git while pruning was off is asked about when it is switched on, also by the next process") {
  PruneSite site("prune-off", {{"prune", {{"enabled", false}}}});
  for (int i = 0; i < 5; ++i) site.repo.remove(PruneSite::file(i));
  site.push();
  CHECK(site.left() == 8);
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"prune", {{"enabled", true}}}}}});
  const std::string question = "would delete 5 of 8 objects (5 left git while spec.prune.enabled was false)";
  site.await_message(question);
  CHECK(site.left() == 8);
  site.stop();
  site.start();
  site.fence(config_map(site.ns, "m7"));
  site.await_message(question);
  CHECK(site.left() == 8);
  REQUIRE(site.approve().code == 0);
  eventually("the plan is carried out", [&] { return site.left() == 3; });
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
}
