// One object as it stands in git: its identity, its JSON, and where it was read.
#pragma once
#include <compare>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gitsync {

/// Group and kind; the version is left out, since the same object is served in several.
struct GroupKind {
  std::string group; // "" for the core group
  std::string kind;
  friend auto operator<=>(const GroupKind&, const GroupKind&) = default;
};

/// A kind in one of its versions. Two versions of a kind may name the same field in different ways, and managedFields names the
/// fields of the version in which an object was applied: so that is the one in which it has to be looked at.
struct VersionedKind : GroupKind {
  std::string version;
  friend auto operator<=>(const VersionedKind&, const VersionedKind&) = default;
};

/// An object's identity. Two manifests with equal refs are the same object whatever version they are written in.
struct ObjectRef {
  std::string group;
  std::string kind;
  std::string ns; // empty for cluster-scoped objects, and before defaulting
  std::string name;
  friend auto operator<=>(const ObjectRef&, const ObjectRef&) = default;

  GroupKind group_kind() const { return {group, kind}; }
  /// "Deployment.apps shop/api", "Namespace shop": how messages begin.
  std::string text() const;
};

struct ObjectRefHash {
  size_t operator()(const ObjectRef& ref) const;
};

/// Where a manifest was read: path inside the repository (relative to the GitSync's path) and 1-based line of its document.
struct SourceLocation {
  std::string file;
  int line = 0;
  /// "apps/api.yaml:12"
  std::string text() const;
};

struct Manifest {
  ObjectRef ref;
  std::string version; // "v1" of "apps/v1"
  nlohmann::json body; // as written, not yet normalised
  SourceLocation at;

  std::string api_version() const { return ref.group.empty() ? version : ref.group + "/" + version; }
};

} // namespace gitsync
