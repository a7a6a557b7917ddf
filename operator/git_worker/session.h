// One conversation with a remote: credentials, trust, limits, as libgit2's callbacks. Worker side only.
#pragma once
#include "git/protocol.h"
#include "git/ref.h"
#include "git/url.h"
#include "git_worker/http_remote.h"
#include "git_worker/known_hosts.h"
#include "git_worker/libgit.h"
#include "git_worker/mirror.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace gitsync::git {

/// Holds one job's credentials for as long as the job takes. Not movable: libgit2 keeps pointers to it.
class Session {
public:
  /// `home`: directory named by HOME; libssh2 reads .ssh/known_hosts there to choose which of the server's keys it asks for.
  Session(const FetchJob& job, Url url, std::filesystem::path home);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Connects and lists. Errors: GitFetch, GitAuth.
  Result<std::vector<RemoteRef>> list(const Mirror& mirror);
  /// Fetches the refspecs over the same connection; writes no refs. Sets damaged() where the mirror is to blame.
  Result<> download(const Mirror& mirror, const std::vector<std::string>& refspecs, bool whole_history);

  bool damaged() const { return damaged_; }
  uint64_t received() const { return received_; }

private:
  static int on_credentials(git_credential** out, const char* url, const char* user, unsigned int allowed, void* self);
  static int on_certificate(git_cert* certificate, int valid, const char* host, void* self);
  static int on_transport(git_transport** out, git_remote* owner, void* self);
  static int on_progress(const git_indexer_progress* progress, void* self);

  int give_credentials(git_credential** out, const char* user, unsigned int allowed);
  int check_certificate(const git_cert& certificate);
  /// Remembers why a callback said no: libgit2 keeps only that it did.
  int refuse(Code code, std::string why);
  std::unexpected<Error> failure(int rc, std::string_view doing);
  Result<> prepare_trust();
  void set_callbacks(git_remote_callbacks& callbacks);

  const FetchJob& job_;
  Url url_;
  std::filesystem::path home_;
  std::unique_ptr<HttpRemote> http_; // before remote_: libgit2's transport uses it to the end
  Remote remote_;
  std::vector<KnownKey> host_keys_;
  unsigned int tried_ = 0; // credential types given so far: none is given twice
  uint64_t received_ = 0;
  bool damaged_ = false;
  std::optional<Error> refusal_;
};

} // namespace gitsync::git
