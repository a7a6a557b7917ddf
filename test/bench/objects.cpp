#include "bench/objects.h"

#include <cstdio>

namespace gitsync::bench {
namespace {

std::string numbered(const char* stem, size_t index) {
  char text[48];
  std::snprintf(text, sizeof text, "%s-%05zu", stem, index);
  return text;
}

json header(const std::string& api, const std::string& kind, const std::string& ns, const std::string& name) {
  return {{"apiVersion", api},
          {"kind", kind},
          {"metadata",
           {{"name", name},
            {"namespace", ns},
            {"labels", {{"app.kubernetes.io/name", name}, {"app.kubernetes.io/part-of", "shop"}}}}}};
}

json config_map(const std::string& ns, const std::string& name) {
  auto out = header("v1", "ConfigMap", ns, name);
  out["data"] = {
      {"value", "0"}, {"LOG_LEVEL", "info"}, {"LISTEN", "0.0.0.0:8080"}, {"settings.ini", "[cache]\nsize = 64\nttl = 30s\n"}};
  return out;
}

json service(const std::string& ns, const std::string& name) {
  auto out = header("v1", "Service", ns, name);
  out["spec"] = {{"selector", {{"app.kubernetes.io/name", name}}},
                 {"ports", {{{"name", "http"}, {"port", 80}, {"targetPort", 8080}}}}};
  return out;
}

json deployment(const std::string& ns, const std::string& name) {
  auto out = header("apps/v1", "Deployment", ns, name);
  const json labels{{"app.kubernetes.io/name", name}};
  out["spec"] = {{"replicas", 0},
                 {"revisionHistoryLimit", 2},
                 {"selector", {{"matchLabels", labels}}},
                 {"template",
                  {{"metadata", {{"labels", labels}}},
                   {"spec",
                    {{"containers",
                      {{{"name", "app"},
                        {"image", "registry.example/shop:1.0"},
                        {"ports", {{{"name", "http"}, {"containerPort", 8080}}}},
                        {"resources", {{"requests", {{"cpu", "100m"}, {"memory", "64Mi"}}}}}}}}}}}}};
  return out;
}

json role(const std::string& ns, const std::string& name) {
  auto out = header("rbac.authorization.k8s.io/v1", "Role", ns, name);
  out["rules"] = {{{"apiGroups", {""}}, {"resources", {"configmaps"}}, {"verbs", {"get", "list"}}}};
  return out;
}

json role_binding(const std::string& ns, const std::string& name) {
  auto out = header("rbac.authorization.k8s.io/v1", "RoleBinding", ns, name);
  out["roleRef"] = {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", "view"}};
  out["subjects"] = {{{"kind", "ServiceAccount"}, {"name", "default"}, {"namespace", ns}}};
  return out;
}

json network_policy(const std::string& ns, const std::string& name) {
  auto out = header("networking.k8s.io/v1", "NetworkPolicy", ns, name);
  out["spec"] = {{"podSelector", {{"matchLabels", {{"app.kubernetes.io/name", name}}}}}, {"policyTypes", {"Ingress"}}};
  return out;
}

json disruption_budget(const std::string& ns, const std::string& name) {
  auto out = header("policy/v1", "PodDisruptionBudget", ns, name);
  out["spec"] = {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app.kubernetes.io/name", name}}}}}};
  return out;
}

json cron_job(const std::string& ns, const std::string& name) {
  auto out = header("batch/v1", "CronJob", ns, name);
  out["spec"] = {
      {"schedule", "0 4 * * *"},
      {"suspend", true},
      {"jobTemplate",
       {{"spec",
         {{"template",
           {{"spec",
             {{"restartPolicy", "Never"}, {"containers", {{{"name", "app"}, {"image", "registry.example/shop:1.0"}}}}}}}}}}}}};
  return out;
}

void append_yaml(std::string& out, const json& value, size_t depth, bool in_list) {
  const std::string indent(depth * 2, ' ');
  if (value.is_object() && !value.empty()) {
    bool first = in_list; // the first key stands beside the dash
    for (const auto& [key, part] : value.items()) {
      if (!first) out += indent;
      first = false;
      out += json(key).dump() + ":";
      const bool nested = part.is_structured() && !part.empty();
      out += nested ? "\n" : " ";
      append_yaml(out, part, depth + 1, false);
    }
  } else if (value.is_array() && !value.empty()) {
    for (const auto& part : value) {
      out += indent + "- ";
      append_yaml(out, part, depth + 1, true);
    }
  } else {
    out += value.dump() + "\n";
  }
}

} // namespace

std::string Object::path() const {
  const auto api = manifest.at("apiVersion").get<std::string>();
  return (api.find('/') == std::string::npos ? "/api/" : "/apis/") + api + "/namespaces/" + ns + "/" + plural + "/" + name;
}

std::string Object::file() const { return numbered("part", index / 50) + "/" + name + ".yaml"; }

Object mixed(const std::string& ns, size_t index) {
  switch (index % 5) {
  case 3: {
    const auto name = numbered("service", index);
    return {"services", ns, name, service(ns, name), index};
  }
  case 4: {
    const auto name = numbered("deployment", index);
    return {"deployments", ns, name, deployment(ns, name), index};
  }
  default: {
    const auto name = numbered("settings", index);
    return {"configmaps", ns, name, config_map(ns, name), index};
  }
  }
}

Object ten_kinds(const std::string& ns, size_t index) {
  const auto name = numbered("thing", index);
  switch (index % 10) {
  case 0: return {"configmaps", ns, name, config_map(ns, name), index};
  case 1: {
    auto out = header("v1", "Secret", ns, name);
    out["stringData"] = {{"password", "not-a-secret"}};
    return {"secrets", ns, name, out, index};
  }
  case 2: {
    auto out = service(ns, name);
    out["spec"]["clusterIP"] = "None";
    return {"services", ns, name, out, index};
  }
  case 3: return {"serviceaccounts", ns, name, header("v1", "ServiceAccount", ns, name), index};
  case 4: return {"roles", ns, name, role(ns, name), index};
  case 5: return {"rolebindings", ns, name, role_binding(ns, name), index};
  case 6: return {"networkpolicies", ns, name, network_policy(ns, name), index};
  case 7: return {"poddisruptionbudgets", ns, name, disruption_budget(ns, name), index};
  case 8: return {"deployments", ns, name, deployment(ns, name), index};
  default: return {"cronjobs", ns, name, cron_job(ns, name), index};
  }
}

std::vector<Object> make(Object (*kind)(const std::string&, size_t), const std::string& ns, size_t count) {
  std::vector<Object> out;
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) out.push_back(kind(ns, i));
  return out;
}

std::vector<std::string> mixed_collections(const std::string& ns) {
  return {"/api/v1/namespaces/" + ns + "/configmaps", "/api/v1/namespaces/" + ns + "/services",
          "/apis/apps/v1/namespaces/" + ns + "/deployments"};
}

json intrusion(const Object& object, unsigned round) {
  if (object.plural == "configmaps") return {{"data", {{"value", "drift-" + std::to_string(round)}}}};
  if (object.plural == "services")
    return {{"spec", {{"selector", {{"app.kubernetes.io/name", "drift-" + std::to_string(round)}}}}}};
  return {{"spec", {{"revisionHistoryLimit", 3 + round % 5}}}};
}

bool as_declared(const Object& object, const json& live) {
  static const std::map<std::string, json::json_pointer> fields{
      {"configmaps", json::json_pointer("/data/value")},
      {"services", json::json_pointer("/spec/selector/app.kubernetes.io~1name")},
      {"deployments", json::json_pointer("/spec/revisionHistoryLimit")}};
  const auto& field = fields.at(object.plural);
  return live.contains(field) && live.at(field) == object.manifest.at(field);
}

std::string to_yaml(const json& value) {
  std::string out;
  append_yaml(out, value, 0, false);
  return out;
}

} // namespace gitsync::bench
