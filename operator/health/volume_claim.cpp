// PersistentVolumeClaims. Rules of kstatus; a lost volume does not come back by waiting.
#include "base/json_read.h"
#include "health/kinds.h"

namespace gitsync::health {

Health of_volume_claim(const nlohmann::json& live) {
  const std::string phase = read_text(read_member(live, "status"), "phase");
  if (phase == "Bound") return {};
  if (phase == "Lost") return {State::Degraded, "its volume is lost"};
  return {State::Progressing, "not bound yet"};
}

} // namespace gitsync::health
