// A plan waits for consent: what it says, what releases it and what doesn't, and what goes on meanwhile.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/signing.h"
#include "support/site.h"

#include <csignal>

using namespace gitsync::test;

namespace {

const std::string approvals_api = "gitops.volaticloud.com/v1alpha1";
const json required = {{"approval", {{"required", true}}}};

json approval_of(const std::string& digest, const json& more = json::object()) {
  json spec = {{"syncRef", {{"name", "app"}}}, {"planDigest", digest}, {"approver", "anna"}};
  spec.merge_patch(more);
  return {{"apiVersion", approvals_api}, {"kind", "Approval"}, {"metadata", {{"generateName", "yes-"}}}, {"spec", spec}};
}

struct ApprovalSite : Site {
  /// One ConfigMap, and its first plan approved where the spec wants that.
  explicit ApprovalSite(const std::string& name, const json& spec = required, bool first_approved = true) : Site(name) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
    first = repo.commit("the first");
    add_source();
    add_sync("app", spec);
    start();
    if (!first_approved) return;
    consent();
    await_applied(first);
  }

  std::string digest() { return text_at(sync(), "/status/planDigest"); }
  /// Commits, and waits until a plan of that commit waits; its digest.
  std::string push_waiting() {
    const std::string commit = repo.commit();
    request_poll();
    std::string found;
    eventually("a plan of " + commit + " waits", [&]() -> std::string {
      const json object = sync();
      found = text_at(object, "/status/planDigest");
      const bool waits = text_at(object, "/status/lastAttemptedRevision").ends_with(commit) && !found.empty();
      return waits ? "" : object.value("status", json()).dump();
    });
    return found;
  }
  std::string write_color(const std::string& color) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", color}}));
    return push_waiting();
  }
  std::string color() {
    const auto found = api.find(config_map(ns, "settings"));
    return found ? text_at(*found, "/data/color") : "none";
  }
  std::string approvals() { return path_of(approvals_api, "approvals", ns); }
  /// Its path.
  std::string approve(const std::string& plan, const json& more = json::object()) {
    return approvals() + "/" + text_at(api.create(approvals(), approval_of(plan, more)), "/metadata/name");
  }
  void await_state(const std::string& approval, const std::string& state, const std::string& why = {}) {
    eventually(approval + " is " + state, [&]() -> std::string {
      const json status = api.get(approval).value("status", json::object());
      return status.value("state", "") == state && status.value("message", "").find(why) != std::string::npos ? ""
                                                                                                              : status.dump();
    });
  }
  /// As people do it.
  Output gitsync(std::vector<std::string> arguments) {
    Command command{.argv = {operator_binary().string()}};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.argv.insert(command.argv.end(), {"-n", ns, "--kubeconfig", cluster.kubeconfig().string()});
    return run(command);
  }
  std::string first;
};

/// A time of the clock that cron schedules go by, as "minute hour * * *".
std::string daily_at(std::chrono::system_clock::time_point time) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(time.time_since_epoch()).count();
  return std::to_string(minutes % 60) + " " + std::to_string(minutes / 60 % 24) + " * * *";
}
const auto hour = std::chrono::hours(1);
/// A window that is open for hours before and after now; whether it is an allow window or not.
json open_window(const std::string& kind) {
  return {{"kind", kind}, {"schedule", daily_at(std::chrono::system_clock::now() - 3 * hour)}, {"duration", "9h"}};
}
/// One that opens in some hours.
json closed_window(const std::string& kind) {
  return {{"kind", kind}, {"schedule", daily_at(std::chrono::system_clock::now() + 3 * hour)}, {"duration", "9h"}};
}

} // namespace

TEST_CASE("Where approval is required every plan waits, the first one too, and an Approval of its digest releases it") {
  ApprovalSite site("approval", required, false);
  json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "ApprovalRequired");
  CHECK(ready_message(sync).find("main@" + site.first.substr(0, 7) +
                                 " waits for an Approval: 1 to create; to look: gitsync plan app -n " + site.ns +
                                 "; to consent: gitsync approve app -n " + site.ns) == 0);
  CHECK(condition_status(sync, "Stalled").empty()); // it goes on by itself once somebody consents
  CHECK(condition_status(sync, "Reconciling").empty());
  CHECK(!text_at(sync, "/status/planWaitingSince").empty());
  CHECK(site.color() == "none");
  site.await_event("app", "ApprovalRequired", site.digest());
  CHECK(site.op().metric("gitsync_approval_pending_since_timestamp_seconds", {site.ns}) > 1.7e9);

  const auto approved = site.gitsync({"approve", "app"});
  INFO(approved.err);
  REQUIRE(approved.code == 0);
  site.await_applied(site.first);
  CHECK(site.color() == "blue");
  CHECK(site.digest().empty());
  CHECK(site.op().metric("gitsync_approval_pending_since_timestamp_seconds", {site.ns}) == 0);
  site.await_event("app", "Approved");
  const auto approval = site.api.list(site.approvals())[0];
  site.await_state(site.approvals() + "/" + text_at(approval, "/metadata/name"), "Released");
  CHECK(!text_at(approval, "/spec/approver").empty()); // as the API server names whoever asked
}

TEST_CASE("While a plan waits the approved revision is enforced, a commit elsewhere keeps the plan and its Approval, another "
          "change makes another plan") {
  ApprovalSite site("approval-waits");
  const std::string red = site.write_color("red");
  CHECK(ready_message(site.sync()).find("1 to change") != std::string::npos);
  CHECK(ready_message(site.sync()).find("main@" + site.first.substr(0, 7) + " stays enforced") != std::string::npos);
  site.fence(config_map(site.ns, "settings")); // drift correction goes on, to what was approved
  CHECK(site.color() == "blue");

  site.repo.write("elsewhere/x.yaml", "a: b\n");
  CHECK(site.push_waiting() == red);
  const std::string green = site.write_color("green");
  CHECK(green != red);
  const auto stale = site.approve(red);
  site.await_state(stale, "Pending", "no such plan");
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.color() == "blue");

  // The same change again: the Approval from before counts at once.
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
  site.push();
  CHECK(site.color() == "red");
  site.await_state(stale, "Released");
  const std::string blue = site.write_color("blue");
  CHECK(site.color() == "red");
  site.approve(blue);
  eventually("it is released", [&] { return site.color() == "blue"; });
  // Consent is for once.
  CHECK(site.write_color("red") == red);
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.color() == "blue");
}

TEST_CASE(
    "An edit of the spec that changes what is rendered makes another plan, and a revert of the commit takes the plan back") {
  ApprovalSite site("approval-edit");
  const std::string red = site.write_color("red");
  const std::string other = site.ns + "-other";
  site.remove_at_end("/api/v1/namespaces/" + other);
  site.api.create("/api/v1/namespaces", {{"metadata", {{"name", other}}}});
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"targetNamespace", other}}}});
  eventually("another plan waits", [&] { return !site.digest().empty() && site.digest() != red; });
  CHECK(ready_message(site.sync()).find("1 to create, 1 to delete") != std::string::npos);
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"targetNamespace", site.ns}}}});
  eventually("the first one waits again", [&] { return site.digest() == red; });
  site.repo.git({"revert", "--no-edit", "HEAD"});
  site.push();
  CHECK(site.digest().empty());
  CHECK(site.color() == "blue");
  eventually("what was shown is gone", [&] { return !site.api.exists(config_map(site.ns, "gitsync-app-plan-0")); });
}

TEST_CASE("Killed after consent, the operator carries the approved plan out and doesn't ask again") {
  ApprovalSite site("approval-kill");
  for (int i = 0; i < 60; ++i)
    site.repo.write("app/m" + std::to_string(i) + ".yaml", config_map_yaml("m" + std::to_string(i), {}));
  const std::string digest = site.write_color("red");
  site.approve(digest);
  eventually("the first of its objects is there", [&] { return site.api.exists(config_map(site.ns, "m0")); });
  ::kill(site.op().pid(), SIGKILL);
  site.start();
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  eventually("all of it is applied", [&] { return site.color() == "red" && site.api.exists(config_map(site.ns, "m59")); });
  CHECK(site.api.list(site.approvals()).size() == 2); // the first revision's and this one
}

TEST_CASE("An Approval expires: one that is too old releases nothing, and both say so") {
  ApprovalSite site("approval-expiry", {{"approval", {{"required", true}}}});
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"approval", {{"expiresAfter", "1s"}}}}}});
  const auto early = site.approve("sha256:" + std::string(64, 'a'));
  site.await_state(early, "Pending", "no such plan");
  site.await_state(early, "Expired", "expiresAfter 1s"); // by a timer: nothing else happens

  // One that was good while the sync window was closed, and is not when it opens.
  site.api.merge(git_sync(site.ns, "app"),
                 {{"spec", {{"windows", json::array({open_window("deny")})}, {"approval", {{"expiresAfter", "3s"}}}}}});
  const std::string red = site.write_color("red");
  const auto late = site.approve(red);
  site.await_state(late, "Pending", "the plan waits for the sync window");
  site.await_message("is approved and waits for the sync window that opens ");
  site.await_state(late, "Expired");
  site.await_message("waits for an Approval: 1 to change");
  site.await_message("older than spec.approval.expiresAfter 3s");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"windows", nullptr}}}});
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.color() == "blue");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"approval", {{"expiresAfter", "1h"}}}}}});
  eventually("young enough by the new rule, it is released", [&] { return site.color() == "red"; });
}

TEST_CASE("Four eyes fail closed: without a verified author no Approval counts, and it says why") {
  ApprovalSite site("approval-four-eyes");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"approval", {{"fourEyes", true}}}}}});
  const auto approval = site.approve(site.write_color("red"));
  site.await_state(approval, "Refused", "not proven by verified signatures");
  site.await_message("spec.approval.fourEyes is set and the commits' authors are not proven");
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.color() == "blue");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"approval", {{"fourEyes", false}}}}}});
  eventually("without four eyes it counts", [&] { return site.color() == "red"; });
}

TEST_CASE("With four eyes none of those who have signed a commit since the applied one may approve it") {
  ApprovalSite site("approval-signed", json::object(), false);
  site.await_applied(site.first);
  Signing people(site.directory.path(), site.repo);
  const std::string allowed = people.make_ssh("anna") + people.make_ssh("bob") + people.make_ssh("carl");
  site.api.create(path_of("v1", "secrets", site.ns),
                  {{"metadata", {{"name", "signers"}}}, {"stringData", {{"allowed_signers", allowed}}}});
  const auto user = [&](const std::string& signer, const std::string& name) {
    return json{{"signer", signer}, {"user", name}};
  };
  const json users = {user("anna@example.com", "anna"), user(people.fingerprint("bob"), "bob")};
  const auto use = [&](const json& more) {
    json verify = {{"mode", "HEAD"}, {"secretRef", {{"name", "signers"}}}, {"users", users}};
    verify.merge_patch(more);
    site.api.merge(git_repository(site.ns, "source"), {{"spec", {{"verify", verify}}}});
  };
  people.commit("anna", "nothing of it");
  use(json::object());
  site.await_condition(git_repository(site.ns, "source"), "Verified", "True");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"approval", {{"required", true}, {"fourEyes", true}}}}}});
  const auto write = [&](const std::string& value) {
    site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", value}}));
  };
  const auto waiting = [&](const std::string& commit) {
    site.request_poll();
    std::string digest;
    eventually("a plan of " + commit + " waits", [&] {
      const json object = site.sync();
      digest = text_at(object, "/status/planDigest");
      return text_at(object, "/status/lastAttemptedRevision").ends_with(commit) && !digest.empty();
    });
    return digest;
  };
  const auto by = [](const char* approver) { return json{{"approver", approver}}; };

  // Two have written it, one after the other.
  write("red");
  people.commit("anna", "half of it");
  site.repo.write("app/more.yaml", config_map_yaml("more", {}));
  const auto both = waiting(people.commit("bob", "the other half"));
  site.await_state(site.approve(both, by("anna")), "Refused", "anna has written a commit");
  site.await_state(site.approve(both, by("bob")), "Refused", "bob has written a commit");
  CHECK(site.color() == "blue");
  site.await_state(site.approve(both, by("dora")), "Released");
  eventually("it is applied", [&] { return site.color() == "red"; });

  // One of them is not signed: nobody can tell who has written it.
  write("green");
  const auto hidden = site.repo.commit("nobody's");
  site.repo.write("elsewhere.txt", "x");
  const auto half = waiting(people.commit("anna", "on top"));
  const auto unproven = site.approve(half, by("dora"));
  site.await_state(unproven, "Refused", "commit " + hidden.substr(0, 7) + ": it is not signed");
  CHECK(site.color() == "red");

  // Signed by somebody who is no user yet; the table is completed, and the same Approval counts.
  site.repo.git({"reset", "--quiet", "--hard", "HEAD~2"});
  write("yellow");
  const auto carls = waiting(people.commit("carl"));
  const auto approval = site.approve(carls, by("dora"));
  site.await_state(approval, "Refused", "names no user for carl@example.com");
  CHECK(site.color() == "red");
  use({{"users", {user("carl@example.com", "dora")}}}); // and she is it
  site.await_state(approval, "Refused", "dora has written a commit");
  CHECK(site.color() == "red");
  use({{"users", {user("carl@example.com", "carl")}}});
  eventually("it is applied", [&] { return site.color() == "yellow"; });
}

TEST_CASE("A rollback to what was approved needs no new Approval, also while another plan waits") {
  ApprovalSite site("approval-rollback",
                    {{"approval", {{"required", true}}}, {"rollback", {{"enabled", true}}}, {"health", {{"timeout", "4s"}}}});
  site.repo.write("app/api.yaml", stuck_deployment_yaml("api", "registry.example/api:broken"));
  site.approve(site.write_color("red"));
  eventually("the bad revision is applied",
             [&] { return site.color() == "red" && site.api.exists(deployment(site.ns, "api")); });
  const std::string next = site.write_color("green");
  eventually("it is rolled back", [&] { return site.color() == "blue" && !site.api.exists(deployment(site.ns, "api")); });
  site.await_event("app", "RolledBack");
  eventually("what waits is a plan from there", [&] { return !site.digest().empty() && site.digest() != next; });
  CHECK(ready_message(site.sync()).find("1 to create, 1 to change") != std::string::npos);
}

TEST_CASE("gitsync plan shows what would change, field by field, from the server's dry run; of a Secret only hashes") {
  ApprovalSite site("approval-plan");
  const auto secret_yaml = [](const std::string& value) {
    return "apiVersion: v1\nkind: Secret\nmetadata:\n  name: login\n  annotations: {note: " + value +
           "}\nstringData:\n  password: " + value + "\n";
  };
  site.repo.write("app/secret.yaml", secret_yaml("canary-old-value"));
  site.repo.write("app/old.yaml", config_map_yaml("old", {}));
  site.repo.write("app/api.yaml", deployment_yaml());
  site.approve(site.push_waiting());
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  CHECK(site.gitsync({"plan", "app"}).code == 0); // nothing waits

  const std::string inner = site.ns + "-inner", group = site.ns + ".example.com";
  site.remove_at_end("/api/v1/namespaces/" + inner);
  site.repo.write("app/secret.yaml", secret_yaml("canary-new-value"));
  site.repo.write("app/api.yaml", deployment_yaml("api", "registry.example/api:2.0"));
  site.repo.remove("app/old.yaml");
  site.repo.write("app/space.yaml", namespace_yaml(inner));
  site.repo.write("app/inside.yaml",
                  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: inside, namespace: " + inner + "}\ndata: {a: b}\n");
  site.repo.write("app/crd.yaml", widget_definition_yaml(group));
  site.repo.write("app/widget.yaml", widget_yaml(group, "ours", site.ns, 1));
  site.repo.write("app/bad.yaml", replaced(service_yaml(), "port: 80", "port: 800000"));
  const std::string digest = site.write_color("red");
  const auto said = site.gitsync({"plan", "app"});
  INFO(said.out << said.err);
  CHECK(said.code == 1);
  for (const auto& part : {
           "plan " + digest,
           "~ ConfigMap " + site.ns + "/settings\n    ~ /data/color: \"blue\" → \"red\"\n",
           "~ Deployment.apps " + site.ns + "/api\n    ~ /spec/template/spec/containers[",
           std::string("/image: \"registry.example/api:1.0\" → \"registry.example/api:2.0\"\n"),
           "- ConfigMap " + site.ns + "/old\n",
           "+ Namespace " + inner + "\n",
           "+ ConfigMap " + inner +
               "/inside  (not checked with the API server: its namespace comes with this plan)\n    + /apiVersion",
           "+ Widget." + group + " " + site.ns + "/ours  (not checked with the API server: its kind comes with this plan)\n",
           std::string("    ! GS422 "),
           "~ Secret " + site.ns + "/login\n    ~ /data/password: \"hash:",
           "to consent: gitsync approve app -n " + site.ns + " --plan-digest " + digest,
       })
    CHECK(said.out.find(part) != std::string::npos);
  // Nothing was written by looking.
  CHECK(!site.api.exists("/api/v1/namespaces/" + inner));
  CHECK(site.color() == "blue");
  const auto as_json = site.gitsync({"plan", "app", "-o", "json"});
  CHECK(as_json.code == 1);
  CHECK(json::parse(as_json.out)["digest"] == digest);
  CHECK(json::parse(as_json.out)["objects"].size() == 9);
  CHECK(site.gitsync({"plan", "nobody"}).code == 2);

  // The canary stands nowhere, plain or in base64.
  const auto stored = site.api.get(config_map(site.ns, "gitsync-app-plan-0"));
  std::string everything = said.out + as_json.out + stored.dump() + site.sync().dump() + site.log();
  for (const auto& event : site.events_about("app")) everything += event;
  for (const std::string canary : {"canary-old-value", "canary-new-value", "Y2FuYXJ5LW9sZC12YWx1Z", "Y2FuYXJ5LW5ldy12YWx1Z"})
    CHECK(everything.find(canary) == std::string::npos);
  CHECK(text_at(stored, "/metadata/ownerReferences/0/name") == "app");
  site.api.remove(git_sync(site.ns, "app"));
  site.await_gone(config_map(site.ns, "gitsync-app-plan-0"));
}

TEST_CASE("Outside its sync windows a revision waits, while drift is corrected, and a window that opens lets it through") {
  ApprovalSite site("windows", {{"windows", json::array({open_window("allow"), closed_window("deny")})}}, false);
  site.await_applied(site.first); // inside allow, outside deny
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"windows", json::array({closed_window("allow")})}}}});
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
  site.repo.commit();
  site.request_poll();
  json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "Unknown", "WindowClosed");
  CHECK(ready_message(sync).find("waits for the sync window that opens 20") != std::string::npos);
  CHECK(condition_status(sync, "Reconciling") == "True"); // it goes on by itself
  CHECK(site.digest().empty());                           // nobody is asked
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.color() == "blue");
  const auto asked = site.gitsync({"reconcile", "app"});
  CHECK(asked.code == 1); // at once: a request crosses no window, and nobody waits for hours
  CHECK(asked.err.find("waits for the sync window that opens") != std::string::npos);
  CHECK(site.color() == "blue");

  // A commit that changes nothing of it isn't stopped by anything.
  site.repo.git({"revert", "--no-edit", "HEAD"});
  site.push();
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
  site.repo.commit();
  site.request_poll();
  site.await_message("waits for the sync window");
  site.api.merge(git_sync(site.ns, "app"),
                 {{"spec", {{"windows", json::array({closed_window("allow"), open_window("allow")})}}}});
  eventually("the edit lets it through", [&] { return site.color() == "red"; });

  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"windows", json::array({open_window("allow"), open_window("deny")})}}}});
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green"}}));
  site.repo.commit();
  site.request_poll();
  site.await_message("waits for the sync window"); // deny wins
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"windows", nullptr}}}});
  eventually("without windows it goes through", [&] { return site.color() == "green"; });
}

TEST_CASE("A sync window that opens wakes the revision that waits for it") {
  // Cron knows minutes only: the window opens with the next one.
  ApprovalSite site("windows-open", json::object(), false);
  site.await_applied(site.first);
  const auto next = std::chrono::ceil<std::chrono::minutes>(std::chrono::system_clock::now() + std::chrono::seconds(3));
  site.api.merge(
      git_sync(site.ns, "app"),
      {{"spec", {{"windows", json::array({{{"kind", "allow"}, {"schedule", daily_at(next)}, {"duration", "1h"}}})}}}});
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
  site.repo.commit();
  site.request_poll();
  site.await_message("waits for the sync window that opens ");
  CHECK(site.color() == "blue");
  eventually("the window has opened", [&] { return site.color() == "red"; }, std::chrono::seconds(70) + patience());
  CHECK(std::chrono::system_clock::now() >= next);
}

TEST_CASE("What has begun is carried out though its window closes: after a kill, and while a newer revision waits") {
  ApprovalSite site("windows-begun", {{"windows", json::array({open_window("allow")})}}, false);
  site.await_applied(site.first);
  site.repo.write("app/api.yaml", stuck_deployment_yaml("api"));
  const auto later = [](const std::string& name) {
    return replaced(config_map_yaml(name, {}), "metadata:\n",
                    "metadata:\n  annotations: {gitops.volaticloud.com/wave: \"1\"}\n");
  };
  site.repo.write("app/last.yaml", later("last"));
  const std::string begun = site.repo.commit();
  site.request_poll();
  site.await_message("waits for Deployment " + site.ns + "/api");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"windows", json::array({closed_window("allow")})}}}});
  CHECK_FALSE(site.api.exists(config_map(site.ns, "last")));
  ::kill(site.op().pid(), SIGKILL);
  site.start();
  site.run_pod(site.await_pod());
  site.await_applied(begun);
  CHECK(site.api.exists(config_map(site.ns, "last")));

  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"windows", json::array({open_window("allow")})}}}});
  site.repo.write("app/other.yaml", stuck_deployment_yaml("other"));
  site.repo.write("app/more.yaml", later("more"));
  const std::string next = site.repo.commit();
  site.request_poll();
  site.await_message("waits for Deployment " + site.ns + "/other");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"windows", json::array({closed_window("allow")})}}}});
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
  site.repo.commit();
  site.request_poll();
  site.await_message("waits for the sync window");
  CHECK_FALSE(site.api.exists(config_map(site.ns, "more")));
  const auto pods = path_of("v1", "pods", site.ns);
  eventually("its pod is there", [&] { return site.api.list(pods).size() == 2; });
  for (const auto& pod : site.api.list(pods)) site.run_pod(pods + "/" + text_at(pod, "/metadata/name"));
  site.await_exists(config_map(site.ns, "more"));
  eventually("it counts as applied", [&] { return text_at(site.sync(), "/status/lastAppliedRevision").ends_with(next); });
  eventually("and as healthy", [&] { return text_at(site.sync(), "/status/lastHealthyRevision").ends_with(next); });
  CHECK(condition_reason(site.sync(), "Ready") == "WindowClosed");
  CHECK(site.color() == "blue");
}

TEST_CASE("A time zone that nobody knows is told, and what was applied stays enforced") {
  ApprovalSite site("windows-zone", json::object(), false);
  site.await_applied(site.first);
  json window = open_window("allow");
  window["timeZone"] = "Mars/Olympus";
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"windows", json::array({window})}}}});
  const json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "InvalidSpec");
  CHECK(ready_message(sync).find("spec.windows[0].timeZone: \"Mars/Olympus\" is no time zone") != std::string::npos);
  site.fence(config_map(site.ns, "settings"));
  window["timeZone"] = "Europe/Berlin";
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"windows", json::array({window})}}}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
}

namespace {

/// The admission policy as it is shipped, in force for this object's life.
class Policy {
public:
  explicit Policy(Site& site) : site_(site) {
    for (const auto& part : parts()) site_.cluster.kubectl().must({"apply", "-f", "-"}, part);
    await_in_force(true);
  }
  ~Policy() {
    for (const auto& part : parts()) site_.cluster.kubectl().run({"delete", "-f", "-"}, part);
    try {
      await_in_force(false); // the next test's Approvals name nobody
    } catch (const std::exception& problem) { UNSCOPED_INFO(problem.what()); }
  }

private:
  static std::vector<std::string> parts() {
    std::vector<std::string> out;
    std::string text = read_file(checkout() / "deployments/operator/install.yaml"), separator = "\n---\n";
    for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + separator.size()) {
      end = text.find(separator, begin);
      const auto part = text.substr(begin, end == std::string::npos ? end : end - begin);
      if (part.find("kind: ValidatingAdmissionPolicy") != std::string::npos ||
          part.find("name: gitsync-operator-approver\n") != std::string::npos)
        out.push_back(part);
    }
    return out;
  }
  void await_in_force(bool wanted) {
    json approval = approval_of("sha256:" + std::string(64, 'a'), {{"approver", "somebody-else"}});
    eventually(wanted ? "the policy is in force" : "the policy is gone", [&] {
      const auto path = path_of(approvals_api, "approvals", site_.ns) + "?dryRun=All";
      return site_.api.request("POST", path, approval).ok() != wanted;
    });
  }
  Site& site_;
};

} // namespace

TEST_CASE(
    "The shipped admission policy lets nobody approve in another's name, and the approver's role is enough to look and to "
    "consent") {
  ApprovalSite site("approval-policy");
  const std::string red = site.write_color("red");
  eventually("the plan is stored", [&] { return site.api.exists(config_map(site.ns, "gitsync-app-plan-0")); });
  const Policy policy(site);
  const auto& kubectl = site.cluster.kubectl();
  kubectl.must({"create", "rolebinding", "approvers", "-n", site.ns, "--clusterrole=gitsync-operator-approver", "--user=anna"});
  const auto create = [&](const std::string& user, const json& approver) {
    return kubectl.run({"create", "--as", user, "-n", site.ns, "-f", "-"}, approval_of(red, {{"approver", approver}}).dump());
  };
  const auto by_nobody = create("bob", "bob"); // RBAC comes first
  CHECK(by_nobody.code != 0);
  CHECK(by_nobody.err.find("User \"bob\" cannot create resource") != std::string::npos);
  for (const json& approver : {json("bob"), json(nullptr), json("")}) {
    const auto forged = create("anna", approver);
    INFO(forged.err);
    CHECK(forged.code != 0);
    CHECK(forged.err.find("spec.approver has to be anna") != std::string::npos);
  }
  CHECK(site.color() == "blue");
  CHECK(kubectl.run({"get", "--as", "anna", "-n", site.ns, "configmap", "gitsync-app-plan-0"}).code == 0);
  CHECK(kubectl.run({"get", "--as", "anna", "-n", site.ns, "secrets"}).code != 0);
  const auto true_name = create("anna", "anna");
  INFO(true_name.err);
  CHECK(true_name.code == 0);
  eventually("the plan is carried out", [&] { return site.color() == "red"; });
  site.await_event("app", "Approved", "of anna");
  // The columns tell who, and what became of it.
  const auto table = kubectl.must({"get", "approvals", "-n", site.ns});
  CHECK(table.find("anna") != std::string::npos);
  CHECK(table.find("Released") != std::string::npos);

  const std::string green = site.write_color("green");
  const auto said = site.gitsync({"approve", "app", "--plan-digest", green}); // fills the name in by itself
  INFO(said.err);
  CHECK(said.code == 0);
  eventually("the plan is carried out", [&] { return site.color() == "green"; });
}
