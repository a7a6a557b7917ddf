// A remote over http or https: libgit2's smart protocol on libcurl. Worker side only: blocks, bounded by the operator's
// deadline.
#pragma once
#include "git/protocol.h"
#include "git/url.h"
#include "git_worker/libgit.h"

#include <git2/sys/transport.h>
#include <memory>
#include <optional>

namespace gitsync::git {

/// Whether a redirect from one URL to another may be followed: to the same host only, never from https to http. With
/// credentials to the same port, too; http's own to https' own is allowed. Pure.
bool may_redirect(const Url& from, const Url& to, bool credentials);

/// Holds one job's connection. The credentials are sent with the first request, to the URL's own host only; the proxy never
/// sees them but where it carries plain http. Neither the environment's proxies nor a netrc are looked at. The job has to
/// outlive it.
class HttpRemote {
public:
  HttpRemote(const FetchJob& job, Url url);
  ~HttpRemote();
  HttpRemote(const HttpRemote&) = delete;
  HttpRemote& operator=(const HttpRemote&) = delete;

  /// What git_remote_callbacks::transport asks for. It must not outlive this object.
  int make_transport(git_transport** out, git_remote* owner);
  /// Why the conversation failed, without the URL: libgit2 itself is told only that it did.
  const std::optional<Error>& refusal() const;

  struct Impl;

private:
  std::unique_ptr<Impl> impl_;
};

} // namespace gitsync::git
