#include "git_worker/worker.h"

#include "support/catch.h"

#include <unistd.h>

// Not a test: the git worker of the other tests. They start their own binary as `unit_tests git-worker`, which runs this hidden
// case, as the operator runs gitsync-git-worker.
TEST_CASE("git-worker", "[.]") { _exit(gitsync::git::worker_main()); }
