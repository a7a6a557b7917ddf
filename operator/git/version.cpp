#include "git/version.h"

#include "base/text.h"

#include <git2.h>

namespace gitsync::git {

std::string library_version() {
  int major = 0, minor = 0, patch = 0;
  git_libgit2_version(&major, &minor, &patch);
  return cat(major, '.', minor, '.', patch);
}

} // namespace gitsync::git
