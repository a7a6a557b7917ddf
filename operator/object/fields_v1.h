// How metadata.managedFields names the parts of an object: structured-merge-diff's FieldsV1. Pure.
//
// "f:name" is a field, "k:{…}" a list item by its keys, "v:…" a set member, "i:2" a list item by its place, "." the node
// itself. Source: sigs.k8s.io/structured-merge-diff, fieldpath/serialize.go.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gitsync {

/// Of the steps from an object's root to one of its parts.
using PathHash = uint64_t;

} // namespace gitsync

namespace gitsync::fields_v1 {

inline constexpr PathHash root_path = 1469598103934665603ull; // FNV-1a
PathHash extend(PathHash path, std::string_view step);

/// As read_member, but tells "missing" (null pointer) from null.
const nlohmann::json* member(const nlohmann::json& object, std::string_view name);
/// metadata.managedFields; null where there is none, or no list.
const nlohmann::json* managed_fields(const nlohmann::json& object);
/// What an entry of it owns; null where it says nothing.
const nlohmann::json* fields_of(const nlohmann::json& entry);
/// Whether it is what that manager applied to the object itself.
bool ours(const nlohmann::json& entry, std::string_view manager);

/// Whether the item has every key of `keys` with that value. Keys that the item leaves out are the server's defaults (protocol:
/// TCP) and match anything where `lenient`, which is how what we declared is compared.
bool has_keys(const nlohmann::json& item, const nlohmann::json& keys, bool lenient);
/// The child of a value that a step names; null where it is missing. A set member is its own value.
const nlohmann::json* child(const nlohmann::json& value, const std::string& step, bool lenient = false);
/// Whether nothing is named below: the whole value is meant, or ("." alone) that the node exists.
bool is_leaf(const nlohmann::json& fields);
/// A step as people read it in a path: "replicas", "[name=api]"; a set's member is a value, and shown as "[*]".
std::string pointer_step(const std::string& step);
/// A path without what somebody may have chosen freely: keys of list items, of data, labels and annotations become "*".
/// "/spec/template/spec/containers/[name=shell]" → "/spec/template/spec/containers/[*]".
std::string masked_path(std::string_view path);

} // namespace gitsync::fields_v1
