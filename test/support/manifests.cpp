#include "support/manifests.h"

#include "support/text.h"

#include <string_view>

namespace gitsync::test {

std::string config_map_yaml(const std::string& name, const std::map<std::string, std::string>& data) {
  std::string text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n";
  if (!data.empty()) text += "data:\n";
  for (const auto& [key, value] : data) text += "  " + key + ": \"" + value + "\"\n";
  return text;
}

std::string deployment_yaml(const std::string& name, const std::string& image) {
  constexpr std::string_view text = R"(apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
  labels:
    app: NAME
spec:
  selector:
    matchLabels:
      app: NAME
  template:
    metadata:
      labels:
        app: NAME
    spec:
      containers:
        - name: main
          image: IMAGE
          args: ["--verbose", "--color=blue"]
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: MODE
              value: production
            - name: LEVEL
              value: "3"
          resources:
            requests: {cpu: 50m, memory: 64Mi}
          volumeMounts:
            - name: settings
              mountPath: /etc/settings
        - name: sidecar
          image: registry.example/sidecar:2.0
      volumes:
        - name: settings
          configMap:
            name: settings
)";
  return replaced(replaced(std::string(text), "NAME", name), "IMAGE", image);
}

std::string stuck_deployment_yaml(const std::string& name, const std::string& image) {
  return replaced(deployment_yaml(name, image),
                  "    spec:\n      containers:", "    spec:\n      schedulerName: nobody\n      containers:");
}

std::string service_yaml(const std::string& name) {
  constexpr std::string_view text = R"(apiVersion: v1
kind: Service
metadata:
  name: NAME
spec:
  selector:
    app: NAME
  ports:
    - name: http
      port: 80
      targetPort: http
    - name: metrics
      port: 9090
)";
  return replaced(std::string(text), "NAME", name);
}

std::string namespace_yaml(const std::string& name) {
  return "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + name + "\n";
}

std::string widget_definition_yaml(const std::string& group) {
  constexpr std::string_view text = R"(apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.GROUP
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: {type: integer, format: int32, minimum: 0}
)";
  return replaced(std::string(text), "GROUP", group);
}

std::string widget_yaml(const std::string& group, const std::string& name, const std::string& ns, int size) {
  std::string text = "apiVersion: " + group + "/v1\nkind: Widget\nmetadata:\n  name: " + name + "\n";
  if (!ns.empty()) text += "  namespace: " + ns + "\n";
  return text + "spec:\n  size: " + std::to_string(size) + "\n";
}

} // namespace gitsync::test
