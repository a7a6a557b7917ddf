// Services: only those of type LoadBalancer have something to wait for.
#include "base/json_read.h"
#include "health/kinds.h"

namespace gitsync::health {

Health of_service(const nlohmann::json& live) {
  if (read_text(read_member(live, "spec"), "type") != "LoadBalancer") return {};
  const auto& addresses = read_member(read_member(read_member(live, "status"), "loadBalancer"), "ingress");
  if (addresses.is_array() && !addresses.empty()) return {};
  return {State::Progressing, "the load balancer has no address yet"};
}

} // namespace gitsync::health
