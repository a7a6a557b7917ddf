// Which of the remote's refs a GitRepository means, and how the result is called. Pure.
#pragma once
#include "base/error.h"
#include "git/client.h"

#include <span>
#include <string>
#include <string_view>

namespace gitsync::git {

/// One line of the remote's listing.
struct RemoteRef {
  std::string name;   // "HEAD", "refs/heads/main", "refs/tags/v1^{}"
  std::string oid;    // 40 hex digits
  std::string target; // of a symbolic ref (HEAD → refs/heads/main); empty otherwise
};

/// What to bring: the ref under its full name and the object it names now. An empty name: a bare commit, to be found in any
/// branch or tag.
struct Wanted {
  std::string name;
  std::string oid;
  std::string short_name; // Fetched::ref
};

/// Errors: InvalidSpec where more than one member is set or a name is none that git takes.
Result<> check_ref(const RefSpec& ref);

/// Finds the ref in the listing. An annotated tag gives the tag's own object: the mirror peels it. Errors: GitRefNotFound.
Result<Wanted> find_ref(const RefSpec& ref, std::span<const RemoteRef> listing);

/// What the ref is called in messages: "branch main", "tag v1", "commit 0123…", "ref refs/pull/1/head", "HEAD".
std::string describe(const RefSpec& ref);

/// Where a remote's ref stands in the mirror: "refs/gitsync/heads/main". Apart from refs/heads, so that nothing of the mirror
/// is ever taken for a branch of its own.
std::string mirror_ref(std::string_view remote_name);

/// "main@sha1:<commit>", "sha1:<commit>" where there is no short name. Source: Flux's revision format (fluxcd/pkg RFC-0005).
std::string revision_text(std::string_view short_name, std::string_view commit);

/// 40 lower-case hex digits.
bool is_commit_id(std::string_view text);

} // namespace gitsync::git
