// What a git host sends on a push.
#pragma once
#include "support/http.h"
#include "support/process.h"
#include "support/text.h"

#include <string>
#include <vector>

namespace gitsync::test {

/// HMAC-SHA-256 in hex, by the openssl command: not by the operator's own code.
inline std::string hmac_of(const std::string& secret, const std::string& body) {
  const auto said = must({.argv = {"openssl", "dgst", "-sha256", "-hmac", secret, "-r"}, .input = body});
  return said.substr(0, said.find(' '));
}

/// POSTs a body to a webhook of the operator; the HTTP status.
inline long deliver(const std::string& address, const std::string& path, const std::string& body,
                    const std::vector<std::string>& headers) {
  return Http().request("POST", "http://" + address + path, body, headers).status;
}

} // namespace gitsync::test
