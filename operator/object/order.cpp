#include "object/order.h"

#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace gitsync {
namespace {

constexpr int furthest_wave = 1000;

struct Row {
  std::string_view group, kind; // kind "": all of the group
  Stage stage;
};
constexpr std::array rows = {
    Row{"", "Namespace", Stage::Definitions},
    Row{"apiextensions.k8s.io", "CustomResourceDefinition", Stage::Definitions},
    Row{"rbac.authorization.k8s.io", "", Stage::Settings},
    Row{"storage.k8s.io", "", Stage::Settings},
    Row{"scheduling.k8s.io", "", Stage::Settings},
    Row{"networking.k8s.io", "NetworkPolicy", Stage::Settings},
    Row{"networking.k8s.io", "IngressClass", Stage::Settings},
    Row{"", "ServiceAccount", Stage::Settings},
    Row{"", "ConfigMap", Stage::Settings},
    Row{"", "Secret", Stage::Settings},
    Row{"", "LimitRange", Stage::Settings},
    Row{"", "ResourceQuota", Stage::Settings},
    Row{"", "PersistentVolume", Stage::Settings},
    Row{"", "PersistentVolumeClaim", Stage::Settings},
    Row{"", "Service", Stage::Services},
    Row{"", "Endpoints", Stage::Services},
    Row{"discovery.k8s.io", "", Stage::Services},
    Row{"", "Pod", Stage::Workloads},
    Row{"", "ReplicationController", Stage::Workloads},
    Row{"", "PodTemplate", Stage::Workloads},
    Row{"apps", "", Stage::Workloads},
    Row{"batch", "", Stage::Workloads},
    Row{"autoscaling", "", Stage::Workloads},
    Row{"policy", "", Stage::Workloads},
    // The whole group decides over other requests: webhook configurations, admission policies and their bindings.
    Row{"admissionregistration.k8s.io", "", Stage::Admission},
    Row{"apiregistration.k8s.io", "", Stage::Admission},
};

/// Groups that the API server itself serves; gateway.networking.k8s.io and the like are custom resources all the same.
bool is_builtin(std::string_view group) {
  static constexpr std::array groups = {"", "apps", "autoscaling", "batch", "policy", "extensions"};
  static constexpr std::array suffixed = {"admissionregistration",
                                          "apiextensions",
                                          "apiregistration",
                                          "authentication",
                                          "authorization",
                                          "certificates",
                                          "coordination",
                                          "discovery",
                                          "events",
                                          "flowcontrol.apiserver",
                                          "internal.apiserver",
                                          "networking",
                                          "node",
                                          "rbac.authorization",
                                          "resource",
                                          "scheduling",
                                          "storage",
                                          "storagemigration"};
  if (std::ranges::find(groups, group) != groups.end()) return true;
  constexpr std::string_view suffix = ".k8s.io";
  return group.ends_with(suffix) &&
         std::ranges::find(suffixed, group.substr(0, group.size() - suffix.size())) != suffixed.end();
}

std::string annotation(const nlohmann::json& body, std::string_view key) {
  return read_text(read_member(read_member(body, "metadata"), "annotations"), key);
}

/// "apps/namespaces/shop/Deployment/api", "/namespaces/shop/Service/api", "rbac.authorization.k8s.io/ClusterRole/reader".
std::optional<ObjectRef> parse_reference(std::string_view text) {
  const auto parts = split(text, '/');
  const auto word = [](std::string_view part) { return !part.empty() && part.find(' ') == std::string_view::npos; };
  if (parts.size() == 3 && word(parts[1]) && word(parts[2]))
    return ObjectRef{std::string(parts[0]), std::string(parts[1]), "", std::string(parts[2])};
  if (parts.size() == 5 && parts[1] == "namespaces" && word(parts[2]) && word(parts[3]) && word(parts[4]))
    return ObjectRef{std::string(parts[0]), std::string(parts[3]), std::string(parts[2]), std::string(parts[4])};
  return {};
}

/// Walks the dependencies in depth; a node that is met again on its own path closes a circle.
class Circles {
public:
  explicit Circles(const std::map<ObjectRef, OrderNode>& nodes) : nodes_(nodes) {}

  std::vector<Error> find() {
    for (const auto& [ref, node] : nodes_) visit(ref);
    return std::move(errors_);
  }

private:
  void visit(const ObjectRef& ref) {
    const auto it = nodes_.find(ref);
    if (it == nodes_.end() || done_.contains(ref)) return;
    if (const auto again = std::ranges::find(path_, ref); again != path_.end()) {
      std::vector<std::string> names;
      for (auto step = again; step != path_.end(); ++step) names.push_back(step->text());
      names.push_back(ref.text());
      errors_.push_back(fail(Code::InvalidManifest, cat(it->second.at.text(), ": ", ref.text(), ": ", depends_on_annotation,
                                                        " goes in a circle: ", join(names, " → "), ": remove one of them"))
                            .error());
      return;
    }
    path_.push_back(ref);
    for (const auto& dependency : it->second.hints.depends_on) visit(dependency);
    path_.pop_back();
    done_.insert(ref);
  }

  const std::map<ObjectRef, OrderNode>& nodes_;
  std::vector<ObjectRef> path_;
  std::set<ObjectRef> done_;
  std::vector<Error> errors_;
};

} // namespace

Stage stage_of(const GroupKind& kind) {
  for (const auto& row : rows)
    if (row.group == kind.group && (row.kind.empty() || row.kind == kind.kind)) return row.stage;
  return is_builtin(kind.group) ? Stage::Other : Stage::Custom;
}

Result<OrderHints> order_hints(const nlohmann::json& body) {
  OrderHints out;
  if (const auto text = annotation(body, wave_annotation); !text.empty()) {
    const auto* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, out.wave);
    if (error != std::errc{} || end != last || out.wave < -furthest_wave || out.wave > furthest_wave)
      return fail(Code::InvalidManifest, cat("annotation ", wave_annotation, " must be a whole number from -", furthest_wave,
                                             " to ", furthest_wave, ", not \"", text, '"'));
  }
  const auto text = annotation(body, depends_on_annotation);
  if (trim(text).empty()) return out;
  for (const auto part : split(text, ',')) {
    auto ref = parse_reference(trim(part));
    if (!ref)
      return fail(
          Code::InvalidManifest,
          cat("annotation ", depends_on_annotation, ": \"", trim(part),
              "\" must be group/namespaces/namespace/kind/name or group/kind/name, with an empty group for the core kinds, "
              "such as apps/namespaces/shop/Deployment/api or /namespaces/shop/Secret/keys"));
    out.depends_on.push_back(std::move(*ref));
  }
  return out;
}

std::vector<Error> order_errors(const std::map<ObjectRef, OrderNode>& nodes,
                                const std::function<bool(const ObjectRef&)>& declared) {
  std::vector<Error> errors;
  for (const auto& [ref, node] : nodes) {
    for (const auto& dependency : node.hints.depends_on) {
      const std::string begin = cat(node.at.text(), ": ", ref.text(), ": ");
      if (!declared(dependency)) {
        errors.push_back(
            fail(Code::InvalidManifest, cat(begin, depends_on_annotation, " names ", dependency.text(),
                                            ", which this GitSync does not declare: add it or remove the reference"))
                .error());
        continue;
      }
      const auto it = nodes.find(dependency);
      const int wave = it == nodes.end() ? 0 : it->second.hints.wave;
      if (wave > node.hints.wave)
        errors.push_back(
            fail(Code::InvalidManifest, cat(begin, "depends on ", dependency.text(), " of the later wave ", wave, ": wave ",
                                            node.hints.wave, " would wait for ever; raise its ", wave_annotation, " to ", wave))
                .error());
    }
  }
  auto circles = Circles(nodes).find();
  std::ranges::move(circles, std::back_inserter(errors));
  return errors;
}

} // namespace gitsync
