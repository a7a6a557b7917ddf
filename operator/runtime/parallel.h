// Many at a time, bounded.
#pragma once
#include "runtime/task.h"

#include <cstddef>
#include <functional>

namespace gitsync {

/// Runs work(0) … work(count-1), at most `limit` at once, in that order of starting. Returns when all have ended; where the
/// caller is cancelled, it cancels those under way and starts no more.
Task<> parallel_for(size_t count, size_t limit, std::function<Task<>(size_t)> work);

} // namespace gitsync
