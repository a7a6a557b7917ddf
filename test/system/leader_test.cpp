// Two operators, one of which works.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

#include <csignal>

using namespace gitsync::test;

namespace {

json lease(Site& site) {
  const json leases = site.api.list(path_of("coordination.k8s.io/v1", "leases", site.ns));
  return leases.empty() ? json() : leases[0];
}
std::string holder(Site& site) { return text_at(lease(site), "/spec/holderIdentity"); }

struct LeaderSite : Site {
  explicit LeaderSite(const std::string& name) : Site(name) {
    repo.write("app/settings.yaml", config_map_yaml("settings", {{"color", "blue"}}));
    const std::string commit = repo.commit();
    add_source();
    add_sync();
    start(true);
    await_applied(commit);
    second = another();
  }
  void drift() { api.merge(config_map(ns, "settings"), {{"data", {{"color", "red"}}}}); }
  bool corrected() { return api.get(config_map(ns, "settings"))["data"]["color"] == "blue"; }
  std::unique_ptr<OperatorProcess> second;
};

} // namespace

TEST_CASE("Of two operators one works; killed, the other takes over", "[slow]") {
  LeaderSite site("leader-kill");
  CHECK(site.op().metric("gitsync_leader") == 1);
  CHECK(site.second->metric("gitsync_leader") == 0);
  CHECK(site.second->get("/healthz").status == 200);
  const auto mark = site.audit.mark();
  site.drift();
  eventually("the leader corrects", [&] { return site.corrected(); });
  CHECK(but_leases(site.audit.writes(site.second->user(), mark)).empty());

  const std::string before = holder(site);
  site.op().kill();
  site.drift();
  eventually("the other corrects", [&] { return site.corrected(); }, std::chrono::seconds(60) + patience());
  CHECK(holder(site) != before);
  CHECK(site.second->metric("gitsync_leader") == 1);
  CHECK_FALSE(to_managed_objects(site.audit.writes(site.second->user(), mark)).empty());
  CHECK(site.second->terminate() == 0);
}

TEST_CASE("On SIGTERM the Lease is released, the exit code is 0, and the other takes over at once") {
  LeaderSite site("leader-term");
  const std::string before = holder(site);
  CHECK_FALSE(before.empty());
  CHECK(site.op().terminate() == 0);
  // Nobody waits for the Lease to expire: it is another's, or nobody's, by the time the process has ended.
  CHECK(holder(site) != before);
  site.drift();
  eventually("the other corrects", [&] { return site.corrected(); });
  CHECK(site.second->metric("gitsync_leader") == 1);
  CHECK(site.second->terminate() == 0);
  CHECK(holder(site).empty());
}

TEST_CASE("An operator that lost its Lease writes nothing more") {
  LeaderSite site("leader-lost");
  const std::string path = path_of("coordination.k8s.io/v1", "leases", site.ns, text_at(lease(site), "/metadata/name"));
  site.second->kill();
  site.api.merge(path, {{"spec", {{"holderIdentity", "somebody-else"}, {"leaseDurationSeconds", 3600}}}});
  eventually(
      "the operator has noticed: it waits, or ends",
      [&] { return !site.op().running() || site.op().get("/metrics").body.find("\ngitsync_leader 0") != std::string::npos; },
      std::chrono::seconds(30) + patience());
  const auto mark = site.audit.mark();
  site.drift();
  site.audit.mark();
  CHECK(but_leases(site.audit.writes(site.op().user(), mark)).empty());
  CHECK_FALSE(site.corrected());
  CHECK(holder(site) == "somebody-else");
  site.op().kill();
}
