// The objects that are measured with: the mix of research/peer_bench.md, and ten cheap kinds for the quiet cluster. Pure.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gitsync::bench {

using nlohmann::json;

/// One declared object. operator and bare client are given the same ones, but for the namespace.
struct Object {
  std::string plural, ns, name;
  json manifest; // as a user would commit it

  std::string path() const; // "/apis/apps/v1/namespaces/n/deployments/d"
  std::string file() const; // below a GitSync's path: 50 files a directory
  size_t index = 0;
};

/// Number i of the mix: 60 % ConfigMaps, 20 % Services, 20 % Deployments with 0 replicas, all of them small.
Object mixed(const std::string& ns, size_t index);
/// Number i of ten kinds in turn.
Object ten_kinds(const std::string& ns, size_t index);
std::vector<Object> make(Object (*kind)(const std::string&, size_t), const std::string& ns, size_t count);

/// The collections that `mixed` lives in.
std::vector<std::string> mixed_collections(const std::string& ns);
/// The resources of the same, as metrics name them.
inline const std::vector<std::string> mixed_resources{"configmaps", "services", "deployments"};

/// A merge patch by which somebody else changes one declared field to something new each time.
json intrusion(const Object& object, unsigned round);
/// Whether that field of the live object is as declared.
bool as_declared(const Object& object, const json& live);

/// Block-style YAML of a JSON value, strings always quoted.
std::string to_yaml(const json& value);

} // namespace gitsync::bench
