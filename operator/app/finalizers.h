// Our finalizers on GitSyncs, where no operator is there (any more) to take them off itself.
#pragma once
#include "kube/client.h"

#include <cstddef>
#include <string>

namespace gitsync::app {

/// Takes our finalizer off all GitSyncs of a namespace ("": of all), so that their deletion waits for nobody: what they manage
/// stays as it is. Returns of how many; the first error where one could not be changed, after all were tried.
Task<Result<size_t>> drop_finalizers(kube::Client& client, std::string ns);

} // namespace gitsync::app
