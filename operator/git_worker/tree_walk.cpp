#include "git_worker/tree_walk.h"

#include "base/text.h"
#include "git/name.h"

#include <algorithm>
#include <cstring>

namespace gitsync::git {
namespace {

struct Entry {
  std::string_view name; // belongs to the tree
  git_filemode_t mode;
  const git_oid* oid;

  bool directory() const { return mode == GIT_FILEMODE_TREE; }
  bool file() const { return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE; }
};

/// Git's order: a directory sorts as if its name ended in "/". It makes a walk meet full paths in byte order.
int compare(const Entry& a, const Entry& b) {
  const size_t common = std::min(a.name.size(), b.name.size());
  if (const int c = std::memcmp(a.name.data(), b.name.data(), common); c != 0) return c;
  const auto next = [&](const Entry& e) {
    return e.name.size() > common ? static_cast<unsigned char>(e.name[common])
                                  : static_cast<unsigned char>(e.directory() ? '/' : 0);
  };
  if (next(a) != next(b)) return next(a) < next(b) ? -1 : 1;
  return a.name.size() == b.name.size() ? 0 : a.name.size() < b.name.size() ? -1 : 1;
}

std::vector<Entry> entries_of(const git_tree* tree) {
  std::vector<Entry> out;
  if (!tree) return out;
  const size_t count = git_tree_entrycount(tree);
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const auto* entry = git_tree_entry_byindex(tree, i);
    out.push_back({git_tree_entry_name(entry), git_tree_entry_filemode(entry), git_tree_entry_id(entry)});
  }
  // git writes trees in this order; a hand-made one may be in any.
  const auto less = [](const Entry& a, const Entry& b) { return compare(a, b) < 0; };
  if (!std::ranges::is_sorted(out, less)) std::ranges::sort(out, less);
  return out;
}

class Walk {
public:
  Walk(git_repository* repository, const WalkLimits& limits) : repository_(repository), limits_(limits) {}

  void run(const git_tree* now, const git_tree* before, const std::string& prefix, int depth) {
    const auto a = entries_of(now), b = entries_of(before);
    check_duplicates(a, prefix);
    size_t i = 0, j = 0;
    while (!stop_ && (i < a.size() || j < b.size())) {
      const int order = i == a.size() ? 1 : j == b.size() ? -1 : compare(a[i], b[j]);
      if (order == 0 && a[i].mode == b[j].mode && git_oid_equal(a[i].oid, b[j].oid)) {
        ++i, ++j;
      } else if (order == 0) {
        changed(a[i++], &b[j++], prefix, depth);
      } else if (order < 0) {
        changed(a[i++], nullptr, prefix, depth);
      } else {
        gone(b[j++], prefix, depth);
      }
    }
  }

  WalkResult take() { return std::move(result_); }

private:
  void error(Code code, std::string message) {
    if (result_.errors.size() < limits_.errors)
      result_.errors.push_back(fail(code, std::move(message)).error());
    else
      ++result_.more_errors;
  }

  bool count() {
    if (++seen_ <= limits_.entries) return true;
    if (!stop_) error(Code::GitLimit, cat("the path has more than ", limits_.entries, " entries"));
    stop_ = true;
    return false;
  }

  /// Two entries of one name ("a" as a file and as a directory, too): which one is meant is anybody's guess.
  void check_duplicates(const std::vector<Entry>& entries, const std::string& prefix) {
    for (size_t i = 1; i < entries.size(); ++i)
      if (entries[i].name == entries[i - 1].name)
        error(Code::UnsafePath, cat(escaped(cat(prefix, entries[i].name)), ": is there twice"));
    // A file "a" and a directory "a" stand apart where "a.x" sorts between them.
    for (const auto& entry : entries) {
      if (!entry.directory()) continue;
      const Entry twin{entry.name, GIT_FILEMODE_BLOB, entry.oid};
      const auto at = std::ranges::lower_bound(entries, twin, [](const Entry& x, const Entry& y) { return compare(x, y) < 0; });
      if (at != entries.end() && at->name == entry.name && !at->directory() && std::next(at) != entries.end() &&
          std::next(at)->name != entry.name)
        error(Code::UnsafePath, cat(escaped(cat(prefix, entry.name)), ": is there twice"));
    }
  }

  Tree subtree(const git_oid* oid, std::string_view path) {
    int rc = 0;
    auto tree = make<Tree>(rc, git_tree_lookup, repository_, oid);
    if (!tree) damaged(path);
    return tree;
  }

  void damaged(std::string_view path) {
    result_.damaged = true;
    stop_ = true;
    error(Code::GitFetch, cat(escaped(path), ": cannot be read from the mirror: ", last_message()));
  }

  void add(std::string file, const git_oid* blob, bool removed) {
    if (result_.changes.size() == limits_.files) {
      error(Code::GitLimit, cat("the path has more than ", limits_.files, " manifest files"));
      stop_ = true;
      return;
    }
    result_.changes.push_back({std::move(file), blob ? *blob : git_oid{}, removed});
  }

  void changed(const Entry& entry, const Entry* before, const std::string& prefix, int depth) {
    if (!count()) return;
    const auto path = cat(prefix, entry.name);
    if (const auto fault = name_fault(entry.name); !fault.empty())
      return error(Code::UnsafePath, cat(escaped(path), ": has ", fault));
    if (entry.name.starts_with('.')) return;
    if (entry.mode == GIT_FILEMODE_LINK)
      return error(Code::UnsafePath, cat(path, ": is a symbolic link; commit the file itself"));
    if (entry.mode == GIT_FILEMODE_COMMIT)
      return error(Code::UnsafePath, cat(path, ": is a submodule; commit the files themselves"));
    if (entry.directory()) return descend(entry, before && before->directory() ? before : nullptr, path, depth);
    if (entry.file() && is_manifest_name(entry.name)) add(path, entry.oid, false);
  }

  void descend(const Entry& entry, const Entry* before, const std::string& path, int depth) {
    if (depth == limits_.depth) return error(Code::GitLimit, cat(path, ": is deeper than ", limits_.depth, " directories"));
    const auto now_tree = subtree(entry.oid, path);
    if (!now_tree) return;
    Tree before_tree;
    if (before && !(before_tree = subtree(before->oid, path))) return;
    run(now_tree.get(), before_tree.get(), path + "/", depth + 1);
  }

  void gone(const Entry& entry, const std::string& prefix, int depth) {
    if (!count() || entry.name.starts_with('.')) return;
    const auto path = cat(prefix, entry.name);
    if (entry.directory()) {
      if (depth == limits_.depth) return;
      if (const auto tree = subtree(entry.oid, path)) run(nullptr, tree.get(), path + "/", depth + 1);
    } else if (entry.file() && is_manifest_name(entry.name)) {
      add(path, nullptr, true);
    }
  }

  git_repository* repository_;
  const WalkLimits& limits_;
  WalkResult result_;
  size_t seen_ = 0;
  bool stop_ = false;
};

} // namespace

WalkResult walk_difference(git_repository* repository, const git_tree* now, const git_tree* before, const WalkLimits& limits) {
  Walk walk(repository, limits);
  if (!before || !git_oid_equal(git_tree_id(now), git_tree_id(before))) walk.run(now, before, "", 0);
  return walk.take();
}

} // namespace gitsync::git
