#include "app/directory.h"

#include "base/text.h"
#include "support/catch.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sys/stat.h>

using namespace gitsync;
using namespace gitsync::app;
namespace fs = std::filesystem;

namespace {

/// A directory of its own, gone at the end.
class Directory {
public:
  Directory() {
    std::string pattern = (fs::temp_directory_path() / "gitsync-directory-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Directory() { fs::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  void file(const std::string& name, std::string_view text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
  void manifest(const std::string& name) const {
    file(name, cat("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ", name.front(), "}\n"));
  }
  fs::path path;
};

std::vector<std::string> files_of(const DirectoryContent& content) {
  std::vector<std::string> out;
  for (const auto& manifest : content.manifests) out.push_back(manifest.at.text());
  return out;
}

std::vector<std::string> errors_of(const DirectoryContent& content) {
  std::vector<std::string> out;
  for (const auto& error : content.errors) out.push_back(error.message);
  return out;
}

} // namespace

TEST_CASE("manifest files are read in byte order of their paths, hidden ones are left out") {
  const Directory directory;
  for (const auto* name : {"b.yaml", "a/z.yml", "a.json.yaml", "a-b.yaml", "c/d/e.yaml"}) directory.manifest(name);
  for (const auto* name : {".hidden.yaml", ".git/config.yaml", "a/.x/y.yaml", "README.md", "a.yaml.orig", "c/values.YAML"})
    directory.file(name, "not: [a manifest");
  directory.file("l.json", R"([{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"l"}}])");
  const auto content = read_directory(directory.path);
  CHECK(errors_of(content).empty());
  CHECK(content.files == 6);
  CHECK(files_of(content) ==
        std::vector<std::string>{"a-b.yaml:1", "a.json.yaml:1", "a/z.yml:1", "b.yaml:1", "c/d/e.yaml:1", "l.json:1"});
}

TEST_CASE("what is no plain file is refused") {
  const Directory directory;
  directory.manifest("a.yaml");
  fs::create_symlink("a.yaml", directory.path / "link.yaml");
  fs::create_symlink("nowhere", directory.path / "link.txt");
  fs::create_directory_symlink(".", directory.path / "round");
  fs::create_symlink("a.yaml", directory.path / ".hidden");
  REQUIRE(mkfifo((directory.path / "fifo.yaml").c_str(), 0600) == 0);
  directory.file("module/.git", "gitdir: ../x");
  directory.manifest("module/b.yaml");
  const auto content = read_directory(directory.path);
  CHECK(errors_of(content) ==
        std::vector<std::string>{"fifo.yaml: is not a regular file", "link.txt: is a symbolic link; commit the file itself",
                                 "link.yaml: is a symbolic link; commit the file itself",
                                 "module: is a submodule or another repository; commit the files themselves",
                                 "round: is a symbolic link; commit the file itself"});
  for (const auto& error : content.errors) CHECK(error.code == Code::UnsafePath);
  CHECK(content.manifests.empty()); // nothing of a broken directory may be used
}

TEST_CASE("names that no tree should have are refused in one printable line") {
  const Directory directory;
  directory.manifest("a\nb.yaml");
  const auto content = read_directory(directory.path);
  CHECK(errors_of(content) == std::vector<std::string>{"a\\x0ab.yaml: has a name with control characters"});
}

TEST_CASE("a large file system pointer is no manifest") {
  const Directory directory;
  directory.file("a.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
  const auto content = read_directory(directory.path);
  REQUIRE(content.errors.size() == 1);
  CHECK(content.errors[0].message.starts_with("a.yaml:1: is a Git LFS pointer"));
}

TEST_CASE("all errors of all files are told, with their lines") {
  const Directory directory;
  directory.file("a.yaml", "x: 1\n---\ny: [\n---\nkind: ConfigMap\n");
  directory.file("b.json", "{");
  const auto content = read_directory(directory.path);
  std::set<std::string> files;
  for (const auto& error : content.errors) files.insert(error.message.substr(0, 7));
  CHECK(files == std::set<std::string>{"a.yaml:", "b.json:"});
  CHECK(content.errors.size() >= 4);
}

TEST_CASE("every limit holds") {
  const Directory directory;
  for (const auto* name : {"a.yaml", "b.yaml", "c.yaml", "d/e/f.yaml"}) directory.manifest(name);
  REQUIRE(read_directory(directory.path).errors.empty());
  const auto code_with = [&](const DirectoryLimits& limits) {
    const auto content = read_directory(directory.path, limits);
    CHECK(content.errors.size() == 1);
    return content.errors.empty() ? Code::Internal : content.errors[0].code;
  };
  CHECK(code_with({.entries = 3}) == Code::GitLimit);
  CHECK(code_with({.files = 3}) == Code::GitLimit);
  CHECK(code_with({.depth = 1}) == Code::GitLimit);
  CHECK(code_with({.bytes = 100}) == Code::GitLimit);
  CHECK(read_directory(directory.path, {.depth = 2}).errors.empty());

  const Directory broken;
  for (char c = 'a'; c < 'f'; ++c) broken.file(std::string(1, c) + ".yaml", "x: [");
  const auto content = read_directory(broken.path, {.errors = 2});
  REQUIRE(content.errors.size() == 3);
  CHECK(content.errors[2].message == "and 3 more errors");
}

TEST_CASE("a directory has to be named") {
  const Directory directory;
  directory.manifest("a.yaml");
  CHECK(errors_of(read_directory(directory.path / "none")) ==
        std::vector<std::string>{cat((directory.path / "none").string(), ": does not exist")});
  CHECK(errors_of(read_directory(directory.path / "a.yaml")) ==
        std::vector<std::string>{cat((directory.path / "a.yaml").string(), ": is a file; name a directory")});
  CHECK(read_directory(directory.path).files == 1);
}
