#include "plan/veto.h"

#include "api/names.h"
#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync {
namespace {

constexpr size_t least_for_percent = 5;
constexpr int64_t default_percent = 50;

std::string names_text(std::vector<std::string> names) {
  const size_t count = names.size();
  if (count > 5) names.resize(5);
  return cat(join(names, ", "), count > 5 ? ", …" : "");
}

} // namespace

bool is_protected(const GroupKind& kind) {
  return kind.group.empty() &&
         (kind.kind == "Namespace" || kind.kind == "PersistentVolumeClaim" || kind.kind == "PersistentVolume");
}

bool is_own_branch(const ManagedObject& object, const OwnHome& home) {
  const auto& ref = object.ref;
  if (ref.group == "apiextensions.k8s.io" && ref.kind == "CustomResourceDefinition")
    return ref.name.ends_with(cat(".", api::api_group));
  if (home.ns.empty()) return false;
  if (ref.group.empty() && ref.kind == "Namespace") return ref.name == home.ns;
  if (ref.ns != home.ns || object.body.empty()) return false;
  const auto body = nlohmann::json::parse(object.body.json(), nullptr, false);
  return read_text(read_member(read_member(body, "metadata"), "labels"), "app.kubernetes.io/name") == "gitsync-operator";
}

std::vector<Error> prune_questions(const Plan& plan, const DesiredSet& current, const api::GitSyncSpec& spec,
                                   const std::string& owner, const std::set<ObjectRef>& populated) {
  std::vector<Error> out;
  if (!spec.prune || (plan.prune.size() == plan.given_up.size() && plan.unasked.empty())) return out;
  const auto ask = [&](Code code, std::string text) { out.push_back(fail(code, cat("GitSync ", owner, ": ", text)).error()); };
  const size_t before = current.objects() + current.leaving.size();
  const size_t gone = plan.prune.size() - plan.given_up.size() + plan.unasked.size();
  const std::string counted =
      cat(gone, " of ", before, before == 1 ? " object" : " objects",
          plan.unasked.empty() ? "" : cat(" (", plan.unasked.size(), " left git while spec.prune.enabled was false)"));
  if (plan.prune.size() == current.objects() && plan.apply.empty() && plan.moved.empty() && !spec.allow_empty)
    ask(Code::EmptyRevision, cat("no manifest is left under ", spec.path, ", which would delete all ", before,
                                 " objects: put the manifests back, or set spec.prune.allowEmpty if that is meant"));
  if (spec.max_delete && static_cast<int64_t>(gone) > *spec.max_delete)
    ask(Code::PruneBlocked, cat("the revision would delete ", counted, ", more than spec.prune.maxDelete ", *spec.max_delete));
  const int64_t percent = spec.max_delete_percent.value_or(default_percent);
  if (before >= least_for_percent && static_cast<int64_t>(gone * 100) > percent * static_cast<int64_t>(before) && out.empty())
    ask(Code::PruneBlocked, cat("the revision would delete ", counted, ", more than spec.prune.maxDeletePercent ", percent));
  std::vector<std::string> precious, inhabited;
  for (const auto* list : {&plan.prune, &plan.unasked})
    for (const auto& ref : *list) {
      if (plan.given_up.contains(ref)) continue;
      if (is_protected(ref.group_kind())) precious.push_back(ref.text());
      if (populated.contains(ref)) inhabited.push_back(ref.text());
    }
  if (!precious.empty())
    ask(Code::PruneBlocked, cat("the revision would delete ", names_text(precious), " with all that they hold"));
  if (!inhabited.empty())
    ask(Code::PruneBlocked, cat("the revision would delete ", names_text(inhabited), " with all objects of that kind"));
  return out;
}

std::string plan_digest(const Plan& plan, bool prune) {
  std::vector<std::string> lines;
  for (const auto& object : plan.apply)
    lines.push_back(cat("apply ", object.ref.text(), ' ', object.version, ' ', object.content.hex()));
  for (const auto& ref : plan.prune)
    lines.push_back(cat(plan.given_up.contains(ref) ? "give up " : prune ? "prune " : "leave ", ref.text()));
  for (const auto& ref : plan.unasked) lines.push_back(cat(prune ? "prune " : "leave ", ref.text()));
  std::ranges::sort(lines);
  return cat("sha256:", sha256_hex(join(lines, "\n")));
}

} // namespace gitsync
