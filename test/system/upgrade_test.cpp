// An earlier version's operator, definitions and stored state, then this one's, then the earlier one again. Hidden, since it
// needs an earlier version that was built: `make upgrade PREVIOUS=<commit>` brings it and runs this.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

#include <cstdlib>

using namespace gitsync::test;

namespace {

std::filesystem::path previous() {
  const char* path = std::getenv("GITSYNC_PREVIOUS");
  REQUIRE(path != nullptr); // an earlier checkout with build/dev
  return path;
}

void install(Cluster& cluster, const std::filesystem::path& from) {
  cluster.kubectl().must({"apply", "--server-side", "--force-conflicts", "-f", from / "crds"});
  cluster.kubectl().must({"wait", "--for=condition=Established", "--timeout=60s", "-f", from / "crds"});
}

} // namespace

TEST_CASE("An upgrade and a downgrade by one version write nothing, forget nothing, and go on defending", "[.previous]") {
  Site site("upgrade");
  install(site.cluster, previous());
  site.binary = previous() / "build/dev/gitsync";
  for (int i = 0; i < 40; ++i)
    site.repo.write("app/c" + std::to_string(i) + ".yaml", config_map_yaml("c" + std::to_string(i), {{"color", "blue"}}));
  site.repo.write("app/api.yaml", deployment_yaml() + "---\n" + service_yaml());
  site.repo.write("app/fence.yaml", config_map_yaml("fence", {}));
  site.repo.write("two/one.yaml", config_map_yaml("one", {{"color", "blue"}}));
  site.begin({{"health", {{"wait", false}}}, {"drift", {{"ignore", json::array({{{"paths", {"/spec/replicas"}}}})}}}});
  site.add_sync("two", {{"path", "two"}, {"paths", {"app/c1*.yaml"}}, {"health", {{"wait", false}}}});
  site.await_applied(site.repo.git({"rev-parse", "HEAD"}), "two");
  const std::string uid = text_at(site.api.get(config_map(site.ns, "c7")), "/metadata/uid");
  const auto change_to = [&](const std::filesystem::path& binary, const std::string& color) {
    INFO(binary.string());
    site.stop();
    site.repo.go_away(); // what was stored has to do
    const auto mark = site.audit.mark();
    site.api.merge(config_map(site.ns, "c3"), {{"data", {{"color", "red"}}}});
    site.binary = binary;
    site.start();
    eventually("what drifted meanwhile is corrected", [&] {
      return text_at(site.api.get(config_map(site.ns, "c3")), "/data/color") ==
             text_at(site.api.get(config_map(site.ns, "c7")), "/data/color");
    });
    site.fence(config_map(site.ns, "fence"));
    auto writes = to_managed_objects(site.audit.writes(site.op().user(), mark));
    std::erase_if(writes, [](const AuditedWrite& write) { return write.name == "fence" || write.name == "c3"; });
    INFO(to_text(writes));
    CHECK(writes.empty());
    site.repo.come_back();
    // And a revision goes through: changed, added, removed.
    site.repo.write("app/c7.yaml", config_map_yaml("c7", {{"color", color}}));
    site.repo.write("app/new-" + color + ".yaml", config_map_yaml("new-" + color, {}));
    site.push();
    CHECK(text_at(site.api.get(config_map(site.ns, "c7")), "/metadata/uid") == uid);
    CHECK(text_at(site.api.get(config_map(site.ns, "c7")), "/data/color") == color);
    site.repo.write("app/c3.yaml", config_map_yaml("c3", {{"color", color}}));
    site.repo.remove("app/new-" + color + ".yaml");
    site.push();
    site.await_gone(config_map(site.ns, "new-" + color));
    site.await_condition(git_sync(site.ns, "two"), "Ready", "True");
  };
  const auto earlier = site.binary;
  install(site.cluster, checkout());
  change_to(operator_binary(), "green");
  change_to(earlier, "yellow"); // the definitions stay: they may hold what only the new version knows
  change_to(operator_binary(), "white");
}
