// What the API server serves: kind → resource path. Pure.
#pragma once
#include "base/error.h"
#include "object/manifest.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::kube {

/// One served resource: "deployments" in apps/v1.
struct Resource {
  std::string group, version, plural, kind;
  bool namespaced = true;

  /// "/apis/apps/v1/namespaces/shop/deployments/api"; without a name the collection, without a namespace all namespaces. Every
  /// part is percent-encoded: a name with a "/" or "?" cannot reach another resource.
  std::string path(std::string_view ns = {}, std::string_view name = {}) const;
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  /// "deployments.apps": stable name for maps and logs.
  std::string text() const { return group.empty() ? plural : plural + "." + group; }
  friend bool operator==(const Resource&, const Resource&) = default;
};

/// Everything served, of one discovery. Immutable once filled: swapped whole, never edited. Any thread once filled.
class ResourceMap {
public:
  /// Adds one answer of aggregated discovery (APIGroupDiscoveryList, v2 or v2beta1; of /api and of /apis). Resources with a "/"
  /// in their name and those without the verb patch cannot be found; they only count as known(). Versions whose discovery is
  /// stale (freshness "Stale": the aggregated API server behind them is down) keep what was last known of them, and their group
  /// is noted in partial(). One malformed entry is skipped and makes its group partial; an error is a document that is not a
  /// discovery at all, and leaves the map as it was.
  Result<> add(const nlohmann::json& group_discovery_list);
  /// Adds one answer of the old kind (APIResourceList of /apis/g/v), for servers without aggregation. The preferred version of
  /// a group has to be added first.
  Result<> add_legacy(const nlohmann::json& api_resource_list);
  /// Notes a group that could not be asked about ("" is the core group), for add_legacy()'s caller.
  void add_partial(std::string_view group);

  /// The resource of a kind in this very version; nullptr where not served. Valid as long as the map.
  const Resource* find(const std::string& group, const std::string& version, const std::string& kind) const;
  /// The preferred version of a kind (the first that the server lists).
  const Resource* find(const GroupKind& kind) const;
  /// The preferred version of the kind with that plural name; nullptr where not served.
  const Resource* find_plural(std::string_view group, std::string_view plural) const;
  /// The preferred versions of all kinds that people may mean by the word: a kind or its plural in any case, alone or with its
  /// group ("deployment", "Deployments", "deployment.apps").
  std::vector<const Resource*> named(std::string_view word) const;
  /// Served in this version, though perhaps not as something that can be patched (a TokenReview, a Binding): tells "the kind
  /// cannot be applied" from "the kind does not exist".
  bool known(const std::string& group, const std::string& version, const std::string& kind) const;
  /// Groups that could not be discovered: never prune what may live in them. Sorted, each once.
  const std::vector<std::string>& partial() const { return partial_; }
  bool is_partial(std::string_view group) const;
  /// How many kinds in how many versions can be found.
  size_t size() const { return by_version_.size(); }

private:
  struct Served; // one entry of either format
  void note(Served entry);

  std::map<std::string, Resource> by_version_; // "group/version/kind"
  std::map<GroupKind, std::string> preferred_; // → key of by_version_
  std::set<std::string> unpatchable_;          // "group/version/kind"
  std::vector<std::string> partial_;
};

} // namespace gitsync::kube
