#include "git_worker/libgit.h"

#include "base/secret.h"
#include "base/text.h"
#include "git/name.h"

namespace gitsync::git {
namespace {

// A window is what libgit2 maps of a pack at a time. The limit is on address space; what stays resident is what was touched.
constexpr size_t window_bytes = 1u << 20;
constexpr size_t mapped_bytes = 64u << 20;
constexpr ssize_t cache_bytes = 1 << 20;
constexpr int connect_timeout_ms = 30'000;

} // namespace

std::string oid_text(const git_oid& oid) {
  char text[GIT_OID_HEXSZ + 1];
  return git_oid_tostr(text, sizeof text, &oid);
}

bool oid_from(git_oid& oid, std::string_view text) {
  return text.size() == GIT_OID_HEXSZ && git_oid_fromstrn(&oid, text.data(), text.size()) == 0;
}

std::string last_message() {
  const git_error* error = git_error_last();
  return error && error->message ? shorten(redact(escaped(trim(error->message))), 300) : "no reason given";
}

bool mirror_damaged(int rc) {
  if (rc == GIT_EMISMATCH) return true; // an object's content is not what its name says
  const git_error* error = git_error_last();
  if (!error) return false;
  switch (error->klass) {
  case GIT_ERROR_ODB:
  case GIT_ERROR_ZLIB:
  case GIT_ERROR_INDEXER:
  case GIT_ERROR_REFERENCE:
  case GIT_ERROR_REPOSITORY:
  case GIT_ERROR_CONFIG:
  case GIT_ERROR_OBJECT:
  case GIT_ERROR_TREE: return true;
  default: return false;
  }
}

Result<> init_libgit2() {
  if (git_libgit2_init() < 0) return fail(Code::Internal, cat("libgit2 cannot be initialised: ", last_message()));
  for (const int level : {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_PROGRAMDATA})
    git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
  git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
  git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0); // a volume's group or a random user id may own the mirror; it has no hooks
  git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
  git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, window_bytes);
  git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, mapped_bytes);
  git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, size_t{64});
  git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, cache_bytes);
  git_libgit2_opts(GIT_OPT_DISABLE_PACK_KEEP_FILE_CHECKS, 1);
  git_libgit2_opts(GIT_OPT_SET_USER_AGENT, "gitsync");
#if LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 7
  git_libgit2_opts(GIT_OPT_SET_SERVER_CONNECT_TIMEOUT, connect_timeout_ms);
  git_libgit2_opts(GIT_OPT_SET_SERVER_TIMEOUT, connect_timeout_ms);
#else
  (void)connect_timeout_ms; // below 1.7 only the deadline's kill ends a mute connection
#endif
  return {};
}

} // namespace gitsync::git
