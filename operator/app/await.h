// Waits for what becomes of a request, by a watch.
#pragma once
#include "app/cluster.h"
#include "app/outcome.h"

#include <nlohmann/json.hpp>

namespace gitsync::app {

/// Watches one object from the version that is given (the answer to the write that asked) until its outcome is known. Returns
/// it, or the error that ends the wait: the object was deleted (ApiNotFound), the watch is refused, Cancelled, or Timeout at
/// the deadline. Transient failures of the watch are bridged. Control thread.
Task<Result<Outcome>> await_outcome(Session& session, Kind kind, nlohmann::json object, std::string requested_at,
                                    Instant deadline);

} // namespace gitsync::app
