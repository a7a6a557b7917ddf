// Which libcurl this is. Any thread.
#pragma once
#include <string>

namespace gitsync::http {

/// "7.88.1, OpenSSL/3.0.22, nghttp2 1.52.0", as it is at run time.
std::string library_version();

} // namespace gitsync::http
