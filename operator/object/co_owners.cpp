#include "object/co_owners.h"

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

bool is_co_owner(const json& entry, std::string_view manager) {
  return !ours(entry, manager) && read_text(entry, "subresource").empty() && fields_of(entry) &&
         declares_for_people(read_text(entry, "manager"));
}

/// The keys that name a list item: {"f:name"} of k:{"name":"api"}.
bool names_item(const std::string& item_step, const std::string& step) {
  if (!item_step.starts_with("k:") || !step.starts_with("f:")) return false;
  const json keys = json::parse(item_step.begin() + 2, item_step.end(), nullptr, false);
  return keys.is_object() && keys.contains(step.substr(2));
}

/// `at`: the step that led here. The keys of a list's item are shared only by who has nothing else there: it needs them to name
/// what it has.
bool shares(const json& theirs, const json& mine, const std::string& at, int depth) {
  bool keys = false, more = false;
  for (const auto& [step, below] : theirs.items()) {
    if (step == ".") continue;
    const auto same = mine.find(step);
    const bool both = same != mine.end();
    if (both && names_item(at, step)) {
      keys = true;
      continue;
    }
    if (both && (is_leaf(below) || is_leaf(*same) || depth >= max_depth || shares(below, *same, step, depth + 1))) return true;
    more = true;
  }
  return keys && !more;
}

/// Takes from `theirs` what `mine` has, and all that is below what `next` no longer has. An item of a list of which something
/// of theirs is left keeps the keys that name it.
void subtract(json& theirs, const json& mine, const json& next, const std::string& at, int depth) {
  const json before = at.starts_with("k:") ? theirs : json();
  for (auto it = theirs.begin(); it != theirs.end();) {
    const auto same = mine.find(it.key());
    if (same == mine.end() || it.key() == ".") {
      ++it;
      continue;
    }
    const json* wanted = child(next, it.key(), true);
    if (wanted && !is_leaf(it.value()) && !is_leaf(*same) && depth < max_depth) {
      subtract(it.value(), *same, *wanted, it.key(), depth + 1);
      if (!it.value().empty()) {
        ++it;
        continue;
      }
    }
    it = theirs.erase(it);
  }
  const bool only_the_node = theirs.size() == 1 && theirs.contains(".");
  if (only_the_node && mine.contains(".")) theirs.erase(".");
  if (before.is_object() && !theirs.empty())
    for (const auto& [step, below] : before.items())
      if (step == "." || names_item(at, step)) theirs[step] = below;
}

} // namespace

bool declares_for_people(std::string_view manager) {
  static constexpr std::array names = {"before-first-apply",
                                       "argocd-controller",
                                       "argocd-application-controller",
                                       "kustomize-controller",
                                       "flux",
                                       "configsync",
                                       "pulumi"};
  static constexpr std::array families = {"kubectl", "helm", "terraform", "Terraform", "HashiCorp", "pulumi-"};
  return std::ranges::find(names, manager) != names.end() ||
         std::ranges::any_of(families, [&](std::string_view family) { return manager.starts_with(family); });
}

bool has_co_owner(const json& live, std::string_view manager) {
  const json* all = managed_fields(live);
  if (!all) return false;
  const json* mine = nullptr;
  for (const auto& entry : *all)
    if (ours(entry, manager)) mine = fields_of(entry);
  return mine && std::ranges::any_of(*all, [&](const json& entry) {
           return is_co_owner(entry, manager) && shares(*fields_of(entry), *mine, {}, 0);
         });
}

std::optional<SoleOwnership> without_co_owners(const json& live, std::string_view manager, const json& next) {
  if (!has_co_owner(live, manager)) return {};
  const json* all = managed_fields(live);
  const auto mine = std::ranges::find_if(*all, [&](const json& entry) { return ours(entry, manager) && fields_of(entry); });
  SoleOwnership out{json::array(), false};
  const auto owns_annotation = [](const json& fields) {
    const json* metadata = member(fields, "f:metadata");
    const json* annotations = metadata ? member(*metadata, "f:annotations") : nullptr;
    return annotations && annotations->contains(cat("f:", last_applied_annotation));
  };
  for (json entry : *all) {
    if (is_co_owner(entry, manager)) {
      const auto& annotated = read_member(read_member(live, "metadata"), "annotations");
      if (annotated.contains(last_applied_annotation) && owns_annotation(entry["fieldsV1"]) &&
          !owns_annotation((*mine)["fieldsV1"])) {
        out.drop_last_applied = true;
        auto& metadata = entry["fieldsV1"]["f:metadata"];
        auto& annotations = metadata["f:annotations"];
        annotations.erase(cat("f:", last_applied_annotation));
        if (is_leaf(annotations)) metadata.erase("f:annotations");
        if (is_leaf(metadata)) entry["fieldsV1"].erase("f:metadata");
      }
      subtract(entry["fieldsV1"], (*mine)["fieldsV1"], next, {}, 0);
      if (entry["fieldsV1"].empty()) continue;
    }
    out.managed_fields.push_back(std::move(entry));
  }
  return out;
}

} // namespace gitsync
