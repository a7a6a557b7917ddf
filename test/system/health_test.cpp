// Ready waits for health; HEALTH and the message say how well the objects are and why.
//
// Pods with a scheduler that doesn't exist are never bound to a node, so KWOK leaves them alone and the test plays the kubelet.
#include "support/catch.h"
#include "support/eventually.h"
#include "support/site.h"

using namespace gitsync::test;

namespace {

std::string health_of(Site& site) { return text_at(site.sync(), "/status/health"); }

std::string job_yaml(const std::string& name) {
  return "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: " + name +
         "\nspec:\n  backoffLimit: 0\n  template:\n    spec:\n      schedulerName: nobody\n      restartPolicy: Never\n"
         "      containers:\n        - name: main\n          image: registry.example/job:1\n";
}

} // namespace

TEST_CASE("A revision is ready when its Deployment is available, and says so") {
  Site site("health-well");
  site.repo.write("app/api.yaml", deployment_yaml());
  site.begin();
  const json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "True", "Applied");
  CHECK(health_of(site) == "Healthy");
  CHECK(text_at(sync, "/status/lastHealthyRevision") == text_at(sync, "/status/lastAppliedRevision"));
  CHECK(text_at(site.api.get(deployment(site.ns, "api")), "/status/conditions/0/type") != "");
  CHECK(site.api.get(deployment(site.ns, "api"))["status"].value("availableReplicas", 0) == 1);
}

TEST_CASE(
    "While a Deployment is not available Ready is Unknown and names it with its pods' reason; a newer commit goes ahead") {
  Site site("health-image");
  site.repo.write("app/api.yaml", stuck_deployment_yaml("api"));
  site.repo.commit();
  site.add_source();
  site.add_sync();
  site.start();
  json sync = site.await_message("Deployment " + site.ns + "/api: 0/1 available");
  CHECK(condition_status(sync, "Ready") == "Unknown");
  CHECK(condition_status(sync, "Reconciling") == "True");
  CHECK(text_at(sync, "/status/health") == "Progressing");
  CHECK(text_at(sync, "/status/lastHealthyRevision").empty());

  const std::string pod = site.await_pod();
  site.api.request("PATCH", pod + "/status",
                   {{"status",
                     {{"containerStatuses",
                       {{{"name", "main"},
                         {"image", "x"},
                         {"imageID", ""},
                         {"ready", false},
                         {"restartCount", 0},
                         {"state", {{"waiting", {{"reason", "ImagePullBackOff"}}}}}}}}}}},
                   "application/merge-patch+json");
  site.await_message("Deployment " + site.ns + "/api: 0/1 available, ImagePullBackOff");

  // Nothing waits in the way of a newer commit.
  site.repo.write("app/api.yaml", deployment_yaml());
  const std::string commit = site.push();
  CHECK(health_of(site) == "Healthy");
  CHECK(text_at(site.sync(), "/status/lastHealthyRevision") == "main@sha1:" + commit);
  site.await_event("app", "Healthy");
}

TEST_CASE("What is not healthy in time fails with the reason, and is ready again by itself when it becomes healthy") {
  Site site("health-late");
  site.repo.write("app/api.yaml", stuck_deployment_yaml("api"));
  site.repo.commit();
  site.add_source();
  site.add_sync("app", {{"health", {{"timeout", "1s"}}}});
  site.start();
  const json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "HealthCheckFailed");
  CHECK(ready_message(sync).find("Deployment " + site.ns + "/api: 0/1 available") != std::string::npos);
  CHECK(ready_message(sync).find("not healthy within 1s") != std::string::npos);
  CHECK(condition_of(sync, "Reconciling").is_null());
  site.await_event("app", "HealthCheckFailed", "api");

  site.run_pod(site.await_pod());
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True", "Applied");
  eventually("it is healthy", [&] { return health_of(site) == "Healthy"; });
}

TEST_CASE("A failed Job fails the revision at once, long before the time is over") {
  Site site("health-job");
  site.repo.write("app/job.yaml", job_yaml("migrate"));
  site.repo.commit();
  site.add_source();
  site.add_sync("app", {{"health", {{"timeout", "24h"}}}});
  site.start();
  site.await_message("Job " + site.ns + "/migrate: ");
  const std::string pod = site.await_pod();
  site.api.request("PATCH", pod + "/status", {{"status", {{"phase", "Failed"}}}}, "application/merge-patch+json");
  const json sync = site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "HealthCheckFailed");
  CHECK(ready_message(sync).find("BackoffLimitExceeded") != std::string::npos);
  CHECK(text_at(sync, "/status/health") == "Degraded");
}

TEST_CASE("With health.wait off a revision is ready as soon as it is applied, and HEALTH still tells") {
  Site site("health-off");
  site.repo.write("app/api.yaml", stuck_deployment_yaml("api"));
  site.begin({{"health", {{"wait", false}}}});
  CHECK(condition_status(site.sync(), "Ready") == "True");
  eventually("HEALTH tells", [&] { return health_of(site) == "Progressing"; });
}

TEST_CASE("A restart in the middle of the wait goes on waiting, and writes nothing where all is well") {
  Site site("health-restart");
  site.repo.write("app/api.yaml", stuck_deployment_yaml("api"));
  site.repo.commit();
  site.add_source();
  site.add_sync();
  site.start();
  site.await_message("Deployment " + site.ns + "/api: 0/1 available");
  site.stop();
  site.start();
  site.run_pod(site.await_pod());
  site.await_condition(git_sync(site.ns, "app"), "Ready", "True", "Applied");
}

TEST_CASE("A workload that falls ill later shows in HEALTH at once, and in Ready only when its time is over") {
  Site site("health-later");
  site.repo.write("app/api.yaml", deployment_yaml());
  site.begin();
  eventually("it is healthy", [&] { return health_of(site) == "Healthy"; });
  // Nobody declares spec.replicas, so an autoscaler may change it; its new pods cannot run.
  site.api.request("POST", path_of("v1", "resourcequotas", site.ns),
                   {{"apiVersion", "v1"},
                    {"kind", "ResourceQuota"},
                    {"metadata", {{"name", "full"}}},
                    {"spec", {{"hard", {{"pods", "1"}}}}}});
  site.api.merge(deployment(site.ns, "api"), {{"spec", {{"replicas", 3}}}}, "autoscaler");
  eventually("HEALTH tells", [&] { return health_of(site) == "Progressing"; });
  CHECK(condition_status(site.sync(), "Ready") == "True");
  site.api.merge(git_sync(site.ns, "app"), {{"spec", {{"health", {{"timeout", "1s"}}}}}});
  site.await_condition(git_sync(site.ns, "app"), "Ready", "False", "HealthCheckFailed");
}
