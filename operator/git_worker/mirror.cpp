#include "git_worker/mirror.h"

#include "base/text.h"

#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace gitsync::git {
namespace fs = std::filesystem;
namespace {

constexpr size_t max_open = 8;
constexpr std::string_view mark_name = "gitsync-fetching";

uint64_t inode_of(const fs::path& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

/// Removes what an interrupted fetch leaves: temporary packs, a pack without its index or the other way round, lock files.
void tidy(const fs::path& mirror) {
  std::error_code ignored;
  std::vector<fs::path> remove;
  for (fs::directory_iterator it(mirror / "objects" / "pack", ignored), end; it != end; it.increment(ignored)) {
    const auto& path = it->path();
    const auto stem = path.stem().string(), extension = path.extension().string();
    const auto other = extension == ".pack" ? ".idx" : ".pack";
    const bool whole = stem.starts_with("pack-") && (extension == ".pack" || extension == ".idx") &&
                       fs::exists(fs::path(path).replace_extension(other), ignored);
    if (!whole) remove.push_back(path);
  }
  for (fs::recursive_directory_iterator it(mirror / "refs", ignored), end; it != end; it.increment(ignored))
    if (it->path().extension() == ".lock") remove.push_back(it->path());
  for (const auto* name : {"HEAD.lock", "config.lock", "packed-refs.lock"}) remove.push_back(mirror / name);
  for (const auto& path : remove) fs::remove_all(path, ignored);
  fs::remove(mirror / mark_name, ignored);
}

Result<Repository> open_repository(const fs::path& path) {
  int rc = 0;
  auto repository = make<Repository>(rc, git_repository_open_bare, path.c_str());
  if (!repository) return fail(Code::GitFetch, cat("the mirror cannot be opened: ", last_message()));
  return repository;
}

Result<Repository> create_repository(const fs::path& path) {
  git_repository_init_options options;
  git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
  options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
  int rc = 0;
  auto repository = make<Repository>(rc, git_repository_init_ext, path.c_str(), &options);
  if (!repository)
    return fail(Code::GitFetch, cat("the mirror cannot be made: ", last_message(), "; is there room on the volume?"));
  return repository;
}

} // namespace

Result<Mirror*> Mirrors::open(const fs::path& path) {
  const uint64_t inode = inode_of(path);
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    if (it->path != path) continue;
    if (it->inode != inode) {
      open_.erase(it);
      break;
    }
    open_.splice(open_.begin(), open_, it);
    return &open_.front();
  }
  if (inode == 0) return nullptr;
  auto repository = open_repository(path);
  if (!repository) return std::unexpected(repository.error());
  int rc = 0;
  auto odb = make<Odb>(rc, git_repository_odb, repository->get());
  if (!odb) return fail(Code::GitFetch, cat("the mirror cannot be opened: ", last_message()));
  open_.push_front({path, std::move(*repository), std::move(odb), inode});
  if (open_.size() > max_open) open_.pop_back();
  return &open_.front();
}

Result<Mirror*> Mirrors::open_or_create(const fs::path& path) {
  std::error_code ignored;
  if (fs::exists(path / mark_name, ignored)) {
    tidy(path);
    std::erase_if(open_, [&](const Mirror& mirror) { return mirror.path == path; });
  }
  auto mirror = open(path);
  if (mirror && *mirror) {
    (*mirror)->fresh = false;
    return mirror;
  }
  if (auto removed = remove(path); !removed) return std::unexpected(removed.error());
  if (auto made = create_repository(path); !made) return std::unexpected(made.error());
  mirror = open(path);
  if (mirror && *mirror) (*mirror)->fresh = true;
  return mirror;
}

Result<> Mirrors::remove(const fs::path& path) {
  std::erase_if(open_, [&](const Mirror& mirror) { return mirror.path == path; });
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return fail(Code::GitFetch, cat("the mirror cannot be removed: ", error.message()));
  return {};
}

FetchMark::FetchMark(const fs::path& mirror) : file_(mirror / mark_name) { std::ofstream(file_).flush(); }

FetchMark::~FetchMark() {
  std::error_code ignored;
  fs::remove(file_, ignored);
}

MirrorLock::MirrorLock(const fs::path& mirror)
    : fd_(::open(fs::path(mirror).concat(".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {
  if (fd_ >= 0) flock(fd_, LOCK_EX);
}

MirrorLock::~MirrorLock() {
  if (fd_ >= 0) ::close(fd_);
}

size_t count_packs(const fs::path& mirror) {
  size_t count = 0;
  std::error_code ignored;
  for (fs::directory_iterator it(mirror / "objects" / "pack", ignored), end; it != end; it.increment(ignored))
    count += it->path().extension() == ".pack";
  return count;
}

} // namespace gitsync::git
