#include "plan/plan.h"

#include "base/text.h"

#include <numeric>

namespace gitsync {

size_t DesiredSet::objects() const {
  return std::accumulate(files.begin(), files.end(), size_t{0},
                         [](size_t sum, const auto& file) { return sum + file.second.size(); });
}

void DesiredSet::toggle(const ObjectRef& ref, const Digest& content) {
  const Digest token = gitsync::digest(ref.text(), content.hex());
  for (size_t i = 0; i < token.bytes.size(); ++i) digest.bytes[i] ^= token.bytes[i];
}

std::expected<Plan, std::vector<Error>> make_plan(const DesiredSet& current, RevisionDelta delta, ObjectTable& table,
                                                  const std::string& owner) {
  std::vector<Error> errors;
  Plan plan;
  const auto replaced = [&](const std::string& file) { return delta.full || delta.files.contains(file); };

  std::map<ObjectRef, OrderNode> nodes;
  for (const auto& object : delta.objects)
    if (object.order) nodes[object.ref] = {object.at, *object.order};

  std::set<ObjectRef> named;
  for (auto& object : delta.objects) {
    named.insert(object.ref);
    ManagedObject* known = table.find(object.ref);
    if (known && known->sync->owner != owner) {
      errors.push_back(fail(Code::OwnedByOther,
                            cat(object.at.text(), ": ", object.ref.text(), " is managed by GitSync ", known->sync->owner,
                                ": remove it from one of the two"),
                            Retry::Backoff)
                           .error());
      continue;
    }
    const bool declared = known && known->phase != Phase::Removing;
    if (declared && !replaced(known->at.file)) {
      errors.push_back(fail(Code::DuplicateObject, cat(object.at.text(), ": ", object.ref.text(), " is declared already at ",
                                                       known->at.text(), ": remove one of them"))
                           .error());
      continue;
    }
    if (!known) plan.created.push_back(object.ref);
    if (declared && known->content == object.content && known->version == object.version)
      plan.moved.push_back(std::move(object));
    else
      plan.apply.push_back(std::move(object));
  }
  for (const auto& [file, objects] : current.files) {
    if (!replaced(file)) continue;
    for (const auto& ref : objects)
      if (const auto* object = table.find(ref); !named.contains(ref) && (!object || object->sync->owner == owner))
        plan.prune.push_back(ref);
  }
  for (const auto& ref : plan.prune) {
    const auto* object = table.find(ref);
    if (delta.opted_out.contains(ref) || (object && object->rules && object->rules->keep)) plan.given_up.insert(ref);
  }
  for (const auto& ref : current.leaving)
    if (const auto* object = table.find(ref); object && object->unasked && object->sync->owner == owner && !named.contains(ref))
      plan.unasked.push_back(ref);
  const std::set<ObjectRef> gone(plan.prune.begin(), plan.prune.end());
  for (const auto& ref : current.ordered)
    if (const auto* object = table.find(ref); object && object->order && !gone.contains(ref) && !named.contains(ref))
      nodes[ref] = {object->at, *object->order};
  std::ranges::move(order_errors(nodes,
                                 [&](const ObjectRef& ref) {
                                   if (named.contains(ref)) return true;
                                   const auto* object = table.find(ref);
                                   return object && object->sync->owner == owner && object->phase != Phase::Removing &&
                                          !gone.contains(ref);
                                 }),
                    std::back_inserter(errors));
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return plan;
}

} // namespace gitsync
