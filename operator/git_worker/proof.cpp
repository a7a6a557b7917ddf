#include "git_worker/proof.h"

#include "base/text.h"
#include "git/name.h"
#include "git/url.h"

namespace gitsync::git {
namespace {

using Walk = std::unique_ptr<git_revwalk, FreeBy<git_revwalk_free>>;

/// Collects objects within the limits.
class Collector {
public:
  Collector(const Mirror& mirror, const ProofLimits& limits) : odb_(mirror.odb.get()), limits_(limits) {}

  Result<> add(const git_oid& oid, bool tag) {
    if (out_.objects.size() > limits_.commits)
      return fail(Code::GitLimit, cat("there are more than ", limits_.commits,
                                      " commits to verify: set spec.verify.mode to HEAD, and back once that is applied"));
    const auto id = oid_text(oid);
    int rc = 0;
    const auto object = make<OdbObject>(rc, git_odb_read, odb_, &oid);
    if (!object) return fail(Code::GitFetch, cat(id, " cannot be read from the mirror: ", last_message()), Retry::Backoff);
    if (git_odb_object_type(object.get()) != (tag ? GIT_OBJECT_TAG : GIT_OBJECT_COMMIT))
      return fail(Code::GitFetch, cat(id, " is no ", tag ? "tag" : "commit"));
    const size_t size = git_odb_object_size(object.get());
    bytes_ += size;
    if (size > limits_.object || bytes_ > limits_.bytes)
      return fail(Code::GitLimit, cat(id, ": the commits to verify are too large"));
    out_.objects.push_back({id, tag, {static_cast<const char*>(git_odb_object_data(object.get())), size}});
    return {};
  }

  Proof take() { return std::move(out_); }

private:
  git_odb* odb_;
  const ProofLimits& limits_;
  Proof out_;
  size_t bytes_ = 0;
};

/// Whether `commit` is `base` or descends from it.
bool descends(git_repository* repository, const git_oid& commit, const git_oid& base) {
  return git_oid_equal(&commit, &base) || git_graph_descendant_of(repository, &commit, &base) == 1;
}

Result<Proof> collect(const Mirror& mirror, const ProofJob& job, const ProofLimits& limits) {
  auto* repository = mirror.repository.get();
  Collector collector(mirror, limits);
  git_oid oid, base;
  if (!job.tag.empty()) {
    if (!oid_from(oid, job.tag)) return fail(Code::InvalidSpec, cat("tag ", escaped(job.tag), ": is not 40 hex digits"));
    if (auto added = collector.add(oid, true); !added) return std::unexpected(added.error());
  }
  if (!oid_from(oid, job.commit)) return fail(Code::InvalidSpec, cat("commit ", escaped(job.commit), ": is not 40 hex digits"));
  if (auto added = collector.add(oid, false); !added) return std::unexpected(added.error());
  const bool base_known = oid_from(base, job.base) && git_odb_exists(mirror.odb.get(), &base) == 1;
  if (job.since) {
    int rc = 0;
    const auto walk = make<Walk>(rc, git_revwalk_new, repository);
    if (rc == 0) rc = git_revwalk_push(walk.get(), &oid);
    if (rc == 0 && base_known) rc = git_revwalk_hide(walk.get(), &base);
    git_oid next;
    while (rc == 0 && (rc = git_revwalk_next(&next, walk.get())) == 0) {
      if (git_oid_equal(&next, &oid)) continue;
      if (auto added = collector.add(next, false); !added) return std::unexpected(added.error());
    }
    if (rc != GIT_ITEROVER)
      return fail(Code::GitFetch, cat("the history of commit ", job.commit, " cannot be read whole: ", last_message()),
                  Retry::Backoff);
    if (git_repository_is_shallow(repository) == 1)
      return fail(Code::GitFetch, cat("the history of commit ", job.commit, " is cut: the remote must not be a shallow clone"),
                  Retry::Backoff);
  }
  Proof out = collector.take();
  out.forward = job.base.empty() || (base_known && descends(repository, oid, base));
  return out;
}

} // namespace

Result<Proof> proof(Mirrors& mirrors, const ProofJob& job, const ProofLimits& limits) {
  const auto name = display_url(job.url);
  const auto opened = mirrors.open(job.mirror);
  if (!opened) return wrap(opened.error(), name);
  if (!*opened) return fail(Code::GitFetch, cat(name, ": there is no mirror; it has to be fetched first"), Retry::Backoff);
  auto out = collect(**opened, job, limits);
  if (!out) return wrap(out.error(), name);
  return out;
}

} // namespace gitsync::git
