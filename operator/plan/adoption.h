// May an object that exists already be taken over? Pure. docs/adoption.md tells it for people.
#pragma once
#include "api/git_sync.h"
#include "base/error.h"
#include "object/manifest.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace gitsync {

/// What else an object belongs to, by its own metadata.
struct OtherOwner {
  std::string tool;     // "Flux"
  std::string object;   // of that tool: "Kustomization flux-system/apps"; empty where the metadata doesn't tell
  std::string way_out;  // what to do about it
  bool at_work = true;  // something acts on the object unless `witness` is gone; false: a release of Helm, which nobody runs
  GroupKind witness;    // the kind of `object`: not served or not there means that nobody acts any more; empty: not asked
  std::string ns, name; // of the witness; without ns it may lie anywhere, without name any of the kind will do

  std::string text() const { return object.empty() ? tool : tool + "'s " + object; }
};

/// Nothing where no other tool has left its mark. `live`: the object, or its metadata alone. Marks: Flux's labels
/// (kustomize-controller, helm-controller), Argo CD's tracking annotation where it names this very object and its instance
/// label, Config Sync's annotation, an ownerReference with controller: true, Helm's annotation with its label.
/// app.kubernetes.io/instance alone is no mark: every chart sets it.
std::optional<OtherOwner> other_owner(const ObjectRef& ref, const nlohmann::json& live);

/// Whether the witness (as it is) keeps from acting: Flux's spec.suspend.
bool is_at_rest(const nlohmann::json& witness);

/// Whether the object is the GitSync's own from another life (its inventory was lost): our label, and fields that we applied.
bool is_own_already(const nlohmann::json& live, const std::string& label, const std::string& manager);

/// AdoptionRefused errors, to be tried again: nothing tells us when a tool lets go.
Error refuse_owned(const SourceLocation& at, const ObjectRef& ref, const OtherOwner& owner);
Error refuse_existing(const SourceLocation& at, const ObjectRef& ref);

} // namespace gitsync
