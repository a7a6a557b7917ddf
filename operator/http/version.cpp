#include "http/version.h"

#include <curl/curl.h>

namespace gitsync::http {
std::string library_version() { return curl_version(); }
} // namespace gitsync::http
