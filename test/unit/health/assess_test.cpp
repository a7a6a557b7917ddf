// How well objects are: a table per kind, each row a live object as the API server gives it.
#include "health/health.h"
#include "health/kinds.h"
#include "support/catch.h"

#include <nlohmann/json.hpp>

namespace gitsync::health {
namespace {

using nlohmann::json;

struct Row {
  const char* name;
  GroupKind kind;
  const char* live;
  State state;
  const char* why;
};

const GroupKind deployment{"apps", "Deployment"}, stateful_set{"apps", "StatefulSet"}, daemon_set{"apps", "DaemonSet"},
    replica_set{"apps", "ReplicaSet"}, pod{"", "Pod"}, job{"batch", "Job"}, cron_job{"batch", "CronJob"},
    claim{"", "PersistentVolumeClaim"}, service{"", "Service"}, definition{"apiextensions.k8s.io", "CustomResourceDefinition"},
    api_service{"apiregistration.k8s.io", "APIService"}, name_space{"", "Namespace"}, custom{"example.com", "Widget"},
    config_map{"", "ConfigMap"};

void check(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    INFO(row.kind.kind << ": " << row.name);
    const auto health = assess(row.kind, json::parse(row.live));
    CHECK(std::string(state_text(health.state)) == std::string(state_text(row.state)));
    CHECK(health.why == row.why);
  }
}

} // namespace

TEST_CASE("a Deployment is healthy when all replicas of the newest template are available", "[health]") {
  const char* done = R"({"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"})";
  const auto with = [&](const std::string& spec, const std::string& status) {
    return R"({"metadata":{"generation":2},"spec":)" + spec + R"(,"status":)" + status + "}";
  };
  const std::string full = with(R"({"replicas":3,"progressDeadlineSeconds":600})",
                                std::string(R"({"observedGeneration":2,"replicas":3,"updatedReplicas":3,"readyReplicas":3,
    "availableReplicas":3,"conditions":[{"type":"Available","status":"True"},)") +
                                    done + "]}");
  const std::string one_of_three =
      with(R"({"replicas":3,"progressDeadlineSeconds":600})",
           R"({"observedGeneration":2,"replicas":3,"updatedReplicas":3,"readyReplicas":1,"availableReplicas":1})");
  const std::string rolling =
      with(R"({"replicas":3})", R"({"observedGeneration":2,"replicas":4,"updatedReplicas":1,"readyReplicas":3,
    "availableReplicas":3})");
  const std::string old_left =
      with(R"({"replicas":3})", R"({"observedGeneration":2,"replicas":5,"updatedReplicas":3,"readyReplicas":5,
    "availableReplicas":5})");
  const std::string late =
      with(R"({"replicas":3})", R"({"observedGeneration":2,"replicas":3,"updatedReplicas":3,"availableReplicas":1,
    "conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"}]})");
  const std::string quota = with(R"({"replicas":3})", R"({"observedGeneration":2,"conditions":[{"type":"ReplicaFailure",
    "status":"True","reason":"FailedCreate","message":"exceeded quota"}]})");
  check({{"all there", deployment, full.c_str(), State::Healthy, ""},
         {"one of three", deployment, one_of_three.c_str(), State::Progressing, "1/3 available"},
         {"rolling", deployment, rolling.c_str(), State::Progressing, "1/3 updated"},
         {"old replicas left", deployment, old_left.c_str(), State::Progressing, "2 old replicas still there"},
         {"deadline passed", deployment, late.c_str(), State::Degraded, "1/3 available, progress deadline exceeded"},
         {"quota", deployment, quota.c_str(), State::Progressing, "0/3 available, FailedCreate: exceeded quota"},
         {"generation lags", deployment,
          R"({"metadata":{"generation":3},"spec":{"replicas":0},"status":{"observedGeneration":2}})", State::Progressing,
          "its controller has not seen the change yet"},
         {"never seen", deployment, R"({"metadata":{"generation":1},"spec":{"replicas":1},"status":{}})", State::Progressing,
          "its controller has not seen it yet"},
         {"paused", deployment,
          R"({"metadata":{"generation":1},"spec":{"paused":true,"replicas":2},"status":{"observedGeneration":1}})",
          State::Suspended, "paused"},
         {"scaled to zero", deployment,
          R"({"metadata":{"generation":1},"spec":{"replicas":0},"status":{"observedGeneration":1}})", State::Healthy, ""},
         {"being deleted", deployment,
          R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"observedGeneration":1}})", State::Progressing,
          "being deleted"}});
}

TEST_CASE("StatefulSets, DaemonSets and ReplicaSets are counted as their controllers count", "[health]") {
  check({
      {"ready", stateful_set,
       R"({"spec":{"replicas":2},"status":{"observedGeneration":1,"replicas":2,"readyReplicas":2,"currentReplicas":2,
           "updatedReplicas":2,"currentRevision":"a","updateRevision":"a"}})",
       State::Healthy, ""},
      {"one is missing", stateful_set,
       R"({"spec":{"replicas":2},"status":{"observedGeneration":1,"replicas":1,"readyReplicas":1}})", State::Progressing,
       "1/2 replicas"},
      {"not ready", stateful_set, R"({"spec":{"replicas":2},"status":{"observedGeneration":1,"replicas":2,"readyReplicas":1}})",
       State::Progressing, "1/2 ready"},
      {"rolling", stateful_set,
       R"({"spec":{"replicas":2},"status":{"observedGeneration":1,"replicas":2,"readyReplicas":2,"currentReplicas":1,
           "updatedReplicas":1,"currentRevision":"a","updateRevision":"b"}})",
       State::Progressing, "1/2 updated"},
      {"partition reached", stateful_set,
       R"({"spec":{"replicas":3,"updateStrategy":{"rollingUpdate":{"partition":2}}},"status":{"observedGeneration":1,"replicas":3,
           "readyReplicas":3,"currentReplicas":2,"updatedReplicas":1,"currentRevision":"a","updateRevision":"b"}})",
       State::Healthy, ""},
      {"by hand", stateful_set,
       R"({"spec":{"replicas":2,"updateStrategy":{"type":"OnDelete"}},"status":{"observedGeneration":1,"replicas":0}})",
       State::Healthy, ""},
      {"scheduled and available", daemon_set,
       R"({"status":{"observedGeneration":1,"desiredNumberScheduled":2,"currentNumberScheduled":2,"updatedNumberScheduled":2,
           "numberAvailable":2,"numberReady":2}})",
       State::Healthy, ""},
      {"one not available", daemon_set,
       R"({"status":{"observedGeneration":1,"desiredNumberScheduled":2,"currentNumberScheduled":2,"updatedNumberScheduled":2,
           "numberAvailable":1,"numberReady":2}})",
       State::Progressing, "1/2 available"},
      {"no node wants it", daemon_set, R"({"status":{"observedGeneration":1,"desiredNumberScheduled":0}})", State::Healthy, ""},
      {"available", replica_set,
       R"({"spec":{"replicas":1},"status":{"observedGeneration":1,"replicas":1,"fullyLabeledReplicas":1,"availableReplicas":1,
           "readyReplicas":1}})",
       State::Healthy, ""},
      {"not available", replica_set,
       R"({"spec":{"replicas":2},"status":{"observedGeneration":1,"replicas":2,"fullyLabeledReplicas":2,"availableReplicas":1,
           "readyReplicas":2}})",
       State::Progressing, "1/2 available"},
  });
}

TEST_CASE("a Pod's trouble is told in the kubelet's words", "[health]") {
  check({
      {"running", pod, R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})", State::Healthy, ""},
      {"succeeded", pod, R"({"status":{"phase":"Succeeded"}})", State::Healthy, ""},
      {"not ready", pod, R"({"status":{"phase":"Running"}})", State::Progressing, "running, not ready"},
      {"no image", pod,
       R"({"status":{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}})",
       State::Progressing, "ImagePullBackOff"},
      {"starting", pod,
       R"({"status":{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ContainerCreating"}}}]}})",
       State::Progressing, "pending"},
      {"crashes", pod,
       R"({"status":{"phase":"Running","containerStatuses":[{"state":{"waiting":{"reason":"CrashLoopBackOff"}},
           "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]}})",
       State::Degraded, "CrashLoopBackOff: exit code 137, OOMKilled"},
      {"init container", pod,
       R"({"status":{"phase":"Pending","initContainerStatuses":[{"state":{"waiting":{"reason":"ErrImagePull"}}}],
           "containerStatuses":[{"state":{"waiting":{"reason":"PodInitializing"}}}]}})",
       State::Progressing, "ErrImagePull"},
      {"no node", pod,
       R"({"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
           "message":"0/3 nodes are available"}]}})",
       State::Progressing, "Unschedulable: 0/3 nodes are available"},
      {"evicted", pod, R"({"status":{"phase":"Failed","reason":"Evicted"}})", State::Degraded, "Evicted"},
  });
}

TEST_CASE("Jobs are awaited to their end, and other kinds by what they say of themselves", "[health]") {
  check({
      {"complete", job, R"({"status":{"conditions":[{"type":"Complete","status":"True"}]}})", State::Healthy, ""},
      {"failed", job,
       R"({"status":{"conditions":[{"type":"Failed","status":"True","reason":"BackoffLimitExceeded","message":"limit"}]}})",
       State::Degraded, "BackoffLimitExceeded: limit"},
      {"running", job, R"({"status":{"startTime":"2026-01-01T00:00:00Z","active":1,"failed":2}})", State::Progressing,
       "running: 1 active, 0 succeeded, 2 failed"},
      {"not started", job, R"({"status":{}})", State::Progressing, "not started yet"},
      {"suspended", job, R"({"status":{"conditions":[{"type":"Suspended","status":"True"}]}})", State::Suspended, "suspended"},
      {"a CronJob", cron_job, R"({"status":{}})", State::Healthy, ""},
      {"bound", claim, R"({"status":{"phase":"Bound"}})", State::Healthy, ""},
      {"pending", claim, R"({"status":{"phase":"Pending"}})", State::Progressing, "not bound yet"},
      {"lost", claim, R"({"status":{"phase":"Lost"}})", State::Degraded, "its volume is lost"},
      {"cluster IP", service, R"({"spec":{"type":"ClusterIP"}})", State::Healthy, ""},
      {"no address", service, R"({"spec":{"type":"LoadBalancer"},"status":{"loadBalancer":{}}})", State::Progressing,
       "the load balancer has no address yet"},
      {"an address", service, R"({"spec":{"type":"LoadBalancer"},"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.1"}]}}})",
       State::Healthy, ""},
      {"established", definition, R"({"status":{"conditions":[{"type":"Established","status":"True"}]}})", State::Healthy, ""},
      {"installing", definition, R"({"status":{"conditions":[{"type":"Established","status":"False","reason":"Installing"}]}})",
       State::Progressing, "not established yet"},
      {"names taken", definition,
       R"({"status":{"conditions":[{"type":"NamesAccepted","status":"False","reason":"PluralConflict","message":"taken"}]}})",
       State::Degraded, "PluralConflict: taken"},
      {"available", api_service, R"({"status":{"conditions":[{"type":"Available","status":"True"}]}})", State::Healthy, ""},
      {"no endpoints", api_service,
       R"({"status":{"conditions":[{"type":"Available","status":"False","reason":"MissingEndpoints","message":"none"}]}})",
       State::Progressing, "MissingEndpoints: none"},
      {"terminating", name_space, R"({"status":{"phase":"Terminating"}})", State::Progressing, "terminating"},
      {"without a status", config_map, R"({"data":{}})", State::Healthy, ""},
      {"ready", custom, R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})", State::Healthy, ""},
      {"not ready", custom,
       R"({"status":{"conditions":[{"type":"Ready","status":"False","reason":"Waiting","message":"for a disk"}]}})",
       State::Progressing, "Waiting: for a disk"},
      {"stalled", custom, R"({"status":{"conditions":[{"type":"Stalled","status":"True","reason":"Bad","message":"spec"}]}})",
       State::Degraded, "Bad: spec"},
      {"reconciling", custom,
       R"({"status":{"conditions":[{"type":"Reconciling","status":"True"},{"type":"Ready","status":"True"}]}})",
       State::Progressing, ""},
      {"lags", custom, R"({"metadata":{"generation":4},"status":{"observedGeneration":3}})", State::Progressing,
       "its controller has not seen the change yet"},
  });
}

TEST_CASE("odd JSON never throws and never looks ill without saying so", "[health]") {
  for (const auto& kind : {deployment, stateful_set, daemon_set, replica_set, pod, job, claim, service, definition, api_service,
                           name_space, custom, config_map})
    for (const char* text :
         {"null", "[]", "\"x\"", "{}", R"({"status":[]})", R"({"spec":3,"status":"x"})",
          R"({"status":{"conditions":{"a":1},"containerStatuses":5,"replicas":"many"}})",
          R"({"metadata":{"generation":"x"},"status":{"observedGeneration":{},"conditions":[1,null,[]]}})"}) {
      INFO(kind.kind << ' ' << text);
      const auto health = assess(kind, json::parse(text));
      CHECK((health.state == State::Healthy) == health.why.empty());
    }
}

TEST_CASE("a state's text reads back as the state, and a description begins with the object", "[health]") {
  for (const auto state : {State::Healthy, State::Suspended, State::Unknown, State::Progressing, State::Degraded})
    CHECK(parse_state(state_text(state)) == state);
  CHECK(parse_state("well") == State::Unknown);
  CHECK(describe({"apps", "Deployment", "shop", "api"}, {State::Progressing, "1/3 available"}) ==
        "Deployment shop/api: 1/3 available");
  CHECK(describe({"", "Namespace", "", "shop"}, {State::Degraded, ""}) == "Namespace shop: Degraded");
}

} // namespace gitsync::health
