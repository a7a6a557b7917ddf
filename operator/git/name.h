// Names of files in a git tree are hostile bytes. Pure.
#pragma once
#include "base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace gitsync::git {

/// Why a tree entry's name cannot be taken: empty, ".", "..", ".git" in any case, "/", control characters, not UTF-8. Empty: it
/// can.
std::string_view name_fault(std::string_view name);

/// The bytes as one printable line: control characters, backslashes and what is not UTF-8 as \xNN, shortened.
std::string escaped(std::string_view bytes);

/// Whether a file is read as a manifest: *.yaml, *.yml, *.json.
bool is_manifest_name(std::string_view name);

/// A path as its components. Errors: UnsafePath for absolute paths, "..", ".git" and names that no tree should have.
Result<std::vector<std::string>> path_components(std::string_view path);

} // namespace gitsync::git
