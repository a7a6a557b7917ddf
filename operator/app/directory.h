// Reads a directory's manifest files by the rules of the git worker (git/client.h, Client::read), for `gitsync render`.
#pragma once
#include "base/error.h"
#include "object/manifest.h"

#include <filesystem>
#include <vector>

namespace gitsync::app {

/// What a directory may cost; the git worker's own figures (git/tree_walk.h, git/read.h).
struct DirectoryLimits {
  size_t entries = 1'000'000;
  size_t files = 100'000;
  int depth = 64;
  uint64_t bytes = 512ull << 20; // of manifest files in all
  size_t errors = 100;
};

/// All that was read, and all that is wrong: each message begins with the file, relative to the directory.
struct DirectoryContent {
  std::vector<Manifest> manifests; // in byte order of their files' paths
  std::vector<Error> errors;
  size_t files = 0;
};

/// *.yaml, *.yml and *.json of the directory and those below it. Names that begin with a dot are left out; symbolic links,
/// directories that are a repository of their own (submodules) and special files are UnsafePath errors. What .gitignore names
/// is read all the same. Any thread; blocks.
DirectoryContent read_directory(const std::filesystem::path& directory, const DirectoryLimits& limits = {});

} // namespace gitsync::app
