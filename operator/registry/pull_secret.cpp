#include "registry/pull_secret.h"

#include "base/json_read.h"
#include "base/secret.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::registry {
namespace {

using nlohmann::json;

constexpr std::string_view config_key = ".dockerconfigjson", ca_key = "ca.crt", docker_hub = "docker.io";
constexpr size_t max_entries = 1000;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// "https://index.docker.io/v1/" → "docker.io" and "".
std::pair<std::string, std::string> host_and_path(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  while (key.ends_with('/')) key.remove_suffix(1);
  const auto slash = key.find('/');
  std::string host = lower(std::string(key.substr(0, slash)));
  std::string path(slash == std::string_view::npos ? std::string_view() : key.substr(slash + 1));
  if (path == "v1" || path == "v2") path.clear(); // the API's version, as docker writes it
  if (host == "index.docker.io" || host == "registry-1.docker.io") host = docker_hub;
  return {std::move(host), std::move(path)};
}

/// "*" stands for what is not a dot. In time that is at most the product of both lengths, whoever wrote the pattern.
bool label_matches(std::string_view pattern, std::string_view label) {
  size_t p = 0, l = 0, star = std::string_view::npos, resume = 0;
  while (l < label.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = l;
    } else if (p < pattern.size() && pattern[p] == label[l]) {
      ++p, ++l;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      l = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool host_matches(std::string_view pattern, std::string_view host) {
  const auto patterns = split(pattern, '.'), labels = split(host, '.');
  return std::ranges::equal(patterns, labels, label_matches);
}

bool path_matches(std::string_view path, std::string_view repository) {
  return path.empty() || repository == path || (repository.starts_with(path) && repository[path.size()] == '/');
}

} // namespace

Result<PullSecret> PullSecret::parse(const json& secret) {
  const auto& metadata = read_member(secret, "metadata");
  const auto wrong = [&](std::string_view why) {
    return fail(Code::RegistryAuth,
                cat("Secret ", read_text(metadata, "namespace"), "/", read_text(metadata, "name"), ": ", why));
  };
  PullSecret out;
  const auto& data = read_member(secret, "data");
  out.ca_pem_ = base64_decode(read_text(data, ca_key)).value_or("");
  const auto text = read_text(data, config_key);
  if (text.empty())
    return out.ca_pem_.empty() ? Result<PullSecret>(wrong(
                                     cat("has no key ", config_key, "; make it with: kubectl create secret docker-registry")))
                               : std::move(out);
  const auto decoded = base64_decode(text);
  const json config = decoded ? json::parse(*decoded, nullptr, false) : json();
  const auto& auths = read_member(config, "auths");
  if (!auths.is_object()) return wrong(cat("its ", config_key, " is not JSON with an object \"auths\""));
  if (auths.size() > max_entries) return wrong(cat("its ", config_key, " has more than ", max_entries, " entries"));
  for (const auto& [key, value] : auths.items()) {
    Entry entry;
    std::tie(entry.host, entry.path) = host_and_path(key);
    entry.credentials = {read_text(value, "username"), read_text(value, "password")};
    const auto encoded = read_text(value, "auth");
    register_secret(encoded);
    if (entry.credentials.user.empty() && !encoded.empty()) {
      const auto pair = base64_decode(encoded).value_or("");
      const auto colon = pair.find(':');
      if (colon == std::string::npos)
        return wrong(cat("its ", config_key, ": the entry ", shorten(entry.host, 80),
                         " has an \"auth\" that is not base64 of user:password"));
      entry.credentials = {pair.substr(0, colon), pair.substr(colon + 1)};
    }
    register_secret(read_text(value, "identitytoken"));
    register_secret(entry.credentials.password);
    if (!entry.credentials.user.empty()) out.entries_.push_back(std::move(entry));
  }
  return out;
}

std::optional<Credentials> PullSecret::find(const ImageName& image) const {
  const std::string host = lower(image.registry);
  const auto rank = [&](const Entry& entry) { return std::pair(entry.path.size(), entry.host == host); };
  const Entry* best = nullptr;
  for (const auto& entry : entries_)
    if (host_matches(entry.host, host) && path_matches(entry.path, image.repository) && (!best || rank(entry) > rank(*best)))
      best = &entry;
  return best ? std::optional(best->credentials) : std::nullopt;
}

} // namespace gitsync::registry
