// What others keep in an object beside what is declared: a container, an environment variable, a rule. Pure.
//
// The API server records who owns which field. What nobody owns is the server's own (defaulting, admission of our apply); what
// its own controllers write (kube-controller-manager, kube-scheduler, kubelet), what lies in metadata and status, and what
// comes through a subresource ("scale") is not looked at either. So an addition is a field that somebody wrote into the object
// itself, under a node of which we own a part.
#pragma once
#include "object/field_pattern.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync {

struct Addition {
  std::string manager; // field manager that owns it
  std::string path;    // "/spec/template/spec/containers/[name=shell]"
  friend bool operator==(const Addition&, const Addition&) = default;
};

/// What is left out of account.
struct Overlooked {
  const std::vector<FieldPattern>& fields;
  const std::vector<std::string>& managers;
};

inline constexpr size_t most_additions = 20;

/// At most most_additions, in the order of managedFields. Empty where we own nothing.
std::vector<Addition> additions(const nlohmann::json& live, std::string_view manager, const Overlooked& overlooked);

/// The metadata.managedFields in which all of them are ours: an apply that doesn't name them then removes them. Nothing where
/// there is none.
std::optional<nlohmann::json> claim_additions(const nlohmann::json& live, std::string_view manager,
                                              const Overlooked& overlooked);

/// Takes out of `desired` the fields that one of `managers` owns in `live`, through whichever subresource but status, and
/// `manager` doesn't. Returns whether there were any.
bool yield_fields(nlohmann::json& desired, const nlohmann::json& live, std::string_view manager,
                  const std::vector<std::string>& managers);

} // namespace gitsync
