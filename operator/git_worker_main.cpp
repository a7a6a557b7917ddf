// The program gitsync-git-worker, which the operator starts and kills. Apart from gitsync, so that neither carries the other's
// libraries: that is memory for the operator, and time for each run of the command line.
#include "git_worker/worker.h"

int main() { return gitsync::git::worker_main(); }
