#include "git_worker/trees.h"

#include "base/hash.h"
#include "base/text.h"
#include "git/name.h"
#include "git/path_glob.h"
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

constexpr size_t most_matches = 200'000; // entries that all globs of a question may look at
constexpr int max_depth = 128;

/// What some globs match in a tree, as one text. Of a directory below which everything matches its id tells all.
class Matches {
public:
  Matches(git_repository* repository, std::vector<PathGlob> globs, size_t& seen)
      : repository_(repository), globs_(std::move(globs)), seen_(seen) {}

  /// False where it is too much, or cannot be read.
  bool collect(const git_tree* tree, const std::string& prefix, int depth) {
    const size_t count = git_tree_entrycount(tree);
    for (size_t i = 0; i < count; ++i) {
      if (++seen_ > most_matches) return false;
      const auto* entry = git_tree_entry_byindex(tree, i);
      const std::string path = prefix + git_tree_entry_name(entry);
      if (git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE) {
        if (any([&](const PathGlob& glob) { return glob.matches(path); })) note(path, entry);
      } else if (any([&](const PathGlob& glob) { return glob.matches_all_below(path); })) {
        note(path, entry);
      } else if (any([&](const PathGlob& glob) { return glob.may_match_below(path); })) {
        const git_oid id = *git_tree_entry_id(entry);
        int rc = 0;
        const auto below = make<Tree>(rc, git_tree_lookup, repository_, &id);
        if (!below || depth == max_depth || !collect(below.get(), path + "/", depth + 1)) return false;
      }
    }
    return true;
  }

  std::string digest() const { return sha256_hex(text_); }

private:
  bool any(const auto& predicate) const { return std::ranges::any_of(globs_, predicate); }
  void note(const std::string& path, const git_tree_entry* entry) {
    text_ += cat(path, '\0', std::to_string(git_tree_entry_filemode(entry)), ' ', oid_text(*git_tree_entry_id(entry)), '\n');
  }

  git_repository* repository_;
  std::vector<PathGlob> globs_;
  size_t& seen_;
  std::string text_;
};

Result<std::vector<PathGlob>> parsed(const Globs& globs) {
  std::vector<PathGlob> out;
  for (const auto& text : globs) {
    auto glob = PathGlob::parse(text);
    if (!glob) return std::unexpected(glob.error());
    out.push_back(std::move(*glob));
  }
  return out;
}

} // namespace

Result<Trees> trees(Mirrors& mirrors, const TreesJob& job) {
  const auto opened = mirrors.open(job.mirror);
  if (!opened) return wrap(opened.error(), display_url(job.url));
  if (!*opened) return fail(Code::GitFetch, cat(display_url(job.url), ": there is no mirror"), Retry::Backoff);
  const Mirror& mirror = **opened;
  auto root = tree_at(mirror, job.url, job.commit, {});
  if (root.error) return std::unexpected(*root.error);
  Trees out;
  size_t seen = 0;
  for (const auto& globs : job.globs) {
    auto wanted = parsed(globs);
    if (!wanted) return std::unexpected(wanted.error());
    Matches matches(mirror.repository.get(), std::move(*wanted), seen);
    if (matches.collect(root.tree.get(), "", 0)) out.matches[globs] = matches.digest();
  }
  Directories directories(mirror.repository.get(), std::move(root.tree));
  for (const auto& path : job.paths)
    if (const auto components = path_components(path))
      if (auto id = directories.id_of(*components); !id.empty()) out.ids[path] = std::move(id);
  return out;
}

} // namespace gitsync::git
