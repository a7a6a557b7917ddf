#include "git_worker/read.h"

#include "base/text.h"
#include "git/name.h"
#include "git/url.h"
#include "git_worker/tree_at.h"
#include "git_worker/tree_walk.h"
#include "object/decode.h"

namespace gitsync::git {
namespace {

constexpr std::string_view lfs_begin =
    "version https://git-lfs.github.com/spec/"; // git-lfs' docs/spec.md: first line of a pointer

class Reader {
public:
  Reader(const Mirror& mirror, const std::function<Result<>(std::string_view)>& send, const ReadLimits& limits,
         ReadResult& result)
      : mirror_(mirror), send_(send), limits_(limits), result_(result) {}

  /// False where the mirror is damaged or nobody listens any more.
  bool file(const TreeChange& change) {
    if (change.removed) return deliver(encode(FileChange{.file = change.file, .removed = true}));
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    if (git_odb_read_header(&size, &type, mirror_.odb.get(), &change.blob) != 0) return damaged(change.file);
    if (type != GIT_OBJECT_BLOB) return wrong(Code::UnsafePath, cat(change.file, ": is not a file in the object database"));
    if (size > budget_.bytes)
      return wrong(Code::YamlBudget, cat(change.file, ":1: has ", size, " bytes, more than ", budget_.bytes, "; split it"));
    bytes_ += size;
    if (bytes_ > limits_.bytes) {
      wrong(Code::GitLimit, cat(change.file, ": the path has more than ", limits_.bytes >> 20, " MiB of manifests"));
      return false;
    }
    int rc = 0;
    const auto blob = make<OdbObject>(rc, git_odb_read, mirror_.odb.get(), &change.blob);
    if (!blob) return damaged(change.file);
    return manifests(change.file, {static_cast<const char*>(git_odb_object_data(blob.get())), git_odb_object_size(blob.get())});
  }

  bool is_damaged() const { return damaged_; }
  const std::optional<Error>& broken() const { return broken_; }

private:
  bool manifests(const std::string& file, std::string_view text) {
    if (text.starts_with(lfs_begin))
      return wrong(Code::InvalidManifest,
                   cat(file, ":1: is a Git LFS pointer, its content is not in the repository; commit the file itself"));
    auto decoded = decode_file(file, text, budget_);
    if (!decoded) {
      for (auto& error : decoded.error()) add(std::move(error));
      return true;
    }
    ++result_.files;
    auto message = encode(FileChange{.file = file, .manifests = std::move(*decoded)});
    if (message.size() > limits_.message) {
      --result_.files;
      return wrong(Code::YamlBudget, cat(file, ":1: becomes ", message.size() >> 20, " MiB of JSON, more than ",
                                         limits_.message >> 20, "; split it"));
    }
    return deliver(message);
  }

  /// Also after an error: nothing of the revision is used then, but the rest is checked, so that all that is wrong is told at
  /// once.
  bool deliver(std::string_view message) {
    auto sent = send_(message);
    if (!sent) broken_ = sent.error();
    return sent.has_value();
  }

  bool damaged(std::string_view file) {
    damaged_ = true;
    return wrong(Code::GitFetch, cat(file, ": cannot be read from the mirror: ", last_message())), false;
  }

  bool wrong(Code code, std::string message) {
    add(fail(code, std::move(message)).error());
    return true;
  }

  void add(Error error) {
    if (result_.errors.size() < limits_.errors) result_.errors.push_back(std::move(error));
  }

  const Mirror& mirror_;
  const std::function<Result<>(std::string_view)>& send_;
  const ReadLimits& limits_;
  ReadResult& result_;
  const DecodeBudget budget_;
  uint64_t bytes_ = 0;
  bool damaged_ = false;
  std::optional<Error> broken_;
};

std::unexpected<Error> removed_as_damaged(Mirrors& mirrors, const ReadJob& job, std::string_view why) {
  if (auto removed = mirrors.remove(job.mirror); !removed) return wrap(removed.error(), display_url(job.url));
  return fail(Code::GitFetch, cat(display_url(job.url), ": the mirror was damaged and is cloned anew by the next fetch: ", why),
              Retry::Backoff);
}

} // namespace

Result<ReadResult> read(Mirrors& mirrors, const ReadJob& job, const std::function<Result<>(std::string_view)>& send,
                        const ReadLimits& limits) {
  const auto components = path_components(job.path);
  if (!components) return std::unexpected(components.error());
  const auto opened = mirrors.open(job.mirror);
  if (!opened) return removed_as_damaged(mirrors, job, opened.error().message);
  if (!*opened)
    return fail(Code::GitFetch, cat(display_url(job.url), ": there is no mirror; it has to be fetched first"), Retry::Backoff);
  const Mirror& mirror = **opened;
  const auto root = tree_at(mirror, job.url, job.commit, *components);
  if (root.damaged) return removed_as_damaged(mirrors, job, root.error->message);
  if (root.error) return std::unexpected(*root.error);

  ReadResult result{.tree = oid_text(*git_tree_id(root.tree.get()))};
  git_oid base_oid;
  int rc = 0;
  Tree base;
  if (oid_from(base_oid, job.base_tree)) base = make<Tree>(rc, git_tree_lookup, mirror.repository.get(), &base_oid);
  result.full = !base;
  auto walk = walk_difference(mirror.repository.get(), root.tree.get(), base.get(), {.errors = limits.errors});
  if (walk.damaged) return removed_as_damaged(mirrors, job, walk.errors.back().message);
  result.errors = std::move(walk.errors);
  Reader reader(mirror, send, limits, result);
  for (const auto& change : walk.changes)
    if (!reader.file(change)) break;
  if (reader.broken()) return std::unexpected(*reader.broken());
  if (reader.is_damaged()) return removed_as_damaged(mirrors, job, result.errors.back().message);
  if (walk.more_errors != 0)
    result.errors.push_back(fail(Code::UnsafePath, cat("and ", walk.more_errors, " more of this kind")).error());
  return result;
}

} // namespace gitsync::git
