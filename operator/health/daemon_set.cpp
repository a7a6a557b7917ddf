// DaemonSets. Rules of kstatus; OnDelete ones are not awaited, since their pods are replaced by hand.
#include "health/kinds.h"
#include "health/replicas.h"

namespace gitsync::health {

Health of_daemon_set(const nlohmann::json& live) {
  const auto& status = read_member(live, "status");
  if (!read_member(status, "observedGeneration").is_number_integer()) return {State::Progressing, "not scheduled yet"};
  const int64_t wanted = read_integer(status, "desiredNumberScheduled");
  const bool by_hand = read_text(read_member(read_member(live, "spec"), "updateStrategy"), "type") == "OnDelete";
  const int64_t scheduled = read_integer(status, "currentNumberScheduled"),
                updated = read_integer(status, "updatedNumberScheduled");
  const int64_t available = std::min(read_integer(status, "numberAvailable"), read_integer(status, "numberReady"));
  if (scheduled < wanted) return {State::Progressing, count_text(scheduled, wanted, "scheduled")};
  if (updated < wanted && !by_hand) return {State::Progressing, count_text(updated, wanted, "updated")};
  if (available < wanted) return {State::Progressing, count_text(available, wanted, "available")};
  return {};
}

} // namespace gitsync::health
