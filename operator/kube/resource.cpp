#include "kube/resource.h"

#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::kube {
namespace {

using nlohmann::json;

/// The member that is an array, or an empty array.
const json& array_of(const json& object, const char* key) {
  static const json none = json::array();
  const auto& value = read_member(object, key);
  return value.is_array() ? value : none;
}

bool has_verb(const json& entry, std::string_view verb) {
  for (const auto& one : array_of(entry, "verbs"))
    if (one.is_string() && one.get_ref<const std::string&>() == verb) return true;
  return false;
}

std::string key_of(std::string_view group, std::string_view version, std::string_view kind) {
  return cat(group, "/", version, "/", kind);
}

/// "apps/v1" → {"apps", "v1"}, "v1" → {"", "v1"}.
std::pair<std::string, std::string> split_version(const std::string& group_version) {
  const size_t slash = group_version.find('/');
  if (slash == std::string::npos) return {"", group_version};
  return {group_version.substr(0, slash), group_version.substr(slash + 1)};
}

} // namespace

struct ResourceMap::Served {
  Resource resource;
  bool patchable = false;
};

std::string Resource::path(std::string_view ns, std::string_view name) const {
  std::string out =
      group.empty() ? cat("/api/", url_encode(version)) : cat("/apis/", url_encode(group), "/", url_encode(version));
  if (namespaced && !ns.empty()) out += cat("/namespaces/", url_encode(ns));
  out += cat("/", url_encode(plural));
  if (!name.empty()) out += cat("/", url_encode(name));
  return out;
}

void ResourceMap::note(Served entry) {
  auto& resource = entry.resource;
  std::string key = key_of(resource.group, resource.version, resource.kind);
  if (!entry.patchable) {
    unpatchable_.insert(std::move(key));
    return;
  }
  // Two resources of one kind in one version: the first stays, so that a second answer about the same version changes nothing.
  preferred_.try_emplace(GroupKind{resource.group, resource.kind}, key);
  by_version_.try_emplace(std::move(key), std::move(resource));
}

void ResourceMap::add_partial(std::string_view group) {
  const auto at = std::lower_bound(partial_.begin(), partial_.end(), group);
  if (at == partial_.end() || *at != group) partial_.emplace(at, group);
}

Result<> ResourceMap::add(const json& list) {
  if (read_text(list, "kind") != "APIGroupDiscoveryList" || !list.contains("items") || !list["items"].is_array())
    return fail(Code::ApiServerError, "discovery: the answer is not an APIGroupDiscoveryList");
  for (const auto& group : list["items"]) {
    // The core group has no name, and then no metadata either in some versions.
    const std::string name =
        group.is_object() && group.contains("metadata") ? read_text(group["metadata"], "name") : std::string();
    for (const auto& version : array_of(group, "versions")) {
      const std::string version_name = read_text(version, "version");
      if (version_name.empty() || read_text(version, "freshness") == "Stale") add_partial(name);
      if (version_name.empty()) continue;
      for (const auto& entry : array_of(version, "resources")) {
        Served served;
        // A kind is addressed by the version that serves it, whatever group responseKind names: so does client-go's RESTMapper.
        served.resource = {name, version_name, read_text(entry, "resource"), "", read_text(entry, "scope") != "Cluster"};
        if (entry.is_object() && entry.contains("responseKind"))
          served.resource.kind = read_text(entry["responseKind"], "kind");
        if (served.resource.plural.empty() || served.resource.kind.empty()) {
          // No responseKind: only the resource's subresources are served. Anything else that lacks one is damaged.
          if (served.resource.plural.empty() || array_of(entry, "subresources").empty()) add_partial(name);
          continue;
        }
        served.patchable = has_verb(entry, "patch") && !served.resource.plural.contains('/');
        note(std::move(served));
      }
    }
  }
  return {};
}

Result<> ResourceMap::add_legacy(const json& list) {
  const std::string group_version = read_text(list, "groupVersion");
  if (read_text(list, "kind") != "APIResourceList" || group_version.empty())
    return fail(Code::ApiServerError, "discovery: the answer is not an APIResourceList");
  const auto [group, version] = split_version(group_version);
  for (const auto& entry : array_of(list, "resources")) {
    Served served;
    served.resource = {group, version, read_text(entry, "name"), read_text(entry, "kind"), true};
    const bool scoped = entry.is_object() && entry.contains("namespaced") && entry["namespaced"].is_boolean();
    if (served.resource.plural.empty() || served.resource.kind.empty() || !scoped) {
      add_partial(group);
      continue;
    }
    // "deployments/scale" is of kind Scale, which is not a kind of this version: it is not even known here.
    if (served.resource.plural.contains('/')) continue;
    served.resource.namespaced = entry["namespaced"].get<bool>();
    served.patchable = has_verb(entry, "patch");
    note(std::move(served));
  }
  return {};
}

const Resource* ResourceMap::find(const std::string& group, const std::string& version, const std::string& kind) const {
  const auto it = by_version_.find(key_of(group, version, kind));
  return it == by_version_.end() ? nullptr : &it->second;
}

const Resource* ResourceMap::find(const GroupKind& kind) const {
  const auto it = preferred_.find(kind);
  if (it == preferred_.end()) return nullptr;
  const auto found = by_version_.find(it->second);
  return found == by_version_.end() ? nullptr : &found->second;
}

const Resource* ResourceMap::find_plural(std::string_view group, std::string_view plural) const {
  for (const auto& [kind, key] : preferred_) {
    if (kind.group != group) continue;
    const auto it = by_version_.find(key);
    if (it != by_version_.end() && it->second.plural == plural) return &it->second;
  }
  return nullptr;
}

std::vector<const Resource*> ResourceMap::named(std::string_view word) const {
  const auto lower = [](std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return out;
  };
  const std::string wanted = lower(word);
  std::vector<const Resource*> out;
  for (const auto& [kind, key] : preferred_) {
    const auto& resource = by_version_.at(key);
    const std::string suffix = kind.group.empty() ? "" : cat(".", kind.group), name = lower(kind.kind);
    if (wanted == name || wanted == resource.plural || wanted == name + suffix || wanted == resource.plural + suffix)
      out.push_back(&resource);
  }
  return out;
}

bool ResourceMap::known(const std::string& group, const std::string& version, const std::string& kind) const {
  return find(group, version, kind) != nullptr || unpatchable_.contains(key_of(group, version, kind));
}

bool ResourceMap::is_partial(std::string_view group) const {
  return std::binary_search(partial_.begin(), partial_.end(), group);
}

} // namespace gitsync::kube
