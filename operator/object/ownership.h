// What of a live object is ours: the heart of drift detection. Pure.
//
// Kubernetes records in metadata.managedFields which manager owns which field (structured-merge-diff's FieldsV1: "f:name" a
// field, "k:{…}" a list item by its keys, "v:…" a set member, "." the node itself). Whoever changes a field that we own takes
// it from our entry; whoever writes under our own name changes only the value. So the hash of {our entry, the values that it
// names} changes if and only if a declared field left its state, and defaulting, admission and normalisation are inside it from
// the start. docs/drift.md tells it for people; test/system/drift_test.cpp proves it on a real API server.
#pragma once
#include "base/hash.h"
#include "object/fields_v1.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync {

/// What one look at a live object says about our part of it.
struct Ownership {
  Digest digest;                 // of our entry and the values it names
  std::vector<PathHash> foreign; // sorted: what other managers keep beside our fields, outside metadata and status
};

/// The entry that server-side apply keeps for a manager; null where it has none (never applied, or wiped).
const nlohmann::json* apply_entry(const nlohmann::json& object, std::string_view manager);

/// Paths where we declared an empty object ({}) and the server kept it: others may fill it without touching us, so only its
/// presence counts. `desired` is what was applied. Few or none. Sorted.
std::vector<PathHash> empty_declarations(const nlohmann::json& object, std::string_view manager, const nlohmann::json& desired);

/// Nothing where we own nothing any more. Cost is proportional to the fields we own plus those that others own beside them.
std::optional<Ownership> ownership(const nlohmann::json& object, std::string_view manager, std::string_view salt,
                                   const std::vector<PathHash>& empties);

/// Who caused a drift and where, for people. Best effort: the API server records no more.
struct Culprit {
  std::string manager;            // field manager of the latest change; empty where nobody is recorded
  std::vector<std::string> paths; // "/spec/replicas", declared fields that it holds now; at most 10
};
Culprit culprit(const nlohmann::json& live, std::string_view manager, const nlohmann::json& desired);

/// What one look before the drift told. Both sorted.
struct Known {
  std::vector<PathHash> foreign; // Ownership::foreign
  std::vector<PathHash> empties; // empty_declarations()
};

/// Which leftovers to claim.
enum class Leftovers {
  InPlace, // beside something of ours that is missing
  Refused, // also beside a declared field that they hold with another value: the API server refused ours beside theirs
           // (strategy.rollingUpdate beside type: Recreate)
};

/// What an intruder put in the place of something of ours that is gone: a renamed list item, a renamed key, the other member of
/// a union. One apply brings ours back beside theirs (or is refused for ever: two ports without names), so before it the
/// ownership of what they alone own there is moved to us; the apply, which doesn't name it, then removes it in the same write
/// that restores ours.
///
/// Gives the new metadata.managedFields, or nothing where no leftover stands. `known` is how it was before the drift: additions
/// that stood then stay. Without knowledge (nullopt) only what the latest writer holds is taken.
std::optional<nlohmann::json> claim_leftovers(const nlohmann::json& live, std::string_view manager,
                                              const nlohmann::json& desired, const std::optional<Known>& known,
                                              Leftovers which = Leftovers::InPlace);

/// Whether everything that is declared stands in the live object as it is written. Values that the server writes in another
/// form ("0.5" and "500m") count as different: never use it to decide that something is right, only that nothing is to be told.
bool holds(const nlohmann::json& desired, const nlohmann::json& live);

/// Ownership that the server made up when managedFields were wiped ("before-first-apply" owning everything): the managedFields
/// without it, or nothing where it isn't there. Left in place, fields removed from git would survive (k8s#99003).
std::optional<nlohmann::json> without_wiped_owner(const nlohmann::json& object);

} // namespace gitsync
