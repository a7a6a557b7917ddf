// What a registry asks for when it answers 401. Pure.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::registry {

/// One way to authenticate.
struct Challenge {
  std::string scheme;                            // in lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters; // names in lower case: realm, service, scope
};

/// The challenges of one WWW-Authenticate header, in its order; what is no challenge is left out. Source: RFC 9110, section
/// 11.6.1.
std::vector<Challenge> parse_challenges(std::string_view header);

} // namespace gitsync::registry
