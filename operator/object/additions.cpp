#include "object/additions.h"

#include "base/json_read.h"
#include "base/text.h"
#include "object/fields_v1.h"

#include <algorithm>
#include <array>

namespace gitsync {
namespace {

using nlohmann::json;
using namespace fields_v1;

constexpr int max_depth = 64;

/// Kubernetes' own controllers: what they fill in belongs to how the object works.
bool is_control_plane(std::string_view manager) {
  static constexpr std::array names = {"kube-controller-manager", "kube-scheduler",     "kubelet",
                                       "kube-apiserver",          "before-first-apply", "cloud-controller-manager"};
  return std::ranges::find(names, manager) != names.end();
}

bool looked_at(const json& entry, std::string_view manager, const Overlooked& overlooked) {
  const std::string who = read_text(entry, "manager");
  return !ours(entry, manager) && read_text(entry, "subresource").empty() && fields_of(entry) && !is_control_plane(who) &&
         std::ranges::find(overlooked.managers, who) == overlooked.managers.end();
}

/// What the entry owns without what is to be overlooked.
json counted_fields(const json& entry, const json& live, const Overlooked& overlooked) {
  json out = *fields_of(entry);
  for (const auto& pattern : overlooked.fields) pattern.disown(out, live);
  return out;
}

/// The part of `theirs` that is theirs alone, as FieldsV1; `found` hears the path of each of its roots.
template <class Found>
json extract(const json& theirs, const json& mine, const json& live, const std::string& path, int depth, const Found& found) {
  json out = json::object();
  if (!theirs.is_object() || is_leaf(mine) || depth > max_depth) return out;
  for (const auto& [step, below] : theirs.items()) {
    if (step == "." || (depth == 0 && (step == "f:metadata" || step == "f:status"))) continue;
    const json* value = child(live, step);
    if (!value) continue;
    const std::string here = cat(path, "/", pointer_step(step));
    if (const auto same = mine.find(step); same == mine.end()) {
      found(here);
      out[step] = below;
    } else if (json part = extract(below, *same, *value, here, depth + 1, found); !part.empty()) {
      out[step] = std::move(part);
    }
  }
  return out;
}

/// Takes `part`, which was extracted from it, out of what an entry owns.
void subtract(json& fields, const json& part) {
  for (const auto& [step, below] : part.items()) {
    const auto it = fields.find(step);
    if (it == fields.end()) continue;
    if (*it != below && it->is_object() && below.is_object()) subtract(*it, below);
    // Left empty, as a leaf, it would say that all below is theirs.
    if (*it == below || it->empty()) fields.erase(it);
  }
}

const json* owned_by(const json& live, std::string_view manager) {
  if (const json* all = managed_fields(live))
    for (const auto& entry : *all)
      if (ours(entry, manager)) return fields_of(entry);
  return nullptr;
}

/// Takes out of `desired` the leaves of `theirs` that `mine` doesn't have.
void yield_below(json& desired, const json& theirs, const json& mine, int depth) {
  static const json nothing = json::object();
  for (const auto& [step, below] : theirs.items()) {
    if (step == "." || depth > max_depth || (depth == 0 && step == "f:status")) continue;
    const json* wanted = child(desired, step, true);
    if (!wanted) continue;
    const json* own = member(mine, step);
    const bool in_object = desired.is_object();
    const std::string key = in_object ? step.substr(2) : std::string();
    const size_t index = in_object ? 0 : static_cast<size_t>(wanted - &desired.front());
    if (!is_leaf(below) && wanted->is_structured())
      yield_below(in_object ? desired[key] : desired[index], below, own ? *own : nothing, depth + 1);
    else if (!own && in_object)
      desired.erase(key);
    else if (!own)
      desired.erase(index);
  }
}

} // namespace

std::vector<Addition> additions(const json& live, std::string_view manager, const Overlooked& overlooked) {
  std::vector<Addition> out;
  const json* mine = owned_by(live, manager);
  if (!mine) return out;
  for (const auto& entry : *managed_fields(live)) {
    if (!looked_at(entry, manager, overlooked)) continue;
    extract(counted_fields(entry, live, overlooked), *mine, live, {}, 0, [&](const std::string& path) {
      if (out.size() < most_additions) out.push_back({read_text(entry, "manager"), path});
    });
  }
  return out;
}

std::optional<json> claim_additions(const json& live, std::string_view manager, const Overlooked& overlooked) {
  const json* mine = owned_by(live, manager);
  if (!mine) return {};
  json claimed = json::object(), kept = json::array();
  for (json entry : *managed_fields(live)) {
    if (looked_at(entry, manager, overlooked)) {
      const json part = extract(counted_fields(entry, live, overlooked), *mine, live, {}, 0, [](const std::string&) {});
      subtract(entry["fieldsV1"], part);
      claimed.merge_patch(part); // FieldsV1 holds objects only, so a merge is a union
    }
    if (!fields_of(entry) || !fields_of(entry)->empty()) kept.push_back(std::move(entry));
  }
  if (claimed.empty()) return {};
  for (auto& entry : kept)
    if (ours(entry, manager)) entry["fieldsV1"].merge_patch(claimed);
  return kept;
}

bool yield_fields(json& desired, const json& live, std::string_view manager, const std::vector<std::string>& managers) {
  const json* all = managed_fields(live);
  if (!all) return false;
  static const json nothing = json::object();
  const json* mine = owned_by(live, manager);
  const json before = desired;
  for (const auto& entry : *all) {
    if (ours(entry, manager) || read_text(entry, "subresource") == "status" || !fields_of(entry)) continue;
    if (std::ranges::find(managers, read_text(entry, "manager")) == managers.end()) continue;
    yield_below(desired, *fields_of(entry), mine ? *mine : nothing, 0);
  }
  return desired != before;
}

} // namespace gitsync
