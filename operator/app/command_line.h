// Flags → one verb (one file per verb).
#pragma once

namespace gitsync::app {

/// Runs the verb that argv names. Returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Main thread, once a
/// process.
int main(int argc, char** argv);

} // namespace gitsync::app
