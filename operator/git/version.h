// Which libgit2 this is. Any thread; libgit2 need not be initialised.
#pragma once
#include <string>

namespace gitsync::git {

/// "1.5.1", as it is at run time.
std::string library_version();

} // namespace gitsync::git
