#include "support/git_repo.h"

#include "support/process.h"
#include "support/text.h"

namespace gitsync::test {

GitRepo::GitRepo(const std::filesystem::path& directory, const std::string& name)
    : bare_(directory / (name + ".git")), work_(directory / name) {
  std::filesystem::create_directories(work_);
  git({"init", "--quiet", "--bare", "--initial-branch=main", bare_});
  git({"init", "--quiet", "--initial-branch=main"});
  git({"remote", "add", "origin", bare_});
}

std::string GitRepo::git(const std::vector<std::string>& arguments, const std::string& input) const {
  Command command{.argv = {"git", "-c", "core.autocrlf=false", "-c", "gc.auto=0", "-c", "commit.gpgsign=false"},
                  .environment = {{"GIT_CONFIG_NOSYSTEM", "1"},
                                  {"GIT_CONFIG_GLOBAL", "/dev/null"},
                                  {"GIT_TERMINAL_PROMPT", "0"},
                                  {"GIT_AUTHOR_NAME", "A Tester"},
                                  {"GIT_AUTHOR_EMAIL", "tester@example.com"},
                                  {"GIT_COMMITTER_NAME", "A Tester"},
                                  {"GIT_COMMITTER_EMAIL", "tester@example.com"}},
                  .directory = work_,
                  .input = input};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  std::string out = must(command);
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

GitRepo& GitRepo::write(const std::string& path, std::string_view content) {
  write_file(work_ / path, content);
  return *this;
}

GitRepo& GitRepo::symlink(const std::string& path, const std::string& target) {
  std::filesystem::create_directories((work_ / path).parent_path());
  std::filesystem::create_symlink(target, work_ / path);
  return *this;
}

GitRepo& GitRepo::remove(const std::string& path) {
  std::filesystem::remove_all(work_ / path);
  return *this;
}

std::string GitRepo::commit(const std::string& message) {
  git({"add", "--all"});
  git({"commit", "--quiet", "--allow-empty", "-m", message});
  git({"push", "--quiet", "origin", "HEAD:refs/heads/main"});
  return git({"rev-parse", "HEAD"});
}

std::string GitRepo::recommit(const std::string& message) {
  git({"add", "--all"});
  git({"commit", "--quiet", "--allow-empty", "--amend", "-m", message});
  git({"push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"});
  return git({"rev-parse", "HEAD"});
}

std::string GitRepo::commit_tree(const std::string& tree) {
  const std::string id = git({"commit-tree", tree, "-p", "HEAD", "-m", "a tree"});
  git({"push", "--quiet", "--force", "origin", id + ":refs/heads/main"});
  return id;
}

void GitRepo::go_away() { std::filesystem::rename(bare_, bare_.string() + ".away"); }
void GitRepo::come_back() { std::filesystem::rename(bare_.string() + ".away", bare_); }

} // namespace gitsync::test
