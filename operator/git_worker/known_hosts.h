// OpenSSH's known_hosts, from memory. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::git {

/// A host key that known_hosts lists for one host.
struct KnownKey {
  std::string type; // "ssh-ed25519"
  std::string blob; // the key's bytes
  bool revoked = false;
};

enum class HostKeyVerdict {
  Trusted,  // go on
  Unknown,  // the host is not listed: refuse, ask for its line
  Mismatch, // listed with other keys: refuse, somebody may be in between
  Revoked,  // listed as @revoked: refuse
};

/// The keys listed for host and port, in the file's order. Plain and hashed names, patterns with * and ?, negation and @revoked
/// are understood, @cert-authority is not (no host certificates). Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
std::vector<KnownKey> known_keys(std::string_view known_hosts, std::string_view host, uint16_t port);

HostKeyVerdict judge_host_key(const std::vector<KnownKey>& keys, std::string_view blob);

/// The key type to ask the server for, so that it shows a key that is listed: ed25519, then ecdsa, then what comes first. Empty
/// where there is none.
std::string preferred_key_type(const std::vector<KnownKey>& keys);

/// The name under which OpenSSH lists a host: "host", or "[host]:2222" for another port than 22.
std::string known_host_name(std::string_view host, uint16_t port);

} // namespace gitsync::git
