// The one place where secrets are kept from being seen: values are registered once, every outgoing string passes redact().
#pragma once
#include <string>
#include <string_view>

namespace gitsync {

/// Registers a value (a token, password, private key, value of a Secret's data) that must never be shown. Values shorter than
/// 6 bytes are not registered: masking them would garble everything else. Any thread. Also masks the value's base64 form.
/// The register is bounded (4,096 values); the oldest give way.
void register_secret(std::string_view value);

/// The text with every registered value, URL userinfo (https://user:pass@host) and Authorization header masked by "***".
/// Every string to a log, event, status, metric or terminal passes through here. Any thread.
std::string redact(std::string_view text);

/// Masks string values inside an API server's message about a Secret: what such messages quote is data. Source: Argo CD
/// CVE-2021-23135 and CVE-2025-23216 (Secret values echoed in patch errors).
std::string redact_quoted(std::string_view text);

} // namespace gitsync
