// Jobs: awaited until they are complete. (kstatus calls a running Job current; Flux and Helm wait, and so do their users.)
#include "health/condition.h"
#include "health/kinds.h"
#include "health/replicas.h"

namespace gitsync::health {

Health of_job(const nlohmann::json& live) {
  const auto& status = read_member(live, "status");
  if (const auto& failed = condition_of(live, "Failed"); is_status(failed, "True")) return {State::Degraded, explain(failed)};
  if (is_status(condition_of(live, "Complete"), "True")) return {};
  if (is_status(condition_of(live, "Suspended"), "True")) return {State::Suspended, "suspended"};
  if (!read_member(status, "startTime").is_string()) return {State::Progressing, "not started yet"};
  const int64_t failures = read_integer(status, "failed");
  return {State::Progressing, cat("running: ", read_integer(status, "active"), " active, ", read_integer(status, "succeeded"),
                                  " succeeded", failures > 0 ? cat(", ", failures, " failed") : "")};
}

} // namespace gitsync::health
