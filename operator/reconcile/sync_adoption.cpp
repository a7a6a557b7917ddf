// Objects that exist before their first apply: taken over, or the revision is refused before anything of it is written. The
// decision is in plan/adoption.h.
#include "base/log.h"
#include "base/text.h"
#include "plan/adoption.h"
#include "reconcile/sync.h"

namespace gitsync::reconcile {

/// What stands in the way of the plan, each error beginning with the manifest's file:line.
Task<std::vector<Error>> Sync::not_to_be_taken(const Plan& plan) {
  std::vector<Error> out;
  const auto policy = spec_->spec.adopt;
  if (policy == api::Adopt::Always || plan.created.empty()) co_return out;
  const std::set<ObjectRef> created(plan.created.begin(), plan.created.end());
  std::map<ObjectRef, SourceLocation> places;
  std::vector<ObjectRef> refs;
  for (const auto& object : plan.apply) {
    if (!created.contains(object.ref)) continue;
    if (object.rules && object.rules->once) continue; // what exists is left alone anyway
    places[object.ref] = object.at;
    refs.push_back(object.ref);
  }
  const auto facts = facts_;
  auto live = co_await context_.applier.look_at(std::move(refs), facts);
  if (!live) {
    out.push_back(std::move(live.error()));
    co_return out;
  }
  std::map<std::string, bool> at_work; // by the owner's text: one look each
  std::map<std::string, size_t> adopted;
  for (const auto& [ref, object] : *live) {
    if (is_own_already(object, facts->label, facts->manager)) continue;
    if (policy == api::Adopt::Never) {
      out.push_back(refuse_existing(places[ref], ref));
      continue;
    }
    const auto owner = other_owner(ref, object);
    const auto text = owner ? owner->text() : std::string("nobody");
    if (owner && !at_work.contains(text)) {
      const bool busy = co_await context_.applier.at_work(*owner);
      at_work[text] = busy;
    }
    if (owner && at_work[text])
      out.push_back(refuse_owned(places[ref], ref, *owner));
    else
      ++adopted[text];
  }
  if (out.empty())
    for (const auto& [from, count] : adopted)
      log::info("adopts what exists", {{"gitsync", meta_.key()}, {"objects", count}, {"from", from}});
  co_return out;
}

} // namespace gitsync::reconcile
