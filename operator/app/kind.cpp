#include "app/kind.h"

#include "api/names.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::app {
namespace {

struct Word {
  std::string_view text;
  Kind kind;
};
constexpr Word words[] = {
    {"gitsync", Kind::GitSync},
    {"gitsyncs", Kind::GitSync},
    {"gs", Kind::GitSync},
    {"gitrepository", Kind::GitRepository},
    {"gitrepositories", Kind::GitRepository},
    {"gitrepo", Kind::GitRepository},
};

kube::Resource resource(std::string_view plural, std::string_view kind) {
  return {.group = std::string(api::api_group),
          .version = std::string(api::api_version),
          .plural = std::string(plural),
          .kind = std::string(kind),
          .namespaced = true};
}

} // namespace

std::string_view kind_text(Kind kind) { return kind == Kind::GitSync ? api::git_sync_kind : api::git_repository_kind; }

std::string object_text(Kind kind, std::string_view ns, std::string_view name) {
  return cat(kind_text(kind), ' ', api::owner_name(ns, name));
}

const kube::Resource& resource_of(Kind kind) {
  static const kube::Resource sync = resource(api::git_sync_plural, api::git_sync_kind);
  static const kube::Resource repository = resource(api::git_repository_plural, api::git_repository_kind);
  return kind == Kind::GitSync ? sync : repository;
}

std::optional<Kind> parse_kind(std::string_view word) {
  std::string lower(word);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  if (const auto dot = lower.find('.'); dot != std::string::npos && std::string_view(lower).substr(dot + 1) == api::api_group)
    lower.resize(dot); // "gitsyncs.gitops.volaticloud.com"
  const auto* found = std::ranges::find(words, std::string_view(lower), &Word::text);
  return found == std::end(words) ? std::nullopt : std::optional(found->kind);
}

std::vector<std::string> kind_words() {
  std::vector<std::string> out;
  for (const auto& word : words) out.emplace_back(word.text);
  return out;
}

} // namespace gitsync::app
