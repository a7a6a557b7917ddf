// Manifests as people write them, for repositories under test.
#pragma once
#include <map>
#include <string>

namespace gitsync::test {

/// A ConfigMap without a namespace.
std::string config_map_yaml(const std::string& name, const std::map<std::string, std::string>& data);
/// A Deployment "api" with two containers, environment, ports, a volume and resources; no field `replicas`.
std::string deployment_yaml(const std::string& name = "api", const std::string& image = "registry.example/api:1.0");
/// The same, whose pods wait for a scheduler that doesn't exist: nobody runs them but the test.
std::string stuck_deployment_yaml(const std::string& name = "api", const std::string& image = "registry.example/api:1.0");
/// A Service with two ports for it.
std::string service_yaml(const std::string& name = "api");
std::string namespace_yaml(const std::string& name);
/// A namespaced kind Widget (widgets) of that group, version v1, with an open spec.
std::string widget_definition_yaml(const std::string& group);
std::string widget_yaml(const std::string& group, const std::string& name, const std::string& ns, int size);

} // namespace gitsync::test
