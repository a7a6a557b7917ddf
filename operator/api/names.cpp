#include "api/names.h"

#include "base/hash.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::api {
namespace {

constexpr std::string_view manager_prefix = "gitsync:";
constexpr size_t max_manager = 128;
constexpr size_t max_secret_name = 253;
constexpr size_t label_digits = 40;
constexpr size_t suffix_digits = 16;

bool printable(char c) { return c >= '!' && c <= '~'; }

std::string short_hash(std::string_view text) { return sha256_hex(text).substr(0, suffix_digits); }

} // namespace

bool is_own_key(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return false;
  const auto domain = key.substr(0, slash);
  return domain == api_group || (domain.ends_with(api_group) && domain[domain.size() - api_group.size() - 1] == '.');
}

std::string owner_name(std::string_view ns, std::string_view name) { return cat(ns, '/', name); }

std::string owner_label(std::string_view ns, std::string_view name) {
  return sha256_hex(owner_name(ns, name)).substr(0, label_digits);
}

std::string field_manager(std::string_view ns, std::string_view name) {
  const std::string owner = owner_name(ns, name);
  std::string manager = cat(manager_prefix, owner);
  if (manager.size() <= max_manager && std::ranges::all_of(manager, printable)) return manager;
  std::ranges::replace_if(manager, [](char c) { return !printable(c); }, '_');
  manager.resize(std::min(manager.size(), max_manager - suffix_digits - 1));
  return cat(manager, '-', short_hash(owner));
}

bool is_gitsync_manager(std::string_view manager) { return manager.starts_with(manager_prefix); }

std::string stored_secret_name(std::string_view sync_name, std::string_view content, unsigned chunk) {
  const std::string tail = cat('-', content, '-', chunk);
  std::string name = cat("gitsync-", sync_name, tail);
  if (name.size() <= max_secret_name) return name;
  name = cat("gitsync-", sync_name);
  name.resize(max_secret_name - tail.size() - suffix_digits - 1);
  while (!name.empty() && (name.back() == '.' || name.back() == '-')) name.pop_back(); // "a.-b" is no DNS subdomain
  return cat(name, '-', short_hash(sync_name), tail);
}

} // namespace gitsync::api
