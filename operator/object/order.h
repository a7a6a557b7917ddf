// When an object is applied, before and after which others. Pure.
//
// Three rules, from the weakest to the strongest: its kind's stage; its wave (annotation gitops.volaticloud.com/wave); what it
// names itself (annotation config.kubernetes.io/depends-on, of sigs.k8s.io/cli-utils). Stages follow each other as soon as the
// one before is applied; waves and named dependencies are waited for until they are healthy.
#pragma once
#include "base/error.h"
#include "object/manifest.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync {

/// Stages begin when the one before has ended. Deleting goes the other way round.
enum class Stage : int {
  Definitions, // Namespaces and CustomResourceDefinitions; the executor waits until CRDs are Established
  Settings,    // what others refer to: RBAC, accounts, ConfigMaps, Secrets, volumes, quotas, policies of the network
  Services,
  Workloads,
  Other,     // built-in kinds that fit nowhere else
  Admission, // webhook configurations, admission policies, APIServices: they could refuse what is applied beside them
  Custom,    // custom resources: their controllers and webhooks are there by then
};

Stage stage_of(const GroupKind& kind);

inline constexpr std::string_view wave_annotation = "gitops.volaticloud.com/wave";
inline constexpr std::string_view depends_on_annotation = "config.kubernetes.io/depends-on";

/// What an object's annotations say about its place.
struct OrderHints {
  int wave = 0; // -1000 to 1000
  std::vector<ObjectRef> depends_on;
  bool empty() const { return wave == 0 && depends_on.empty(); }
  friend bool operator==(const OrderHints&, const OrderHints&) = default;
};

/// InvalidManifest, to be put behind the object's place, where an annotation cannot be read.
Result<OrderHints> order_hints(const nlohmann::json& body);

/// An object in the graph, where it differs from all others.
struct OrderNode {
  SourceLocation at;
  OrderHints hints;
};

/// All that makes an order impossible: a dependency that `declared` does not know, one in a later wave, a circle.
/// InvalidManifest, each with file and line.
std::vector<Error> order_errors(const std::map<ObjectRef, OrderNode>& nodes,
                                const std::function<bool(const ObjectRef&)>& declared);

} // namespace gitsync
