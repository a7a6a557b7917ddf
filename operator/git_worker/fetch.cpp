#include "git_worker/fetch.h"

#include "base/clock.h"
#include "base/text.h"
#include "git_worker/session.h"

#include <algorithm>

namespace gitsync::git {
namespace {

// Each fetch adds a pack, and libgit2 cannot join them: a mirror with more is cloned anew, which also drops what was
// force-pushed away.
constexpr size_t max_packs = 100;

bool has_object(const Mirror& mirror, std::string_view id) {
  git_oid oid;
  return oid_from(oid, id) && git_odb_exists(mirror.odb.get(), &oid) == 1;
}

/// The commit that an object names (a tag is followed), with its tree readable. Null where it is not all there.
Commit commit_of(const Mirror& mirror, std::string_view id, bool& other_type) {
  git_oid oid;
  int rc = 0;
  other_type = false;
  if (!oid_from(oid, id)) return nullptr;
  const auto object = make<Object>(rc, git_object_lookup, mirror.repository.get(), &oid, GIT_OBJECT_ANY);
  if (!object) return nullptr;
  git_object* peeled = nullptr;
  rc = git_object_peel(&peeled, object.get(), GIT_OBJECT_COMMIT);
  if (rc != 0) {
    other_type = rc == GIT_EINVALIDSPEC || rc == GIT_EPEEL;
    return nullptr;
  }
  Commit commit(reinterpret_cast<git_commit*>(peeled));
  const auto tree = make<Tree>(rc, git_commit_tree, commit.get());
  return tree ? std::move(commit) : nullptr;
}

/// Keeps what was fetched reachable and tells the next negotiation that it is here.
void write_ref(const Mirror& mirror, const Wanted& wanted, std::string_view oid_hex) {
  git_oid oid;
  int rc = 0;
  const auto name = mirror_ref(wanted.name.empty() ? cat("commits/", wanted.oid) : wanted.name);
  if (oid_from(oid, oid_hex))
    make<Reference>(rc, git_reference_create, mirror.repository.get(), name.c_str(), &oid, 1, nullptr);
}

std::vector<std::string> refspecs_for(const Wanted& wanted) {
  if (wanted.name.empty()) return {"+refs/heads/*:refs/gitsync/heads/*", "+refs/tags/*:refs/gitsync/tags/*"};
  return {cat("+", wanted.name, ":", mirror_ref(wanted.name))};
}

/// A file URL must not name another tenant's mirror.
bool inside_mirrors(const FetchJob& job) {
  std::error_code ignored;
  const auto mirrors = std::filesystem::weakly_canonical(std::filesystem::path(job.mirror).parent_path(), ignored);
  const auto path = file_path(job.url);
  return path.empty() || std::ranges::mismatch(mirrors, path).in1 == mirrors.end();
}

struct Attempt {
  Result<Fetched> result;
  bool damaged = false; // the mirror is to blame: removing it may help
};

Attempt attempt(Mirrors& mirrors, const FetchJob& job, const Url& url, const std::filesystem::path& home) {
  const auto name = display_url(job.url);
  if (count_packs(job.mirror) > max_packs)
    if (auto removed = mirrors.remove(job.mirror); !removed) return {wrap(removed.error(), name)};
  auto opened = mirrors.open_or_create(job.mirror);
  if (!opened) return {wrap(opened.error(), name)};
  Mirror& mirror = **opened;
  Session session(job, url, home);
  const auto listing = session.list(mirror);
  if (!listing) return {std::unexpected(listing.error()), session.damaged()};
  const auto wanted = find_ref(job.ref, *listing);
  if (!wanted) return {wrap(wanted.error(), name)};

  // A mirror that was fetched without its history gets it once that is asked about.
  const bool cut = job.whole_history && git_repository_is_shallow(mirror.repository.get()) == 1;
  if (cut || !has_object(mirror, wanted->oid)) {
    const FetchMark mark(mirror.path);
    if (auto done = session.download(mirror, refspecs_for(*wanted), job.whole_history || wanted->name.empty()); !done)
      return {std::unexpected(done.error()), session.damaged()};
    mirror.fresh = false;
    git_odb_refresh(mirror.odb.get());
  }
  if (!has_object(mirror, wanted->oid)) {
    if (wanted->name.empty())
      return {fail(Code::GitRefNotFound, cat(name, ": ", describe(job.ref), ": is in no branch and no tag of the repository"))};
    return {fail(Code::GitFetch, cat(name, ": ", describe(job.ref), ": the server did not send ", wanted->oid)), true};
  }
  bool other_type = false;
  const auto commit = commit_of(mirror, wanted->oid, other_type);
  if (other_type) return {fail(Code::GitRefNotFound, cat(name, ": ", describe(job.ref), ": does not name a commit"))};
  if (!commit) return {fail(Code::GitFetch, cat(name, ": the mirror is damaged: ", last_message())), true};
  write_ref(mirror, *wanted, wanted->oid);
  const auto id = oid_text(*git_commit_id(commit.get()));
  const bool annotated = wanted->oid != id; // the ref names a tag's own object
  return {Fetched{.commit = id,
                  .ref = wanted->short_name,
                  .revision = revision_text(wanted->short_name, id),
                  .tag = annotated ? wanted->oid : std::string()}};
}

} // namespace

Result<Fetched> fetch(Mirrors& mirrors, const FetchJob& job, const std::filesystem::path& home) {
  const auto begin = std::chrono::steady_clock::now();
  const auto url = parse_url(job.url);
  if (!url) return std::unexpected(url.error());
  if (auto checked = check_ref(job.ref); !checked) return wrap(checked.error(), display_url(job.url));
  if (url->transport == Transport::File && inside_mirrors(job))
    return fail(Code::InvalidSpec, cat(display_url(job.url), ": lies among the operator's own mirrors"));
  const MirrorLock lock(job.mirror);
  auto [result, damaged] = attempt(mirrors, job, *url, home);
  if (!result && damaged) {
    if (auto removed = mirrors.remove(job.mirror); !removed) return wrap(removed.error(), display_url(job.url));
    result = attempt(mirrors, job, *url, home).result;
  }
  if (result) result->milliseconds = milliseconds_between(begin, std::chrono::steady_clock::now());
  return result;
}

} // namespace gitsync::git
