#include "http/version.h"

#include "base/text.h"

#include <curl/curl.h>

namespace gitsync::http {

std::string library_version() {
  // curl_version() would start OpenLDAP, with all of SASL's plugins, to ask for its version.
  const auto* info = curl_version_info(CURLVERSION_NOW);
  std::string out = info->version;
  if (info->ssl_version) out += cat(", ", info->ssl_version);
  if (info->age >= CURLVERSION_SEVENTH && info->nghttp2_version) out += cat(", nghttp2 ", info->nghttp2_version);
  return out;
}

} // namespace gitsync::http
