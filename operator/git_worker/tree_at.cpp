#include "git_worker/tree_at.h"

#include "base/text.h"
#include "git/name.h"
#include "git/url.h"

namespace gitsync::git {
namespace {

TreeAt not_there(Code code, std::string message) { return {nullptr, fail(code, std::move(message)).error()}; }

TreeAt damage(const std::string& url, std::string_view what) {
  return {nullptr, fail(Code::GitFetch, cat(display_url(url), ": ", what, ": ", last_message())).error(), true};
}

} // namespace

TreeAt tree_at(const Mirror& mirror, const std::string& url, const std::string& commit_id,
               const std::vector<std::string>& components) {
  git_oid oid;
  int rc = 0;
  if (!oid_from(oid, commit_id))
    return not_there(Code::InvalidSpec, cat("commit ", escaped(commit_id), ": is not 40 hex digits"));
  if (git_odb_exists(mirror.odb.get(), &oid) != 1)
    return not_there(Code::GitFetch,
                     cat(display_url(url), ": commit ", commit_id, " is not in the mirror; it has to be fetched again"));
  const auto commit = make<Commit>(rc, git_commit_lookup, mirror.repository.get(), &oid);
  if (!commit) return damage(url, "the commit cannot be read");
  auto tree = make<Tree>(rc, git_commit_tree, commit.get());
  if (!tree) return damage(url, "the commit's tree cannot be read");
  std::string walked;
  for (const auto& component : components) {
    walked += (walked.empty() ? "" : "/") + component;
    const auto* entry = git_tree_entry_byname(tree.get(), component.c_str());
    if (!entry) return not_there(Code::PathNotFound, cat("path ", walked, ": is not in commit ", commit_id));
    const auto mode = git_tree_entry_filemode(entry);
    if (mode == GIT_FILEMODE_LINK) return not_there(Code::UnsafePath, cat("path ", walked, ": is a symbolic link"));
    if (mode == GIT_FILEMODE_COMMIT) return not_there(Code::UnsafePath, cat("path ", walked, ": is a submodule"));
    if (mode != GIT_FILEMODE_TREE) return not_there(Code::PathNotFound, cat("path ", walked, ": is a file; name a directory"));
    const git_oid id = *git_tree_entry_id(entry); // the entry goes with its tree
    tree = make<Tree>(rc, git_tree_lookup, mirror.repository.get(), &id);
    if (!tree) return damage(url, cat("path ", walked, " cannot be read"));
  }
  return {std::move(tree), std::nullopt};
}

} // namespace gitsync::git
