// One bad custom resource makes only itself not ready.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

struct GoodSite : Site {
  explicit GoodSite(const std::string& name) : Site(name) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
    begin();
  }
  /// The good one still gets revisions, corrects drift, and is ready.
  void expect_unharmed() {
    static int count = 0;
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "green-" + std::to_string(++count)}}));
    push();
    fence(config_map(ns, "settings"));
    CHECK(condition_status(sync(), "Ready") == "True");
    CHECK(condition_status(source(), "Ready") == "True");
  }
};

/// For a while the API server takes anything as spec of that kind.
class WithoutValidation {
public:
  WithoutValidation(Site& site, const std::string& plural)
      : site_(site),
        path_(path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "", plural + ".gitops.volaticloud.com")),
        original_(site.api.get(path_)) {
    json open = original_;
    open["metadata"].erase("resourceVersion");
    open["metadata"].erase("managedFields");
    open["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = {
        {"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
    put(open);
  }
  ~WithoutValidation() {
    try {
      put(original_);
    } catch (const std::exception&) {
      std::abort(); // every later test would stand on a wrong CRD
    }
  }

private:
  void put(json definition) {
    definition["metadata"].erase("resourceVersion");
    site_.api.merge(path_, {{"spec", {{"versions", definition["spec"]["versions"]}}}}, "tester");
  }
  Site& site_;
  std::string path_;
  json original_;
};

void create_when_taken(Site& site, const std::string& path, const json& object) {
  eventually("the API server takes it", [&]() -> std::string {
    auto reply = site.api.request("POST", path, object);
    return reply.ok() ? "" : reply.message();
  });
}

} // namespace

TEST_CASE("A GitSync without its source is told so, becomes right when the source comes, and harms no other") {
  GoodSite site("no-source");
  site.add_sync("orphan", {{"sourceRef", {{"name", "nowhere"}}}, {"path", "orphan"}});
  const json orphan = site.await_condition(git_sync(site.ns, "orphan"), "Ready", "False", "SourceNotFound");
  CHECK(ready_message(orphan).find("nowhere") != std::string::npos);
  site.expect_unharmed();
  site.repo.write("orphan/late.yaml", config_map_yaml("late", {}));
  site.repo.commit();
  site.add_source("nowhere");
  site.await_condition(git_sync(site.ns, "orphan"), "Ready", "True");
  CHECK(site.api.exists(config_map(site.ns, "late")));
}

TEST_CASE("A GitRepository that cannot be reached harms no other") {
  GoodSite site("unreachable");
  const std::string url = GENERATE(as<std::string>{}, "http://127.0.0.1:1/nothing.git", "https://no-such-host.invalid/x.git",
                                   "file:///no/such/repository.git", "ssh://git@127.0.0.1:1/x.git");
  INFO(url);
  site.add_source("bad", {{"url", url}});
  site.add_sync("bad", {{"sourceRef", {{"name", "bad"}}}});
  const json bad = site.await_condition(git_repository(site.ns, "bad"), "Ready", "False");
  CHECK_FALSE(ready_message(bad).empty());
  site.await_condition(git_sync(site.ns, "bad"), "Ready", "False", "SourceNotReady");
  site.expect_unharmed();
}

TEST_CASE("Custom resources that no validation has seen stall alone, also over a restart") {
  GoodSite site("invalid-spec");
  const json meta{{"name", "bad"}, {"namespace", site.ns}};
  const auto expect_stalled = [&] {
    for (const auto& path : {git_sync(site.ns, "bad"), git_sync(site.ns, "worse"), git_repository(site.ns, "bad")}) {
      INFO(path);
      const json object = site.await_condition(path, "Stalled", "True", "InvalidSpec");
      CHECK(condition_status(object, "Ready") == "False");
      CHECK(ready_message(object).find("spec.") != std::string::npos);
    }
  };
  {
    const WithoutValidation open_syncs(site, "gitsyncs");
    const WithoutValidation open_repositories(site, "gitrepositories");
    create_when_taken(
        site, git_sync(site.ns),
        {{"apiVersion", "gitops.volaticloud.com/v1alpha1"},
         {"kind", "GitSync"},
         {"metadata", meta},
         {"spec", {{"sourceRef", {{"name", "source"}}}, {"path", "../../etc"}, {"interval", "often"}, {"prune", "please"}}}});
    create_when_taken(site, git_sync(site.ns),
                      {{"apiVersion", "gitops.volaticloud.com/v1alpha1"},
                       {"kind", "GitSync"},
                       {"metadata", {{"name", "worse"}, {"namespace", site.ns}}},
                       {"spec", {{"sourceRef", {17, "x"}}}}});
    create_when_taken(site, git_repository(site.ns),
                      {{"apiVersion", "gitops.volaticloud.com/v1alpha1"},
                       {"kind", "GitRepository"},
                       {"metadata", meta},
                       {"spec", {{"url", "ext::sh -c 'touch /tmp/owned'"}, {"interval", -5}, {"ref", "main"}}}});
    expect_stalled(); // here, since the validation that comes back may refuse whatever is written to such an object
  }
  site.expect_unharmed();
  site.stop();
  site.start();
  site.expect_unharmed();
  expect_stalled();
  // They can be deleted like any other.
  for (const auto& path : {git_sync(site.ns, "bad"), git_sync(site.ns, "worse"), git_repository(site.ns, "bad")}) {
    site.api.remove(path);
    site.await_gone(path);
  }
}

TEST_CASE("A GitSync whose objects the API server keeps refusing harms no other") {
  GoodSite site("keeps-failing");
  site.repo.write("failing/bad.yaml",
                  "apiVersion: v1\nkind: Service\nmetadata:\n  name: bad\nspec:\n  ports:\n    - port: 0\n");
  site.repo.commit();
  site.add_sync("failing", {{"path", "failing"}});
  site.await_condition(git_sync(site.ns, "failing"), "Ready", "False", "ApplyFailed");
  site.expect_unharmed();
}
