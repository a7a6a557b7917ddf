#include "plan/gate.h"

#include <algorithm>

namespace gitsync {
namespace {

int wave_of(const ManagedObject& object) { return object.order ? object.order->wave : 0; }

} // namespace

bool is_done(const ManagedObject& object) {
  if (object.paused) return true; // nobody waits for what a person has in hand
  const bool applied = object.applied == object.content && object.phase != Phase::Pending && object.phase != Phase::Applying;
  return applied && object.health <= health::State::Suspended;
}

Gate::Gate(const DesiredSet& desired, ObjectTable& table, const std::set<ObjectRef>& failed) : table_(table), failed_(failed) {
  const bool waves = std::ranges::any_of(desired.ordered, [&](const ObjectRef& ref) {
    const auto* object = table.find(ref);
    return object && wave_of(*object) != 0;
  });
  if (!waves) return;
  const auto lower = [](std::optional<int>& least, int wave) { least = least ? std::min(*least, wave) : wave; };
  for (const auto& [file, objects] : desired.files)
    for (const auto& ref : objects) {
      const auto* object = table.find(ref);
      if (!object || is_done(*object)) continue;
      lower(open_wave_, wave_of(*object));
      if (failed.contains(ref)) lower(failed_wave_, wave_of(*object));
    }
}

bool Gate::done(const ObjectRef& ref) const {
  const auto* object = table_.find(ref);
  return object && is_done(*object);
}

bool Gate::lacks_ground(const ObjectRef& ref) const {
  if (failed_.empty()) return false;
  if (!ref.ns.empty() && failed_.contains({"", "Namespace", "", ref.ns})) return true;
  // A definition's name ends with the group that it defines.
  return !ref.group.empty() && std::ranges::any_of(failed_, [&](const ObjectRef& failed) {
    return failed.kind == "CustomResourceDefinition" && failed.group == "apiextensions.k8s.io" &&
           failed.name.ends_with("." + ref.group);
  });
}

Gate::Answer Gate::ask(const ManagedObject& object) const {
  if (failed_.contains(object.ref) || lacks_ground(object.ref)) return Answer::Denied;
  // Where others stand: a Namespace or definition goes ahead of what lies in it, whatever its wave.
  if (stage_of(object.ref.group_kind()) == Stage::Definitions && wave_of(object) == 0 &&
      (!object.order || object.order->depends_on.empty()))
    return Answer::Go;
  if (failed_wave_ && wave_of(object) > *failed_wave_) return Answer::Denied;
  if (object.order) {
    if (std::ranges::any_of(object.order->depends_on, [&](const ObjectRef& ref) { return failed_.contains(ref); }))
      return Answer::Denied;
    if (!std::ranges::all_of(object.order->depends_on, [&](const ObjectRef& ref) { return done(ref); })) return Answer::Wait;
  }
  return open_wave_ && wave_of(object) > *open_wave_ ? Answer::Wait : Answer::Go;
}

} // namespace gitsync
