// What the tests of the git room share: scratch directories, repositories made by the `git` command, a client with its event
// loop.
#pragma once
#include "base/text.h"
#include "git/client.h"
#include "support/catch.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace gitsync::test {
namespace fs = std::filesystem;

class ScratchDir {
public:
  ScratchDir() {
    std::string name = (fs::temp_directory_path() / "gitsync-test-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~ScratchDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  const fs::path& path() const { return path_; }
  fs::path operator/(std::string_view name) const { return path_ / name; }

private:
  fs::path path_;
};

/// Runs a command line with `input`; gives its standard output without the last newline. A failure is a failure of the test.
inline std::string shell(const std::string& command, const std::string& input = "") {
  const ScratchDir scratch;
  std::ofstream(scratch / "in", std::ios::binary) << input;
  const auto line = cat("(", command, ") < ", (scratch / "in").string(), " > ", (scratch / "out").string(), " 2> ",
                        (scratch / "err").string());
  const int status = std::system(line.c_str());
  const auto content = [&](const char* name) {
    std::ostringstream out;
    out << std::ifstream(scratch / name, std::ios::binary).rdbuf();
    return out.str();
  };
  if (status != 0) FAIL(cat(command, "\n", content("err")));
  auto out = content("out");
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

/// A bare repository whose commits are made from maps of files, without a work tree.
class TestRepository {
public:
  explicit TestRepository(fs::path path, std::string_view options = "") : path_(std::move(path)) {
    shell(cat("git init -q --bare -b main ", options, " ", path_.string()));
    git("config uploadpack.allowAnySHA1InWant false");
    git("config http.receivepack true");
  }

  std::string git(const std::string& arguments, const std::string& input = "") const {
    return shell(cat("GIT_CONFIG_NOSYSTEM=1 HOME=/nonexistent GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t "
                     "GIT_COMMITTER_EMAIL=t@t "
                     "git --git-dir=",
                     path_.string(), " ", arguments),
                 input);
  }

  /// One `git fast-import`: all files of a commit, which stands on nothing or on `parent`.
  std::string commit(const std::map<std::string, std::string>& files, const std::string& branch = "main",
                     const std::string& parent = "") {
    std::string stream = cat("commit refs/heads/", branch, "\ncommitter t <t@t> ", ++time_, " +0000\ndata 1\nm\n");
    if (!parent.empty()) stream += cat("from ", parent, "\n");
    stream += "deleteall\n";
    for (const auto& [name, content] : files)
      stream += cat("M 100644 inline ", name, "\ndata ", content.size(), "\n", content, "\n");
    git("fast-import --quiet --force", stream);
    return git(cat("rev-parse refs/heads/", branch));
  }

  /// A commit of a tree that is given entry by entry, as no git command would make it: {mode, name, object}.
  struct RawEntry {
    std::string mode, name, oid;
  };
  std::string tree(const std::vector<RawEntry>& entries) const {
    std::string bytes;
    for (const auto& entry : entries) {
      bytes += cat(entry.mode, " ", entry.name) + '\0';
      for (size_t i = 0; i < entry.oid.size(); i += 2)
        bytes += static_cast<char>(std::stoi(entry.oid.substr(i, 2), nullptr, 16));
    }
    return git("hash-object -t tree -w --literally --stdin", bytes);
  }
  std::string blob(const std::string& content) const { return git("hash-object -w --stdin", content); }
  std::string commit_tree(const std::string& tree_id, const std::string& branch = "main") const {
    const auto id = git(cat("commit-tree -m m ", tree_id));
    git(cat("update-ref refs/heads/", branch, " ", id));
    return id;
  }

  std::string file_url() const { return "file://" + path_.string(); }
  std::string name() const { return path_.filename().string(); }
  const fs::path& path() const { return path_; }

private:
  fs::path path_;
  int time_ = 1'700'000'000;
};

/// A client and its event loop, which runs only inside run(). The workers are this test binary (worker_test.cpp).
class ClientFixture {
public:
  explicit ClientFixture(git::Client::Options options = {}) {
    if (options.mirrors.empty()) options.mirrors = scratch / "mirrors";
    mirrors = options.mirrors;
    client.emplace(io.get_executor(), std::move(options));
  }

  template <class T> T run(Task<T> task, asio::cancellation_slot slot = {}) {
    std::optional<T> result;
    std::exception_ptr failure;
    bool done = false;
    asio::co_spawn(io, std::move(task), asio::bind_cancellation_slot(slot, [&](std::exception_ptr error, T value) {
                     failure = error;
                     if (!error) result.emplace(std::move(value));
                     done = true;
                   }));
    while (!done) { // NOLINT(bugprone-infinite-loop): the handler sets it
      io.restart();
      io.run_one();
    }
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  Result<git::Fetched> fetch(const std::string& url, git::RefSpec ref = {}, git::Credentials credentials = {},
                             std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
    return run(client->fetch({.url = url, .ref = std::move(ref), .credentials = std::move(credentials), .timeout = timeout}));
  }

  struct Read {
    Result<git::ReadResult> result;
    std::vector<git::FileChange> changes;
  };
  Read read(const std::string& url, const std::string& commit, const std::string& path = "", const std::string& base = "") {
    std::vector<git::FileChange> changes;
    auto result = run(client->read({.url = url, .commit = commit, .path = path, .base_tree = base},
                                   [&](git::FileChange change) { changes.push_back(std::move(change)); }));
    return {std::move(result), std::move(changes)};
  }

  Result<git::Trees> trees(const std::string& url, const std::string& commit, std::vector<std::string> paths) {
    return run(client->trees({.url = url, .commit = commit, .paths = std::move(paths)}));
  }

  ScratchDir scratch;
  fs::path mirrors;
  asio::io_context io;
  std::optional<git::Client> client;
};

/// The git workers among this process' children.
inline std::set<pid_t> worker_pids() {
  std::set<pid_t> out;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream children(task.path() / "children");
    for (pid_t pid; children >> pid;) {
      std::ifstream file(cat("/proc/", pid, "/cmdline"), std::ios::binary);
      std::string line;
      std::getline(file, line);
      if (line.find("git-worker") != std::string::npos) out.insert(pid);
    }
  }
  return out;
}

inline std::string config_map(const std::string& name, const std::string& value = "v") {
  return cat("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ", name, "\ndata:\n  key: ", value, "\n");
}

/// Content that no compression makes small.
inline std::string noise(size_t size, unsigned seed = 1) {
  std::string out;
  uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
  while (out.size() < size) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    out += cat("\"", state, "\" ");
  }
  return out;
}

} // namespace gitsync::test
