#include "drift/judge.h"

#include "base/json_read.h"
#include "object/resource_version.h"

namespace gitsync {
namespace {

using nlohmann::json;

bool older(const ManagedObject& object, const json& live) {
  const uint64_t version = version_of(live);
  return object.phase != Phase::Unseen && version != 0 && object.resource_version != 0 && version < object.resource_version;
}

} // namespace

Judgement judge(const ManagedObject& object, const json& live) {
  if (object.phase == Phase::Applying) return {Verdict::Park, {}};
  if (object.phase == Phase::Pending || object.phase == Phase::Removing) return {Verdict::Ignore, {}};
  if (older(object, live)) return {Verdict::Stale, {}};
  if (read_member(live, "metadata").contains("deletionTimestamp")) return {Verdict::Deleting, {}};
  auto mine = ownership(live, object.sync->manager, object.sync->salt, object.empties);
  if (object.applied != object.content) return {Verdict::Unapplied, std::move(mine)};
  if (object.rules && object.rules->once) { // whatever is done to it
    if (!mine) return {Verdict::Ignore, {}};
    return {Verdict::Settled, std::move(mine)};
  }
  if (mine && mine->digest == object.owned) return {Verdict::Settled, std::move(mine)};
  return {Verdict::Modified, std::move(mine)};
}

Absence judge_absence(const ManagedObject& object, const json& last) {
  if (object.phase == Phase::Applying) return Absence::Park;
  if (older(object, last)) return Absence::Stale;
  return object.phase == Phase::Removing ? Absence::Pruned : Absence::Gone;
}

} // namespace gitsync
