// The git worker alone, for its memory: linked with what it needs and nothing else, it is half as large as `gitsync
// git-worker`, which does the same. The operator takes it where it lies beside gitsync.
#include "git/client.h"

int main() { return gitsync::git::worker_main(); }
