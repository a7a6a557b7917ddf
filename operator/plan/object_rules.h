// What holds for one object besides its manifest: its own annotations, and spec.drift.ignore. Pure.
#pragma once
#include "api/git_sync.h"
#include "base/hash.h"
#include "object/field_pattern.h"
#include "object/manifest.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync {

/// Annotations of a manifest. Only git's own count: what somebody writes on the live object doesn't.
inline constexpr std::string_view apply_annotation = "gitops.volaticloud.com/apply";       // Always | Once | Never
inline constexpr std::string_view prune_annotation = "gitops.volaticloud.com/prune";       // enabled | disabled
inline constexpr std::string_view recreate_annotation = "gitops.volaticloud.com/recreate"; // enabled | disabled

struct ObjectRules {
  bool never = false;    // not applied at all, and given up where it was managed
  bool once = false;     // made where it does not exist, then left alone
  bool keep = false;     // never deleted by us: given up instead
  bool recreate = false; // deleted and made anew where the server refuses to change it in place
  std::vector<FieldPattern> ignored;
  std::vector<std::string> managers; // whose fields are left to them

  bool empty() const { return !never && !once && !keep && !recreate && ignored.empty() && managers.empty(); }
  /// Whether what is sent differs from the body.
  bool shapes_body() const { return once || !ignored.empty() || !managers.empty(); }
};
using SharedRules = std::shared_ptr<const ObjectRules>; // null where there are none

/// InvalidManifest, to be put behind the object's place, where an annotation has a value that it cannot have.
Result<SharedRules> rules_of(const ObjectRef& ref, const nlohmann::json& body, const std::vector<api::DriftIgnore>& ignore);

/// The same for a body that was accepted once, without an error: an annotation that cannot be read counts as not there. Cheap
/// where the text has none and no rule is about the object.
SharedRules rules_again(const ObjectRef& ref, std::string_view body, const std::vector<api::DriftIgnore>& ignore);

/// Of an object that git no longer declares and that is left in the cluster.
SharedRules given_up_rules();

/// Of a body and of what is ignored in it: another value means that the object has to be applied.
Digest content_of(std::string_view salt, std::string_view body, const SharedRules& rules);

/// Takes what the rules leave to others out of a body. `live`: the object as it is; null where it is not known.
void leave_out(nlohmann::json& body, const nlohmann::json* live, std::string_view manager, const SharedRules& rules);

} // namespace gitsync
