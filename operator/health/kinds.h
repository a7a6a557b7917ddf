// The rules of the built-in kinds, one file each. All are given objects that are not being deleted and whose status is of the
// present generation. Pure.
#pragma once
#include "health/health.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace gitsync::health {

Health of_deployment(const nlohmann::json& live);
Health of_stateful_set(const nlohmann::json& live);
Health of_daemon_set(const nlohmann::json& live);
Health of_replica_set(const nlohmann::json& live);
Health of_pod(const nlohmann::json& live);
Health of_job(const nlohmann::json& live);
Health of_volume_claim(const nlohmann::json& live);
Health of_service(const nlohmann::json& live);
Health of_definition(const nlohmann::json& live);  // CustomResourceDefinition
Health of_api_service(const nlohmann::json& live); // APIService
Health of_namespace(const nlohmann::json& live);
/// Every kind without rules of its own: by the conditions Stalled, Reconciling and Ready, where it has them.
Health of_conditions(const nlohmann::json& live);

/// The label selector of a workload's pods as a list request takes it, "app=api,tier in (a,b)"; empty where it has none that
/// selects anything.
std::string pod_selector(const nlohmann::json& workload);

/// Why a pod's containers don't run: "ImagePullBackOff", "CrashLoopBackOff: exit code 1", "Unschedulable: 0/3 nodes …"; empty
/// where nothing is wrong with them.
std::string pod_trouble(const nlohmann::json& pod);

} // namespace gitsync::health
