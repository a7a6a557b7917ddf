// Two GitSyncs and one object.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

struct TwoSyncs : Site {
  explicit TwoSyncs(const std::string& name) : Site(name) {
    repo.write("app/shared.yaml", config_map_yaml("shared", {{"whose", "first"}}));
    repo.write("app/fence.yaml", config_map_yaml("fence", {}));
    repo.write("second/shared.yaml", config_map_yaml("shared", {{"whose", "second"}}));
    repo.write("second/own.yaml", config_map_yaml("own", {}));
    begin();
    add_sync("second", {{"path", "second"}});
  }
  std::string whose() { return text_at(api.get(config_map(ns, "shared")), "/data/whose"); }
};

} // namespace

TEST_CASE("A second GitSync that declares the same object is refused loudly; the first owner keeps it, without flip-flop") {
  TwoSyncs site("same-object");
  const json refused = site.await_condition(git_sync(site.ns, "second"), "Ready", "False");
  CHECK(ready_message(refused).find("GS215") != std::string::npos);
  CHECK(ready_message(refused).find("shared") != std::string::npos);
  CHECK(ready_message(refused).find(site.ns + "/app") != std::string::npos);
  const json shared = site.api.get(config_map(site.ns, "shared"));
  const auto mark = site.audit.mark();
  for (int i = 0; i < 3; ++i) {
    site.request(git_sync(site.ns, "second"));
    site.fence(config_map(site.ns, "fence"));
  }
  CHECK(site.api.get(config_map(site.ns, "shared")) == shared);
  CHECK_FALSE(site.api.exists(config_map(site.ns, "own"))); // a revision is atomic up to the plan
  for (const auto& write : to_managed_objects(site.audit.writes(site.op().user(), mark))) CHECK(write.name == "fence");
  CHECK(condition_status(site.sync("app"), "Ready") == "True");
}

TEST_CASE("The first owner keeps the object over a restart") {
  TwoSyncs site("same-object-restart");
  site.await_condition(git_sync(site.ns, "second"), "Ready", "False");
  const json shared = site.api.get(config_map(site.ns, "shared"));
  site.stop();
  site.start(false, "mirrors-new");
  site.fence(config_map(site.ns, "fence"));
  site.request(git_sync(site.ns, "second"));
  site.fence(config_map(site.ns, "fence"));
  CHECK(site.api.get(config_map(site.ns, "shared")) == shared);
  CHECK(condition_status(site.sync("second"), "Ready") == "False");
}

TEST_CASE("When the first gives the object up, the second gets it") {
  TwoSyncs site("hand-over");
  site.await_condition(git_sync(site.ns, "second"), "Ready", "False");
  site.repo.remove("app/shared.yaml");
  site.push("app");
  site.request(git_sync(site.ns, "second"));
  site.await_condition(git_sync(site.ns, "second"), "Ready", "True");
  site.await_exists(config_map(site.ns, "shared"));
  CHECK(site.whose() == "second");
  CHECK(text_at(site.api.get(config_map(site.ns, "shared")), "/metadata/annotations/gitops.volaticloud.com~1sync-name") ==
        site.ns + "/second");
  site.fence(config_map(site.ns, "fence"));
  CHECK(site.whose() == "second");
}

TEST_CASE("A GitSync is not taken in by another's label on an object that it does not know") {
  Site site("foreign-label");
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.begin();
  const json fence = site.api.get(config_map(site.ns, "fence"));
  site.api.create(
      path_of("v1", "configmaps", site.ns),
      {{"metadata",
        {{"name", "copy"}, {"labels", fence["metadata"]["labels"]}, {"annotations", fence["metadata"]["annotations"]}}}});
  site.fence(config_map(site.ns, "fence"));
  site.repo.write("app/more.yaml", config_map_yaml("more", {}));
  site.push();
  site.fence(config_map(site.ns, "fence"));
  CHECK(site.api.exists(config_map(site.ns, "copy"))); // never applied by us, hence never pruned by us
  CHECK(site.sync()["status"]["objects"] == 2);
}
