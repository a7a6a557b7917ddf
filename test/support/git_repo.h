// A bare git repository and somebody who commits to it, with the git command.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::test {

class GitRepo {
public:
  /// Below that directory: "<name>.git" (bare) and "<name>" (its work tree). The branch is main.
  GitRepo(const std::filesystem::path& directory, const std::string& name);

  std::string url() const { return "file://" + bare_.string(); }
  const std::filesystem::path& bare() const { return bare_; }
  const std::filesystem::path& work() const { return work_; }

  // The work tree; nothing is seen of it before commit().
  GitRepo& write(const std::string& path, std::string_view content);
  GitRepo& symlink(const std::string& path, const std::string& target);
  GitRepo& remove(const std::string& path); // a file, or a directory with all in it

  /// Commits all and pushes; returns the commit's id. An empty commit is a commit.
  std::string commit(const std::string& message = "a change");
  /// The same, but instead of the latest commit, by a forced push.
  std::string recommit(const std::string& message = "another change");
  /// Commits that tree (its id) and pushes, whatever the work tree is.
  std::string commit_tree(const std::string& tree);

  /// Makes the remote unreachable by moving it, and brings it back.
  void go_away();
  void come_back();

  /// A git command in the work tree; returns its output without the last line break.
  std::string git(const std::vector<std::string>& arguments, const std::string& input = {}) const;

private:
  std::filesystem::path bare_, work_;
};

} // namespace gitsync::test
