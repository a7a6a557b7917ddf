// What a repository's URL says. Pure.
#pragma once
#include "base/error.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace gitsync::git {

enum class Transport { File, Http, Https, Ssh };

struct Url {
  Transport transport = Transport::File;
  std::string user;      // empty where the URL names none
  bool password = false; // whether it carries one
  std::string host;      // without brackets; empty for file://
  uint16_t port = 0;     // the scheme's own where the URL names none; 0 for file://
};

/// Takes https://, http://, ssh://, file:/// and user@host:path. Everything else (git:// has neither encryption nor
/// authentication; a bare path; a helper such as ext::) is InvalidSpec, as are control characters and, for ssh, a user or host
/// that begins with "-".
Result<Url> parse_url(std::string_view text);

/// The path of a file URL, percent-decoded as libgit2 does it, with symlinks and ".." resolved.
std::filesystem::path file_path(std::string_view url);

/// The directory name of a URL's mirror: 32 hex digits of its SHA-256.
std::string mirror_name(std::string_view url);

/// A URL as messages show it: without userinfo, query and fragment, shortened.
std::string display_url(std::string_view url);

} // namespace gitsync::git
