#include "api/meta.h"

#include "api/names.h"
#include "base/json_read.h"

#include <algorithm>

namespace gitsync::api {

std::string Meta::key() const { return owner_name(ns, name); }

bool Meta::has_finalizer(std::string_view finalizer) const {
  return std::ranges::find(finalizers, finalizer) != finalizers.end();
}

std::string Meta::annotation(std::string_view key) const {
  const auto it = annotations.find(key);
  return it == annotations.end() ? std::string() : it->second;
}

std::string Meta::requested_at() const { return annotation(requested_at_annotation); }

Meta parse_meta(const nlohmann::json& object) {
  const auto& metadata = read_member(object, "metadata");
  Meta meta;
  meta.ns = read_text(metadata, "namespace");
  meta.name = read_text(metadata, "name");
  meta.uid = read_text(metadata, "uid");
  meta.resource_version = read_text(metadata, "resourceVersion");
  meta.generation = read_integer(metadata, "generation");
  meta.deleting = !read_text(metadata, "deletionTimestamp").empty();
  if (const auto& finalizers = read_member(metadata, "finalizers"); finalizers.is_array())
    for (const auto& entry : finalizers)
      if (entry.is_string()) meta.finalizers.push_back(entry.get<std::string>());
  if (const auto& annotations = read_member(metadata, "annotations"); annotations.is_object())
    for (const auto& [key, value] : annotations.items())
      if (value.is_string() && is_own_key(key)) meta.annotations.emplace(key, value.get<std::string>());
  return meta;
}

} // namespace gitsync::api
