// Only what known people have signed is applied; what was verified before stays and is defended.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/signing.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

struct SignedSite : Site {
  /// anna and bob may sign, mallory may not; one ConfigMap, signed by anna.
  explicit SignedSite(const std::string& name, const json& verify = json::object(), const json& sync_spec = json::object())
      : Site(name), people(directory.path(), repo) {
    anna = people.make_ssh("anna");
    bob = people.make_ssh("bob");
    people.make_ssh("mallory");
    set_signers(anna + bob);
    json all = {{"secretRef", {{"name", "signers"}}}};
    all.merge_patch(verify);
    color("blue");
    first = people.commit("anna", "the first");
    add_source("source", {{"verify", all}});
    add_sync("app", sync_spec);
  }
  void set_signers(const std::string& allowed, const json& more = json::object()) {
    json data = {{"allowed_signers", allowed}};
    data.merge_patch(more);
    const json object = {{"metadata", {{"name", "signers"}}}, {"stringData", data}};
    if (api.exists(secret(ns, "signers")))
      api.merge(secret(ns, "signers"), {{"stringData", data}});
    else
      api.create(path_of("v1", "secrets", ns), object);
  }
  SignedSite& color(const std::string& value) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", value}}));
    return *this;
  }
  std::string applied_color() {
    const auto found = api.find(config_map(ns, "settings"));
    return found ? text_at(*found, "/data/color") : "none";
  }
  std::string verified_message() { return condition_of(source(), "Verified").value("message", ""); }
  /// Polls, and waits until the revision was refused with that part in the message.
  void await_refusal(const std::string& part) {
    request_poll();
    eventually("it is refused with " + part, [&]() -> std::string {
      const json object = source();
      const bool refused = condition_status(object, "Verified") == "False" && condition_status(object, "Ready") == "False" &&
                           condition_reason(object, "Ready") == "NotVerified" &&
                           condition_of(object, "Verified").value("message", "").find(part) != std::string::npos;
      return refused ? "" : object.value("status", json()).dump();
    });
  }
  void await_used(const std::string& commit) {
    request_poll();
    await_applied(commit);
    await_condition(git_repository(ns, "source"), "Verified", "True");
  }
  Signing people;
  std::string anna, bob, first;
};

} // namespace

TEST_CASE("A commit that nobody known has signed is never applied and the last verified one is defended") {
  SignedSite site("verify-head");
  site.start();
  site.await_used(site.first);
  CHECK(site.verified_message() == "commit " + site.first.substr(0, 7) + ": good SSH signature of anna@example.com, key " +
                                       site.people.fingerprint("anna"));

  site.color("red");
  const std::string unsigned_one = site.repo.commit("nobody's");
  site.await_refusal("commit " + unsigned_one.substr(0, 7) + ": it is not signed");
  CHECK(site.verified_message().find("main@" + site.first.substr(0, 7) + " stays in use") != std::string::npos);
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.applied_color() == "blue");
  CHECK(text_at(site.source(), "/status/revision").ends_with(site.first));

  site.people.commit("mallory", "a stranger's");
  site.await_refusal("the SSH key " + site.people.fingerprint("mallory") + ", which is none of allowed_signers");
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.applied_color() == "blue");

  const auto good = site.people.commit("bob", "on top of them");
  site.await_used(good);
  CHECK(site.applied_color() == "red");
  CHECK(site.verified_message().find("of bob@example.com") != std::string::npos);
}

TEST_CASE("A key that is taken away vouches for nothing any more and a restart then applies nothing new") {
  SignedSite site("verify-keys");
  const std::string key = site.people.make_openpgp("carla");
  site.set_signers(site.anna, {{"carla.asc", key}});
  site.start();
  site.await_used(site.first);
  site.color("red");
  const auto second = site.people.commit_openpgp("carla");
  site.await_used(second);
  CHECK(site.verified_message().find("good OpenPGP signature of carla <carla@example.com>, key " +
                                     site.people.openpgp_fingerprint("carla")) != std::string::npos);

  site.api.merge(secret(site.ns, "signers"), {{"data", {{"carla.asc", nullptr}}}});
  site.await_refusal("which is none of the Secret's");
  site.stop();
  site.start();
  site.await_refusal("which is none of the Secret's");
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.applied_color() == "red"); // what was applied is enforced, from the inventory

  site.set_signers("nonsense");
  site.await_refusal("Secret signers: allowed_signers:1: after the principals there is no key");
  site.api.remove(secret(site.ns, "signers"));
  site.await_refusal("there is no Secret signers");
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.applied_color() == "red");
}

TEST_CASE("With EveryCommit one unsigned commit in between keeps all that follow from being applied also after a restart") {
  SignedSite site("verify-every", {{"mode", "EveryCommit"}});
  site.start();
  site.await_used(site.first);
  site.color("red");
  const auto hidden = site.repo.commit("nobody's");
  site.repo.write("elsewhere.txt", "x");
  site.people.commit("anna", "on top");
  site.await_refusal("commit " + hidden.substr(0, 7) + ": it is not signed");
  site.stop();
  site.start(false, "other-mirrors"); // neither memory nor mirror: what was verified last stands in status
  site.await_refusal("commit " + hidden.substr(0, 7) + ": it is not signed");
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.applied_color() == "blue");

  site.repo.git({"reset", "--quiet", "--hard", site.first});
  site.color("green");
  site.people.commit("bob");
  site.repo.write("elsewhere.txt", "y");
  const auto good = site.people.commit("anna");
  site.await_used(good);
  CHECK(site.applied_color() == "green");
  CHECK(site.verified_message().find("and the 1 commits since") != std::string::npos);
}

TEST_CASE("With Tag only a tag that is signed under its own name counts") {
  SignedSite site("verify-tag");
  site.repo.git({"commit", "--quiet", "--allow-empty", "-m", "an unsigned commit"});
  site.people.tag("anna", "v1");
  site.api.merge(git_repository(site.ns, "source"),
                 {{"spec", {{"ref", {{"branch", nullptr}, {"tag", "v1"}}}, {"verify", {{"mode", "Tag"}}}}}});
  const auto first = site.repo.git({"rev-parse", "HEAD"});
  site.start();
  site.await_used(first);
  CHECK(site.verified_message().find("tag ") == 0);

  site.color("red");
  site.people.commit("anna", "signed itself");
  site.repo.git({"tag", "-f", "v1"});
  site.repo.git({"push", "--quiet", "--force", "origin", "refs/tags/v1"});
  site.await_refusal("tag v1 is not annotated");
  site.people.tag("anna", "v2"); // good as itself, and then passed off as another one
  site.repo.git({"push", "--quiet", "--force", "origin", "refs/tags/v2:refs/tags/v1"});
  site.await_refusal("it is signed as the tag v2, not as v1");
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.applied_color() == "blue");
  site.people.tag("bob", "v1");
  site.await_used(site.repo.git({"rev-parse", "HEAD"}));
  CHECK(site.applied_color() == "red");
}

TEST_CASE("Who is not on the list of authors is refused though the signature is good") {
  SignedSite site("verify-authors", {{"authors", {"*@example.com"}}, {"committers", {"tester@example.com"}}});
  site.start();
  site.await_used(site.first);
  site.color("red").repo.git({"add", "--all"});
  site.repo.git({"-c", "gpg.format=ssh", "-c", "user.signingKey=" + (site.directory.path() / "anna").string(), "commit",
                 "--quiet", "-S", "--author", "M <m@elsewhere.org>", "-m", "by another"});
  site.repo.git({"push", "--quiet", "origin", "HEAD:refs/heads/main"});
  site.await_refusal("its author m@elsewhere.org is none of spec.verify.authors");
  CHECK(site.applied_color() == "blue");
}

TEST_CASE("A history that goes backwards waits for an Approval where that is asked") {
  SignedSite site("verify-history", {{"history", "ForwardOnly"}});
  site.start();
  site.await_used(site.first);
  const auto second = site.color("red").people.commit("anna");
  site.await_used(second);

  site.repo.git({"reset", "--quiet", "--hard", site.first});
  site.repo.git({"push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"});
  site.request_poll();
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "HistoryRewound");
  site.await_message("main@" + site.first.substr(0, 7) + " does not descend from " + second.substr(0, 7));
  site.fence(config_map(site.ns, "settings"));
  CHECK(site.applied_color() == "red");
  // Something else on the old commit is no step forward either.
  const auto other = site.color("green").people.commit("anna");
  site.request_poll();
  site.await_message("main@" + other.substr(0, 7) + " does not descend from " + second.substr(0, 7));
  CHECK(site.applied_color() == "red");
  site.consent();
  eventually("it is applied after consent", [&] { return site.applied_color() == "green"; });
  // From here it goes forward again, and nobody is asked.
  const auto next = site.color("blue").people.commit("anna");
  site.await_used(next);
  CHECK(site.applied_color() == "blue");
}
