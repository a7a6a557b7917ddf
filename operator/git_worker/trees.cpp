#include "git_worker/trees.h"

#include "base/text.h"
#include "git/name.h"
#include "git/url.h"
#include "git_worker/tree_at.h"

namespace gitsync::git {

namespace {

/// The directories of one commit, each read once: a root with a thousand entries is too large for libgit2's own cache.
class Directories {
public:
  Directories(git_repository* repository, Tree root) : repository_(repository) { known_[""] = std::move(root); }

  /// The id of the tree there; empty where there is none.
  std::string id_of(const std::vector<std::string>& components) {
    if (components.empty()) return oid_text(*git_tree_id(known_[""].get()));
    const std::vector<std::string> above(components.begin(), components.end() - 1);
    const git_tree* parent = tree_of(above);
    const git_tree_entry* entry = parent ? git_tree_entry_byname(parent, components.back().c_str()) : nullptr;
    return entry && git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE ? oid_text(*git_tree_entry_id(entry)) : std::string();
  }

private:
  const git_tree* tree_of(const std::vector<std::string>& components) {
    std::string walked;
    const git_tree* here = known_[""].get();
    for (const auto& component : components) {
      walked += "/" + component;
      auto [it, fresh] = known_.try_emplace(walked);
      if (fresh) {
        const auto* entry = git_tree_entry_byname(here, component.c_str());
        if (entry && git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE) {
          const git_oid id = *git_tree_entry_id(entry);
          int rc = 0;
          it->second = make<Tree>(rc, git_tree_lookup, repository_, &id);
        }
      }
      here = it->second.get();
      if (!here) return nullptr;
    }
    return here;
  }

  git_repository* repository_;
  std::map<std::string, Tree> known_; // null: there is none
};

} // namespace

Result<Trees> trees(Mirrors& mirrors, const TreesJob& job) {
  const auto opened = mirrors.open(job.mirror);
  if (!opened) return wrap(opened.error(), display_url(job.url));
  if (!*opened) return fail(Code::GitFetch, cat(display_url(job.url), ": there is no mirror"), Retry::Backoff);
  const Mirror& mirror = **opened;
  auto root = tree_at(mirror, job.url, job.commit, {});
  if (root.error) return std::unexpected(*root.error);
  Directories directories(mirror.repository.get(), std::move(root.tree));
  Trees out;
  for (const auto& path : job.paths)
    if (const auto components = path_components(path))
      if (auto id = directories.id_of(*components); !id.empty()) out.ids[path] = std::move(id);
  return out;
}

} // namespace gitsync::git
