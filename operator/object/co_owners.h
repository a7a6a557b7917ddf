// Fields that we own together with what declared the object before, or beside, us: kubectl apply, Helm, another GitOps tool.
// Pure.
//
// The API server removes a field that an apply no longer names only where nobody else owns it (kubernetes#99003). So what an
// object's former declarer still owns would survive its removal from git. A controller that owns a field together with us has
// its reasons; a tool that wrote what somebody declared has not: it isn't asked again.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace gitsync {

/// Whether that field manager writes what people declare: kubectl in all its forms, Helm, Flux, Argo CD, Config Sync,
/// Terraform, Pulumi, and "before-first-apply", which the server invents for what had no managers.
bool declares_for_people(std::string_view manager);

/// Whether such a manager owns a field that we own as well.
bool has_co_owner(const nlohmann::json& live, std::string_view manager);

/// What makes us the only owner of what we own.
struct SoleOwnership {
  nlohmann::json managed_fields;  // the new metadata.managedFields
  bool drop_last_applied = false; // kubectl's annotation of what it applied last goes: it would be out of date from now on,
                                  // and of a Secret it holds the values
};

/// Nothing where has_co_owner() is false. `next` is what is applied then. Such managers keep what they own alone: nobody asked
/// to have that removed. But of a part that we own and `next` lacks (a container, a probe) they keep nothing, or what the
/// server filled in under their name would stay as half of it.
std::optional<SoleOwnership> without_co_owners(const nlohmann::json& live, std::string_view manager,
                                               const nlohmann::json& next);

/// kubectl.kubernetes.io/last-applied-configuration
inline constexpr std::string_view last_applied_annotation = "kubectl.kubernetes.io/last-applied-configuration";

} // namespace gitsync
