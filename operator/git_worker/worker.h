// The git worker: the process that touches git and what comes out of repositories (docs/security.md).
#pragma once

namespace gitsync::git {

/// The main loop of a process of its own: frames (runtime/frame.h) on standard input, answers on standard output, one job after
/// the other until standard input ends. Returns the exit code.
int worker_main();

} // namespace gitsync::git
