// spec.images: CI builds and pushes, the rollout waits for the registry; against a real one.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/registry.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

/// A repository with code and a Deployment of what is built from it, a registry, and credentials for it.
struct ImageSite : Site {
  explicit ImageSite(const std::string& name, Registry::Options options = {})
      : Site(name), registry(directory.path() / "registry", options), image(registry.image("team/shop")) {
    if (!options.tls) flags = registry.flags();
    repo.write("app/api.yaml", deployment_yaml("api", image + ":latest"));
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
    repo.write("internal/main.go", "package main\n");
    repo.write("README.md", "first\n");
    put_secret(registry.docker_config());
  }
  /// The Secret "pull" has these contents now.
  void put_secret(const std::string& config, const std::string& ca = {}) {
    json data = {{".dockerconfigjson", base64_encode(config)}};
    if (!ca.empty()) data["ca.crt"] = base64_encode(ca);
    const std::string path = "/api/v1/namespaces/" + ns + "/secrets";
    if (api.exists(path + "/pull"))
      api.merge(path + "/pull", {{"data", data}});
    else
      api.create(path, {{"metadata", {{"name", "pull"}}}, {"type", "kubernetes.io/dockerconfigjson"}, {"data", data}});
  }
  json spec(const json& more = json::object()) {
    json one = {{"name", image}, {"paths", {"internal/**"}}, {"secretRef", {{"name", "pull"}}}};
    one.merge_patch(more);
    return {{"images", json::array({one})}};
  }
  /// Commits, makes source and sync, starts the operator. Returns the commit.
  std::string start_with(const json& sync_spec) {
    const std::string commit = repo.commit("the first");
    add_source();
    add_sync("app", sync_spec);
    start();
    return commit;
  }
  static std::string tag_of(const std::string& commit) { return "sha-" + commit.substr(0, 7); }
  std::string waits_for(const std::string& commit) const {
    return "waits for image " + image + ":" + tag_of(commit) + ", built from " + commit.substr(0, 7);
  }
  /// CI has built that commit.
  void build(const std::string& commit) {
    registry.push("team/shop", tag_of(commit));
    request(git_sync(ns, "app")); // look at once: the test need not wait for the next pause to end
  }
  /// A commit that needs a new image, and the registry is known to lack it.
  std::string push_code(const std::string& content) {
    repo.write("internal/main.go", content);
    const std::string commit = repo.commit();
    request_poll();
    await_message(waits_for(commit));
    return commit;
  }
  std::string running() { return text_at(api.get(deployment(ns, "api")), "/spec/template/spec/containers/0/image"); }
  std::string color() { return text_at(api.get(config_map(ns, "settings")), "/data/color"); }
  double looks() { return op().metric("gitsync_image_look_total"); }
  /// Nothing that anybody can read holds this text.
  void check_hidden(const std::string& secret) {
    CHECK(log().find(secret) == std::string::npos);
    CHECK(sync().dump().find(secret) == std::string::npos);
    CHECK(op().get("/metrics").body.find(secret) == std::string::npos);
    for (const auto& event : events_about("app")) CHECK(event.find(secret) == std::string::npos);
  }

  Registry registry;
  const std::string image;
};

} // namespace

TEST_CASE("A rollout waits until the registry has the image that its commit built, and nobody writes the tag back") {
  ImageSite site("images");
  const std::string first = site.start_with(site.spec());
  json waiting = site.await_message(site.waits_for(first));
  CHECK(condition_status(waiting, "Ready") == "Unknown");
  CHECK(condition_reason(waiting, "Ready") == "WaitingForImage");
  CHECK(text_at(waiting, "/status/lastAttemptedRevision") == "main@sha1:" + first);
  CHECK_FALSE(site.api.exists(deployment(site.ns, "api")));
  CHECK_FALSE(site.api.exists(config_map(site.ns, "settings"))); // the revision waits whole
  CHECK(site.op().metric("gitsync_waiting_images", {"name=\"app\""}) == 1);
  site.await_event("app", "WaitingForImage", site.waits_for(first));
  site.build(first);
  site.await_applied(first);
  CHECK(site.running() == site.image + ":" + site.tag_of(first));
  CHECK(site.op().metric("gitsync_waiting_images", {"name=\"app\""}) == 0);

  // Somebody sets another image: that is drift.
  site.api.patch(
      deployment(site.ns, "api"),
      json::array({{{"op", "replace"}, {"path", "/spec/template/spec/containers/0/image"}, {"value", site.image + ":evil"}}}));
  eventually("it is corrected", [&] { return site.running() == site.image + ":" + site.tag_of(first); });

  // Commits that do not touch the image's paths need no registry.
  site.registry.stop();
  const double looks = site.looks();
  site.repo.write("README.md", "second\n");
  site.repo.commit();
  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
  site.push();
  CHECK(site.color() == "red");
  site.repo.write("app/api.yaml", deployment_yaml("api", site.image)); // the same Deployment, read again
  site.push();
  CHECK(site.looks() == looks);
  CHECK(site.running() == site.image + ":" + site.tag_of(first));

  // Neither does a restart.
  site.stop();
  site.start();
  site.fence(config_map(site.ns, "settings"));
  site.request(git_sync(site.ns, "app"));
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True");
  CHECK(site.looks() == 0);
}

TEST_CASE("While an image is awaited the revision before it stays enforced, and a newer commit overtakes") {
  ImageSite site("images-wait");
  const std::string first = site.start_with(site.spec());
  site.build(first);
  site.await_applied(first);

  site.repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "red"}}));
  const std::string second = site.push_code("second\n");
  CHECK(ready_message(site.sync()).find("main@" + first.substr(0, 7) + " stays enforced") != std::string::npos);
  site.api.merge(config_map(site.ns, "settings"), {{"data", {{"color", "green"}}}});
  eventually("drift is corrected to what is enforced", [&] { return site.color() == "blue"; });
  site.api.remove(deployment(site.ns, "api"));
  eventually("a deleted object is back", [&] {
    return site.api.exists(deployment(site.ns, "api")) && site.running() == site.image + ":" + site.tag_of(first);
  });

  const std::string third = site.push_code("third\n");
  CHECK(ready_message(site.sync()).find(second.substr(0, 7)) == std::string::npos);
  site.build(third); // second's image never comes
  site.await_applied(third);
  CHECK(site.running() == site.image + ":" + site.tag_of(third));
  CHECK(site.color() == "red");

  // A commit that takes the change back is a change of these paths, too: it has an image of its own.
  site.repo.git({"revert", "--no-edit", "HEAD"});
  const std::string reverted = site.repo.commit("nothing more");
  const std::string revert = site.repo.git({"rev-parse", "HEAD^"});
  site.request_poll();
  site.await_message(site.waits_for(revert));
  site.build(revert);
  site.await_applied(reverted);
  CHECK(site.running() == site.image + ":" + site.tag_of(revert));
}

TEST_CASE("Suspending, editing and deleting a GitSync end its wait for an image") {
  ImageSite site("images-suspend");
  const std::string first = site.start_with(site.spec());
  site.await_message(site.waits_for(first));
  const auto edit = [&](const json& spec) { site.api.merge(git_sync(site.ns, "app"), {{"spec", spec}}); };
  edit({{"suspend", true}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "Suspended");
  CHECK(site.op().metric("gitsync_waiting_images", {"name=\"app\""}) == 0);
  site.registry.push("team/shop", site.tag_of(first));
  edit({{"suspend", false}});
  site.await_applied(first);

  const std::string second = site.push_code("second\n");
  edit({{"images", nullptr}}); // then the manifests' own tag counts
  site.await_applied(second);
  CHECK(site.running() == site.image + ":latest");

  edit(site.spec());
  site.await_message(site.waits_for(second));
  site.api.remove(git_sync(site.ns, "app"));
  site.await_gone(git_sync(site.ns, "app"));
  CHECK_FALSE(site.api.exists(deployment(site.ns, "api")));
}

TEST_CASE("Refused credentials are told with the registry and what to do, shown nowhere, and read again") {
  ImageSite site("images-secret");
  site.put_secret(site.registry.docker_config("canary-password"));
  const std::string first = site.start_with(site.spec());
  json refused = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "RegistryFailed");
  CHECK(ready_message(refused).find("GS702 image " + site.image + ":" + site.tag_of(first) + ": " + site.registry.host() +
                                    " refuses the credentials (401)") == 0);
  CHECK(condition_status(refused, "Reconciling") == "True");
  site.await_event("app", "ImageNotFound", "refuses the credentials");
  site.check_hidden("canary-password");
  site.check_hidden(base64_encode("robot:canary-password"));

  site.put_secret("{\"auths\":{}}");
  site.request(git_sync(site.ns, "app"));
  site.await_message("wants credentials (401)");
  site.put_secret("{\"auths\": \"canary-config\"}");
  site.request(git_sync(site.ns, "app"));
  site.await_message("Secret " + site.ns + "/pull: its .dockerconfigjson is not JSON");
  site.check_hidden("canary-config");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", site.spec({{"secretRef", {{"name", "none"}}}})}});
  site.await_message("GS702 image " + site.image + ":" + site.tag_of(first) + ": spec.images[].secretRef");

  site.put_secret(site.registry.docker_config());
  site.api.merge(git_sync(site.ns, "app"), {{"spec", site.spec()}});
  site.await_message(site.waits_for(first));
  site.build(first);
  site.await_applied(first);
  site.check_hidden("password-of-the-registry");
}

TEST_CASE("An image that is missing for longer than its timeout is a failure, and is looked for on and on") {
  ImageSite site("images-timeout");
  const std::string first = site.start_with(site.spec({{"timeout", "1s"}}));
  const json late = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "ImageNotFound");
  CHECK(ready_message(late) == "GS703 image " + site.image + ":" + site.tag_of(first) + ", built from " + first.substr(0, 7) +
                                   ", is not in the registry after 1s");
  site.registry.push("team/shop", site.tag_of(first));
  site.await_applied(first); // by its own next look
}

TEST_CASE("A registry with tokens, and code in a repository of its own") {
  ImageSite site("images-token", {.auth = "token"});
  GitRepo code(site.directory.path(), "code");
  const std::string built = code.write("main.go", "1\n").commit();
  site.add_source("code", {{"url", code.url()}});
  const std::string first =
      site.start_with(site.spec({{"sourceRef", {{"name", "code"}}}, {"paths", nullptr}, {"tag", "{sha}"}}));
  site.await_message("waits for image " + site.image + ":" + built);
  site.registry.push("team/shop", built);
  site.request(git_sync(site.ns, "app"));
  site.await_applied(first);
  CHECK(site.running() == site.image + ":" + built);

  const std::string newer = code.write("main.go", "2\n").commit();
  site.registry.push("team/shop", newer);
  site.request_poll("code");
  eventually("the code's commit alone rolls out", [&] { return site.running() == site.image + ":" + newer; });
  site.check_hidden("password-of-the-registry");
}

TEST_CASE("A registry with a certificate of one's own is trusted by the CA in the pull secret, and else is not") {
  ImageSite site("images-tls", {.tls = true});
  const std::string first = site.start_with(site.spec());
  site.await_message(site.registry.host() + " cannot be reached: SSL certificate problem");
  CHECK(condition_status(site.sync(), "Ready") == "Unknown");
  site.put_secret(site.registry.docker_config(), site.registry.authority());
  site.request(git_sync(site.ns, "app"));
  eventually("the registry is understood", [&] { return ready_message(site.sync()).find("SSL") == std::string::npos; });
  site.build(first);
  site.await_applied(first);
}

TEST_CASE("A registry is asked over http only where the operator was told so") {
  ImageSite site("images-plain");
  site.flags.clear();
  site.start_with(site.spec());
  site.await_message(site.registry.host() + " cannot be reached");
}

TEST_CASE("An image that stands in no manifest is told and holds nothing up") {
  ImageSite site("images-unused");
  const std::string first = site.start_with(site.spec({{"name", site.registry.image("team/other")}}));
  site.await_applied(first);
  site.await_event("app", "ImageUnused", "team/other stands in no manifest");
  CHECK(site.running() == site.image + ":latest");
  CHECK(site.looks() == 0);
}

TEST_CASE("A bad image rolls back without a registry") {
  ImageSite site("images-rollback");
  json spec = site.spec();
  spec["rollback"] = {{"enabled", true}};
  spec["health"] = {{"timeout", "2s"}};
  const std::string first = site.start_with(spec);
  site.build(first);
  site.await_applied(first);
  eventually("it is healthy", [&] { return text_at(site.sync(), "/status/lastHealthyRevision") == "main@sha1:" + first; });
  site.repo.write("app/api.yaml", stuck_deployment_yaml("api", site.image));
  const std::string bad = site.push_code("bad\n");
  site.build(bad);
  eventually("it is rolled out", [&] { return site.running() == site.image + ":" + site.tag_of(bad); });
  site.registry.stop();
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "RolledBack");
  eventually("the image before it is back", [&] { return site.running() == site.image + ":" + site.tag_of(first); });
}
