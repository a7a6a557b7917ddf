// Which libcurl this is. Any thread.
#pragma once
#include <string>

namespace gitsync::http {

/// "libcurl/7.88.1 OpenSSL/3.0.17 …", as it is at run time.
std::string library_version();

} // namespace gitsync::http
