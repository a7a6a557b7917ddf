#include "drift/judge.h"

namespace gitsync {
namespace {

using nlohmann::json;

const json& metadata_of(const json& object) {
  static const json empty = json::object();
  const auto it = object.find("metadata");
  return it != object.end() && it->is_object() ? *it : empty;
}

std::string text(const json& metadata, const char* name) {
  const auto it = metadata.find(name);
  return it != metadata.end() && it->is_string() ? it->get<std::string>() : std::string();
}

uint64_t number(const std::string& version) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), value);
  return error == std::errc{} && end == version.data() + version.size() ? value : 0;
}

bool older(const ManagedObject& object, const json& metadata) {
  const uint64_t version = number(text(metadata, "resourceVersion"));
  return object.phase != Phase::Unseen && version != 0 && object.resource_version != 0 && version < object.resource_version;
}

} // namespace

Judgement judge(const ManagedObject& object, const json& live) {
  if (object.phase == Phase::Applying) return {Verdict::Park, {}};
  if (object.phase == Phase::Pending || object.phase == Phase::Removing) return {Verdict::Ignore, {}};
  const auto& metadata = metadata_of(live);
  if (older(object, metadata)) return {Verdict::Stale, {}};
  if (metadata.contains("deletionTimestamp")) return {Verdict::Deleting, {}};
  auto mine = ownership(live, object.sync->manager, object.sync->salt, object.empties);
  if (object.applied != object.content) return {Verdict::Unapplied, std::move(mine)};
  if (mine && mine->digest == object.owned) return {Verdict::Settled, std::move(mine)};
  return {Verdict::Modified, std::move(mine)};
}

Absence judge_absence(const ManagedObject& object, const json& last) {
  const auto& metadata = metadata_of(last);
  if (object.phase == Phase::Applying) return Absence::Park;
  if (older(object, metadata)) return Absence::Stale;
  return object.phase == Phase::Removing ? Absence::Pruned : Absence::Gone;
}

} // namespace gitsync
