#include "git_worker/known_hosts.h"

#include "base/text.h"

#include <algorithm>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace gitsync::git {
namespace {

/// Glob of * and ?, without case. Linear in practice: one retry position, no recursion.
bool matches(std::string_view pattern, std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  size_t p = 0, n = 0, star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] != '*' && lower(pattern[p]) == lower(name[n])))) {
      ++p, ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// "|1|salt|hash": HMAC-SHA1 of the name with the salt as key.
bool hashed_matches(std::string_view field, std::string_view name) {
  const auto parts = split(field, '|');
  if (parts.size() != 4 || parts[1] != "1") return false;
  const auto salt = base64_decode(parts[2]), hash = base64_decode(parts[3]);
  if (!salt || !hash) return false;
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!HMAC(EVP_sha1(), salt->data(), static_cast<int>(salt->size()), reinterpret_cast<const unsigned char*>(name.data()),
            name.size(), mac, &size))
    return false;
  return *hash == std::string_view(reinterpret_cast<const char*>(mac), size);
}

bool listed(std::string_view hosts, std::string_view name) {
  if (hosts.starts_with('|')) return hashed_matches(hosts, name);
  bool found = false;
  for (std::string_view pattern : split(hosts, ',')) {
    const bool negated = pattern.starts_with('!');
    if (negated) pattern.remove_prefix(1);
    if (!matches(pattern, name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

/// The next word of the line.
std::string_view word(std::string_view& line) {
  line = trim(line);
  const size_t end = std::min(line.find_first_of(" \t"), line.size());
  const auto out = line.substr(0, end);
  line.remove_prefix(end);
  return out;
}

} // namespace

std::string known_host_name(std::string_view host, uint16_t port) {
  return port == 22 ? std::string(host) : cat("[", host, "]:", port);
}

std::vector<KnownKey> known_keys(std::string_view known_hosts, std::string_view host, uint16_t port) {
  const std::string name = known_host_name(host, port);
  std::vector<KnownKey> out;
  for (std::string_view line : split(known_hosts, '\n')) {
    line = trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    auto first = word(line);
    const bool revoked = first == "@revoked";
    if (revoked) first = word(line);
    if (first.starts_with('@') || !listed(first, name)) continue;
    const auto type = word(line), blob = word(line);
    if (auto bytes = base64_decode(blob); bytes && !bytes->empty())
      out.push_back({std::string(type), std::move(*bytes), revoked});
  }
  return out;
}

HostKeyVerdict judge_host_key(const std::vector<KnownKey>& keys, std::string_view blob) {
  bool trusted = false, other = false;
  for (const auto& key : keys) {
    if (key.blob == blob && key.revoked) return HostKeyVerdict::Revoked;
    if (!key.revoked) (key.blob == blob ? trusted : other) = true;
  }
  if (trusted) return HostKeyVerdict::Trusted;
  return other ? HostKeyVerdict::Mismatch : HostKeyVerdict::Unknown;
}

std::string preferred_key_type(const std::vector<KnownKey>& keys) {
  std::string best;
  int best_rank = 0;
  for (const auto& key : keys) {
    const int rank = key.revoked ? 0 : key.type == "ssh-ed25519" ? 3 : key.type.starts_with("ecdsa-") ? 2 : 1;
    if (rank > best_rank) best_rank = rank, best = key.type;
  }
  return best;
}

} // namespace gitsync::git
