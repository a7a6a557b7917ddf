#include "plan/object_rules.h"

#include "base/json_read.h"
#include "base/text.h"
#include "object/additions.h"
#include "object/label_selector.h"
#include "plan/healthy_set.h"

#include <algorithm>
#include <array>

namespace gitsync {
namespace {

using nlohmann::json;

std::string annotation(const json& body, std::string_view key) {
  return read_text(read_member(read_member(body, "metadata"), "annotations"), key);
}

std::unexpected<Error> odd(std::string_view key, std::string_view choices, std::string_view value) {
  return fail(Code::InvalidManifest, cat("annotation ", key, " must be ", choices, ", not \"", value.substr(0, 80), '"'));
}

bool may_fit(const api::Target& target, const ObjectRef& ref) {
  return (!target.group || *target.group == ref.group) && (target.kind.empty() || target.kind == ref.kind) &&
         (target.name.empty() || target.name == ref.name) && (target.ns.empty() || target.ns == ref.ns);
}

/// Adds what the rules of the spec say of the object.
void add_ignored(ObjectRules& out, const ObjectRef& ref, const json& body, const std::vector<api::DriftIgnore>& ignore) {
  for (const auto& rule : ignore) {
    if (!may_fit(rule.target, ref)) continue;
    const auto selector = LabelSelector::parse(rule.target.labels);
    if (!selector || !selector->matches(read_member(read_member(body, "metadata"), "labels"))) continue;
    for (const auto& path : rule.paths)
      if (auto pattern = FieldPattern::parse(path)) out.ignored.push_back(std::move(*pattern));
    out.managers.insert(out.managers.end(), rule.managers.begin(), rule.managers.end());
  }
}

} // namespace

Result<SharedRules> rules_of(const ObjectRef& ref, const json& body, const std::vector<api::DriftIgnore>& ignore) {
  ObjectRules out;
  const auto apply = annotation(body, apply_annotation);
  out.never = apply == "Never";
  out.once = apply == "Once";
  if (!apply.empty() && apply != "Always" && !out.never && !out.once)
    return odd(apply_annotation, "Always, Once or Never", apply);
  for (const auto& [key, flag, yes] :
       {std::tuple{prune_annotation, &out.keep, "disabled"}, {recreate_annotation, &out.recreate, "enabled"}}) {
    const auto value = annotation(body, key);
    if (!value.empty() && value != "enabled" && value != "disabled") return odd(key, "enabled or disabled", value);
    *flag = value == yes;
  }
  if (out.recreate && is_irreversible(ref.group_kind()))
    return fail(Code::InvalidManifest,
                cat("annotation ", recreate_annotation, ": a ", ref.kind,
                    " takes with it what it holds and is never deleted to be changed: remove the annotation"));
  add_ignored(out, ref, body, ignore);
  if (out.empty()) return SharedRules{};
  return std::make_shared<const ObjectRules>(std::move(out));
}

SharedRules rules_again(const ObjectRef& ref, std::string_view body, const std::vector<api::DriftIgnore>& ignore) {
  static constexpr std::array keys = {apply_annotation, prune_annotation, recreate_annotation};
  const bool annotated = std::ranges::any_of(keys, [&](auto key) { return body.find(key) != std::string_view::npos; });
  if (!annotated && std::ranges::none_of(ignore, [&](const auto& rule) { return may_fit(rule.target, ref); })) return {};
  return rules_of(ref, json::parse(body, nullptr, false), ignore).value_or(SharedRules{});
}

SharedRules given_up_rules() {
  static const SharedRules rules = [] {
    ObjectRules keep;
    keep.keep = true;
    return std::make_shared<const ObjectRules>(std::move(keep));
  }();
  return rules;
}

Digest content_of(std::string_view salt, std::string_view body, const SharedRules& rules) {
  if (!rules || (rules->ignored.empty() && rules->managers.empty())) return digest(salt, body);
  std::string text(body);
  for (const auto& pattern : rules->ignored) text += cat("\n", pattern.text());
  for (const auto& manager : rules->managers) text += cat("\n@", manager);
  return digest(salt, text);
}

void leave_out(json& body, const json* live, std::string_view manager, const SharedRules& rules) {
  if (!rules) return;
  for (const auto& pattern : rules->ignored) pattern.erase(body);
  if (live && !rules->managers.empty()) yield_fields(body, *live, manager, rules->managers);
}

} // namespace gitsync
