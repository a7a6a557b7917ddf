#include "git_worker/history.h"

#include "base/text.h"
#include "git/name.h"
#include "git/path_glob.h"
#include "git/url.h"

#include <algorithm>
#include <cstring>

namespace gitsync::git {
namespace {

/// Two trees → whether a file differs that a glob matches.
class Comparison {
public:
  Comparison(git_repository* repository, const std::vector<PathGlob>& globs, const HistoryLimits& limits)
      : repository_(repository), globs_(globs), limits_(limits) {}

  bool differ(const git_tree* now, const git_tree* before, const std::string& prefix, int depth) {
    // By name, not by place: a file that became a directory stands elsewhere in git's order, so each side is looked up in the
    // other, and the order doesn't matter.
    return one_sided(now, before, prefix, depth, true) || (!error_ && one_sided(before, now, prefix, depth, false));
  }

  const std::optional<Error>& error() const { return error_; }

private:
  /// `forward`: entries that both have are compared; else only those that `other` lacks are.
  bool one_sided(const git_tree* tree, const git_tree* other, const std::string& prefix, int depth, bool forward) {
    const size_t count = tree ? git_tree_entrycount(tree) : 0;
    for (size_t i = 0; i < count && !error_; ++i) {
      if (++seen_ > limits_.entries) {
        error_ =
            fail(Code::GitLimit, cat("the history has more than ", limits_.entries, " changed entries to look at")).error();
        break;
      }
      const auto* entry = git_tree_entry_byindex(tree, i);
      const auto* twin = other ? git_tree_entry_byname(other, git_tree_entry_name(entry)) : nullptr;
      if (twin && (!forward || (git_oid_equal(git_tree_entry_id(entry), git_tree_entry_id(twin)) &&
                                git_tree_entry_filemode(entry) == git_tree_entry_filemode(twin))))
        continue;
      const std::string path = prefix + git_tree_entry_name(entry);
      if (is_file(entry) && matches(path)) return true;
      if (twin && is_file(twin) && matches(path)) return true;
      if ((is_directory(entry) || (twin && is_directory(twin))) && may_match_below(path) &&
          below(is_directory(entry) ? entry : nullptr, twin && is_directory(twin) ? twin : nullptr, path, depth))
        return true;
    }
    return false;
  }

  bool below(const git_tree_entry* now, const git_tree_entry* before, const std::string& path, int depth) {
    if (depth == limits_.depth) return false;
    const auto now_tree = subtree(now, path), before_tree = subtree(before, path);
    if (error_) return false;
    return differ(now_tree.get(), before_tree.get(), path + "/", depth + 1);
  }

  Tree subtree(const git_tree_entry* entry, std::string_view path) {
    if (!entry) return nullptr;
    int rc = 0;
    auto tree = make<Tree>(rc, git_tree_lookup, repository_, git_tree_entry_id(entry));
    if (!tree)
      error_ = fail(Code::GitFetch, cat(escaped(path), ": cannot be read from the mirror: ", last_message()), Retry::Backoff)
                   .error();
    return tree;
  }

  // A symbolic link or a submodule is one entry, as a file is.
  static bool is_directory(const git_tree_entry* entry) { return git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE; }
  static bool is_file(const git_tree_entry* entry) { return !is_directory(entry); }
  bool matches(const std::string& path) const {
    return std::ranges::any_of(globs_, [&](const PathGlob& glob) { return glob.matches(path); });
  }
  bool may_match_below(const std::string& path) const {
    return std::ranges::any_of(globs_, [&](const PathGlob& glob) { return glob.may_match_below(path); });
  }

  git_repository* repository_;
  const std::vector<PathGlob>& globs_;
  const HistoryLimits& limits_;
  size_t seen_ = 0;
  std::optional<Error> error_;
};

} // namespace

Result<LastChange> last_change(Mirrors& mirrors, const HistoryJob& job, const HistoryLimits& limits) {
  const auto name = display_url(job.url);
  std::vector<PathGlob> globs;
  for (const auto& path : job.paths) {
    auto glob = PathGlob::parse(path);
    if (!glob) return std::unexpected(glob.error());
    globs.push_back(std::move(*glob));
  }
  const auto opened = mirrors.open(job.mirror);
  if (!opened) return wrap(opened.error(), name);
  if (!*opened) return fail(Code::GitFetch, cat(name, ": there is no mirror; it has to be fetched first"), Retry::Backoff);
  auto* repository = (*opened)->repository.get();
  const auto unreadable = [&](std::string_view what) {
    return fail(Code::GitFetch, cat(name, ": ", what, " cannot be read from the mirror: ", last_message()), Retry::Backoff);
  };

  git_oid oid;
  int rc = 0;
  if (!oid_from(oid, job.commit)) return fail(Code::InvalidSpec, cat("commit ", escaped(job.commit), ": is not 40 hex digits"));
  auto commit = make<Commit>(rc, git_commit_lookup, repository, &oid);
  if (!commit)
    return fail(Code::GitFetch, cat(name, ": commit ", job.commit, " is not in the mirror; it has to be fetched again"),
                Retry::Backoff);
  auto tree = make<Tree>(rc, git_commit_tree, commit.get());
  if (!tree) return unreadable(cat("the tree of commit ", job.commit));

  Comparison comparison(repository, globs, limits);
  for (size_t walked = 0;; ++walked) {
    const auto id = oid_text(*git_commit_id(commit.get()));
    if (id == job.known_commit) return LastChange{job.known_change};
    if (walked == limits.commits)
      return fail(Code::GitLimit, cat(name, ": none of the last ", limits.commits, " commits changed ", join(job.paths, ", ")));
    Commit parent;
    Tree parent_tree;
    if (git_commit_parentcount(commit.get()) > 0) {
      parent = make<Commit>(rc, git_commit_parent, commit.get(), 0U);
      if (!parent && rc == GIT_ENOTFOUND)
        return fail(Code::GitFetch, cat(name, ": the history ends at ", id,
                                        ", whose parent is missing, before any commit that "
                                        "changed ",
                                        join(job.paths, ", "), ": the remote must not be a shallow clone"));
      if (!parent) return unreadable(cat("the parent of commit ", id));
      parent_tree = make<Tree>(rc, git_commit_tree, parent.get());
      if (!parent_tree) return unreadable(cat("the tree of the parent of commit ", id));
    }
    const bool same = parent_tree && git_oid_equal(git_tree_id(tree.get()), git_tree_id(parent_tree.get()));
    const bool differ = !same && comparison.differ(tree.get(), parent_tree.get(), "", 0);
    if (comparison.error()) return wrap(*comparison.error(), name);
    if (differ) return LastChange{id};
    if (!parent)
      return fail(Code::PathNotFound, cat(name, ": no commit up to ", job.commit.substr(0, 7), " has changed ",
                                          join(job.paths, ", "), "; correct the globs"));
    commit = std::move(parent);
    tree = std::move(parent_tree);
  }
}

} // namespace gitsync::git
