// Bare mirrors on disk, one per URL, and the open handles on them. Worker side only.
#pragma once
#include "base/error.h"
#include "git_worker/libgit.h"

#include <cstdint>
#include <filesystem>
#include <list>

namespace gitsync::git {

/// An open mirror. What is in it came from a remote and may be hostile; the directory itself is ours.
struct Mirror {
  std::filesystem::path path;
  Repository repository;
  Odb odb;
  uint64_t inode = 0; // of the directory: another worker may have cloned the mirror anew
  bool fresh = false; // made just now
};

/// Keeps the mirrors used last open, so that a job on a known mirror opens no file. One thread.
class Mirrors {
public:
  /// The mirror, or null where there is none. Errors: GitFetch where it cannot be opened.
  Result<Mirror*> open(const std::filesystem::path& path);
  /// The mirror, made where it is missing or cannot be opened. Tidies up first where the last fetch did not end.
  Result<Mirror*> open_or_create(const std::filesystem::path& path);
  /// Removes the mirror from disk: the next fetch clones anew.
  Result<> remove(const std::filesystem::path& path);
  /// Gives all handles and their memory back.
  void close_all() { open_.clear(); }

private:
  std::list<Mirror> open_; // most recently used first
};

/// Marks a mirror as being written to while it lives. A worker that is killed leaves the mark behind, and the next one tidies
/// up.
class FetchMark {
public:
  explicit FetchMark(const std::filesystem::path& mirror);
  ~FetchMark();
  FetchMark(const FetchMark&) = delete;
  FetchMark& operator=(const FetchMark&) = delete;

private:
  std::filesystem::path file_;
};

/// Keeps two processes (an operator that starts while another one's worker still dies) from writing one mirror at a time:
/// waits; the caller's deadline bounds that.
class MirrorLock {
public:
  explicit MirrorLock(const std::filesystem::path& mirror);
  ~MirrorLock();
  MirrorLock(const MirrorLock&) = delete;
  MirrorLock& operator=(const MirrorLock&) = delete;

private:
  int fd_;
};

/// How many packs the mirror has: each fetch adds one.
size_t count_packs(const std::filesystem::path& mirror);

} // namespace gitsync::git
