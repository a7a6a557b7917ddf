#include "plan/healthy_set.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gitsync {
namespace {

Fallback fallback_of(const ManagedObject& object) { return {object.version, object.at, object.body, object.content}; }

bool is_declared(const ManagedObject* object) { return object && object->phase != Phase::Removing && !object->content.empty(); }

} // namespace

void HealthySet::renew(Identity identity) { restore(std::move(identity), {}); }

void HealthySet::restore(Identity identity, Changes changes) {
  identity_ = std::move(identity);
  changes_ = std::move(changes);
}

bool HealthySet::remember(const Plan& plan, ObjectTable& table) {
  if (!known()) return false;
  bool news = false;
  const auto differs = [&](const ObjectRef& ref, std::optional<Fallback> before) {
    news |= changes_.emplace(ref, std::move(before)).second;
  };
  for (const auto& next : plan.apply) {
    const auto* object = table.find(next.ref);
    if (const auto it = changes_.find(next.ref); it != changes_.end()) {
      if (!it->second || it->second->content != next.content || it->second->version != next.version) continue;
      changes_.erase(it); // as the healthy revision had it
      news = true;
    } else {
      differs(next.ref, is_declared(object) ? std::optional(fallback_of(*object)) : std::nullopt);
    }
  }
  for (const auto& ref : plan.prune) {
    const auto* object = table.find(ref);
    if (const auto it = changes_.find(ref); it != changes_.end()) {
      if (it->second) continue;
      changes_.erase(it); // it came and goes again
      news = true;
    } else if (is_declared(object)) {
      differs(ref, fallback_of(*object));
    }
  }
  return news;
}

bool is_irreversible(const GroupKind& kind) {
  if (kind.group == "apiextensions.k8s.io") return kind.kind == "CustomResourceDefinition";
  return kind.group.empty() &&
         (kind.kind == "Namespace" || kind.kind == "PersistentVolumeClaim" || kind.kind == "PersistentVolume");
}

Rollback make_rollback(const HealthySet& healthy, const std::function<Standing(const ObjectRef&)>& standing,
                       const std::function<bool(const ObjectRef&)>& made_by_us) {
  Rollback out;
  for (const auto& [ref, before] : healthy.changes()) {
    const auto now = standing(ref);
    if (now == Standing::Others || (is_irreversible(ref.group_kind()) && now == Standing::Declared)) {
      out.kept.push_back(ref);
    } else if (!before) {
      (made_by_us(ref) ? out.prune : out.release).push_back(ref);
    } else {
      Prepared prepared{ref, before->version, before->at, before->body, before->content, nullptr, nullptr};
      if (auto hints = order_hints(nlohmann::json::parse(before->body.json(), nullptr, false)); hints && !hints->empty())
        prepared.order = std::make_shared<const OrderHints>(std::move(*hints));
      out.restore.push_back(std::move(prepared));
    }
  }
  return out;
}

} // namespace gitsync
