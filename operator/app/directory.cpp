#include "app/directory.h"

#include "base/text.h"
#include "git/name.h"
#include "object/decode.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gitsync::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view lfs_begin = "version https://git-lfs.github.com/spec/";

std::string why(int number) { return std::error_code(number, std::system_category()).message(); }

class Reader {
public:
  Reader(const fs::path& root, const DirectoryLimits& limits) : root_(root), limits_(limits) {}

  DirectoryContent run() {
    std::error_code error;
    const auto status = fs::status(root_, error);
    if (!fs::exists(status)) {
      wrong(Code::PathNotFound, cat(root_.string(), ": does not exist"));
    } else if (!fs::is_directory(status)) {
      wrong(Code::PathNotFound, cat(root_.string(), ": is a file; name a directory"));
    } else {
      walk(root_, "", 0);
      std::ranges::sort(content_.errors, {}, &Error::message); // a directory has no order of its own
      std::ranges::sort(files_);
      for (const auto& file : files_)
        if (!read(file)) break;
    }
    if (left_out_ != 0) content_.errors.push_back(fail(Code::UnsafePath, cat("and ", left_out_, " more errors")).error());
    return std::move(content_);
  }

private:
  void wrong(Code code, std::string message) {
    if (content_.errors.size() < limits_.errors)
      content_.errors.push_back(fail(code, std::move(message)).error());
    else
      ++left_out_;
  }

  void walk(const fs::path& directory, const std::string& prefix, int depth) {
    std::error_code error;
    for (auto entry = fs::directory_iterator(directory, error); !error && !stop_ && entry != fs::directory_iterator();
         entry.increment(error))
      take(*entry, prefix, depth);
    if (error)
      wrong(Code::PathNotFound, cat(prefix.empty() ? directory.string() : prefix, ": cannot be listed: ", error.message()));
  }

  void take(const fs::directory_entry& entry, const std::string& prefix, int depth) {
    const auto name = entry.path().filename().string();
    if (name.starts_with('.')) return;
    const auto path = cat(prefix, name);
    if (++seen_ > limits_.entries) return stop(cat("the directory has more than ", limits_.entries, " entries"));
    if (const auto fault = git::name_fault(name); !fault.empty())
      return wrong(Code::UnsafePath, cat(git::escaped(path), ": has ", fault));
    std::error_code error;
    const auto status = entry.symlink_status(error);
    if (error) return wrong(Code::PathNotFound, cat(path, ": cannot be looked at: ", error.message()));
    if (fs::is_symlink(status)) return wrong(Code::UnsafePath, cat(path, ": is a symbolic link; commit the file itself"));
    if (fs::is_directory(status)) {
      if (fs::exists(entry.path() / ".git", error))
        return wrong(Code::UnsafePath, cat(path, ": is a submodule or another repository; commit the files themselves"));
      if (depth == limits_.depth) return wrong(Code::GitLimit, cat(path, ": is deeper than ", limits_.depth, " directories"));
      return walk(entry.path(), path + "/", depth + 1);
    }
    if (!fs::is_regular_file(status)) return wrong(Code::UnsafePath, cat(path, ": is not a regular file"));
    if (!git::is_manifest_name(name)) return;
    if (files_.size() == limits_.files) return stop(cat("the directory has more than ", limits_.files, " manifest files"));
    files_.push_back(path);
  }

  void stop(std::string message) {
    if (!stop_) wrong(Code::GitLimit, std::move(message));
    stop_ = true;
  }

  /// False where nothing more is to be read.
  bool read(const std::string& file) {
    const auto text = content_of(file);
    if (!text) return wrong(text.error().code, text.error().message), true;
    bytes_ += text->size();
    if (bytes_ > limits_.bytes)
      return wrong(Code::GitLimit, cat(file, ": the directory has more than ", limits_.bytes, " bytes of manifests")), false;
    if (text->starts_with(lfs_begin))
      return wrong(Code::InvalidManifest,
                   cat(file, ":1: is a Git LFS pointer, its content is not in the repository; commit the file itself")),
             true;
    auto decoded = decode_file(file, *text);
    ++content_.files;
    if (!decoded) {
      for (auto& error : decoded.error()) wrong(error.code, std::move(error.message));
      return true;
    }
    if (content_.errors.empty()) std::ranges::move(*decoded, std::back_inserter(content_.manifests));
    return true;
  }

  /// Opened without following a link that took the file's place since the walk.
  Result<std::string> content_of(const std::string& file) const {
    const int fd = ::open((root_ / file).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return fail(Code::PathNotFound, cat(file, ": cannot be read: ", why(errno)));
    struct Close {
      int fd;
      ~Close() { ::close(fd); }
    } close{fd};
    const size_t most = DecodeBudget{}.bytes;
    struct stat info{};
    if (::fstat(fd, &info) != 0) return fail(Code::PathNotFound, cat(file, ": cannot be read: ", why(errno)));
    if (!S_ISREG(info.st_mode)) return fail(Code::UnsafePath, cat(file, ": is not a regular file"));
    if (static_cast<uint64_t>(info.st_size) > most)
      return fail(Code::YamlBudget, cat(file, ":1: has ", info.st_size, " bytes, more than ", most, "; split it"));
    std::string out(static_cast<size_t>(info.st_size), '\0');
    size_t filled = 0;
    while (filled < out.size()) {
      const ssize_t count = ::read(fd, out.data() + filled, out.size() - filled);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail(Code::PathNotFound, cat(file, ": cannot be read: ", why(errno)));
      if (count == 0) break; // shorter than it was
      filled += static_cast<size_t>(count);
    }
    out.resize(filled);
    return out;
  }

  const fs::path& root_;
  const DirectoryLimits& limits_;
  DirectoryContent content_;
  std::vector<std::string> files_;
  size_t seen_ = 0, left_out_ = 0;
  uint64_t bytes_ = 0;
  bool stop_ = false;
};

} // namespace

DirectoryContent read_directory(const fs::path& directory, const DirectoryLimits& limits) {
  return Reader(directory, limits).run();
}

} // namespace gitsync::app
