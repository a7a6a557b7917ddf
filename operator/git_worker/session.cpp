#include "git_worker/session.h"

#include "base/secret.h"
#include "base/text.h"
#include "git/name.h"

#include <fstream>

namespace gitsync::git {
namespace {

constexpr size_t max_refs = 500'000;

std::string blob_of(const git_cert_hostkey& key) {
  return key.type & GIT_CERT_SSH_RAW ? std::string(key.hostkey, key.hostkey_len) : std::string();
}

/// What an RSA key cannot do with an old libssh2, said where a rejected key would leave the user guessing.
constexpr std::string_view rsa_hint =
    "; an RSA key needs libssh2 1.11 or newer with today's servers (SHA-1 signatures are refused): use an ed25519 key";

} // namespace

Session::Session(const FetchJob& job, Url url, std::filesystem::path home)
    : job_(job), url_(std::move(url)), home_(std::move(home)) {
  if (url_.transport == Transport::Http || url_.transport == Transport::Https) http_ = std::make_unique<HttpRemote>(job_, url_);
}

Session::~Session() {
  remote_.reset();
  std::error_code ignored;
  if (url_.transport == Transport::Ssh) std::filesystem::remove_all(home_, ignored);
}

int Session::refuse(Code code, std::string why) {
  if (!refusal_) refusal_ = fail(code, std::move(why)).error();
  return GIT_EUSER;
}

std::unexpected<Error> Session::failure(int rc, std::string_view doing) {
  const auto name = display_url(job_.url);
  if (refusal_) return wrap(*refusal_, name);
  if (http_ && http_->refusal()) return wrap(*http_->refusal(), name);
  const auto why = last_message();
  const git_error* last = git_error_last();
  if (last && last->klass == GIT_ERROR_NOMEMORY)
    return fail(Code::GitLimit, cat(name, ": ", doing, ": the worker's memory limit was reached"));
  if (rc == GIT_EAUTH || why.find("authentication") != std::string::npos || why.find("status code: 401") != std::string::npos ||
      why.find("status code: 403") != std::string::npos)
    return fail(Code::GitAuth, cat(name, ": ", doing, ": access was refused: ", why));
  if (why.find("objectformat") != std::string::npos || why.find("object format") != std::string::npos ||
      why.find("sha256") != std::string::npos)
    return fail(Code::GitFetch, cat(name, ": ", doing, ": the repository uses SHA-256 object names, which are not supported"),
                Retry::Never);
  if (why.find("status code: 404") != std::string::npos || why.find("not found") != std::string::npos)
    return fail(Code::GitFetch, cat(name, ": ", doing, ": there is no such repository, or it needs credentials: ", why));
  if (why.find("error parsing REF") != std::string::npos) // what libgit2 1.5 says of 64 hex digits
    return fail(Code::GitFetch,
                cat(name, ": ", doing,
                    ": the list of refs cannot be read (repositories with SHA-256 object names are not supported): ", why));
  damaged_ = mirror_damaged(rc);
  return fail(Code::GitFetch, cat(name, ": ", doing, ": ", why));
}

/// Which host keys this job trusts.
Result<> Session::prepare_trust() {
  if (url_.transport != Transport::Ssh) return {};
  if (job_.credentials.known_hosts.empty())
    return fail(Code::GitAuth,
                cat(display_url(job_.url), ": known_hosts is missing in the credentials: add the output of `ssh-keyscan ",
                    url_.port == 22 ? std::string() : cat("-p ", url_.port, " "), url_.host, "` after checking it"));
  host_keys_ = known_keys(job_.credentials.known_hosts, url_.host, url_.port);
  // libssh2 shows the key type that it likes best, listed or not; libgit2 asks for the type that HOME's known_hosts names.
  const auto type = preferred_key_type(host_keys_);
  for (const auto& key : host_keys_) {
    if (key.type != type || key.revoked) continue;
    std::error_code ignored;
    std::filesystem::create_directories(home_ / ".ssh", ignored);
    std::ofstream(home_ / ".ssh" / "known_hosts")
        << known_host_name(url_.host, url_.port) << ' ' << key.type << ' ' << base64_encode(key.blob) << '\n';
    break;
  }
  return {};
}

void Session::set_callbacks(git_remote_callbacks& callbacks) {
  callbacks.credentials = on_credentials;
  callbacks.certificate_check = on_certificate;
  callbacks.transfer_progress = on_progress;
  if (http_) callbacks.transport = on_transport;
  callbacks.payload = this;
}

Result<std::vector<RemoteRef>> Session::list(const Mirror& mirror) {
  if (auto trusted = prepare_trust(); !trusted) return std::unexpected(trusted.error());
  int rc = 0;
  git_remote_create_options how;
  git_remote_create_options_init(&how, GIT_REMOTE_CREATE_OPTIONS_VERSION);
  how.repository = mirror.repository.get();
  // No url.*.insteadOf: the URL is the one that was given (and libgit2 1.5 leaks 120 KiB each time it looks for one).
  how.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
  remote_ = make<Remote>(rc, git_remote_create_with_opts, job_.url.c_str(), &how);
  if (!remote_) return failure(rc, "the URL cannot be used");
  git_remote_connect_options options;
  git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
  set_callbacks(options.callbacks);
  if (rc = git_remote_connect_ext(remote_.get(), GIT_DIRECTION_FETCH, &options); rc != 0) return failure(rc, "cannot connect");
  const git_remote_head** heads = nullptr;
  size_t count = 0;
  if (rc = git_remote_ls(&heads, &count, remote_.get()); rc != 0) return failure(rc, "cannot list the refs");
  if (count > max_refs) return fail(Code::GitLimit, cat(display_url(job_.url), ": has ", count, " refs, more than ", max_refs));
  std::vector<RemoteRef> out;
  out.reserve(count);
  for (const auto* head : std::span(heads, count))
    out.push_back({head->name, oid_text(head->oid), head->symref_target ? head->symref_target : ""});
  return out;
}

Result<> Session::download(const Mirror& mirror, const std::vector<std::string>& refspecs, bool whole_history) {
  git_fetch_options options;
  git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
  set_callbacks(options.callbacks);
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  options.update_fetchhead = 0;
#if LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 7
  // The local transport refuses a depth; a mirror with history keeps it.
  const bool shallow = git_repository_is_shallow(mirror.repository.get()) == 1;
  if (whole_history)
    options.depth = shallow ? GIT_FETCH_DEPTH_UNSHALLOW : GIT_FETCH_DEPTH_FULL;
  else if (url_.transport != Transport::File && (shallow || mirror.fresh))
    options.depth = 1;
#else
  (void)mirror, (void)whole_history;
#endif
  std::vector<char*> lines;
  for (const auto& refspec : refspecs) lines.push_back(const_cast<char*>(refspec.c_str()));
  const git_strarray array{lines.data(), lines.size()};
  if (const int rc = git_remote_download(remote_.get(), &array, &options); rc != 0) return failure(rc, "cannot fetch");
  return {};
}

int Session::on_credentials(git_credential** out, const char*, const char* user, unsigned int allowed, void* self) {
  return static_cast<Session*>(self)->give_credentials(out, user, allowed);
}

/// libgit2 asks again after each refusal, for ever: every type is given once.
int Session::give_credentials(git_credential** out, const char* user, unsigned int allowed) {
  const auto& c = job_.credentials;
  const auto first_time = [&](unsigned int type) { return (allowed & type) && !(tried_ & type) && (tried_ |= type); };
  const std::string name = !c.username.empty() ? c.username : user && *user ? user : "git";
  if (first_time(GIT_CREDENTIAL_USERNAME)) return git_credential_username_new(out, name.c_str());
  if (!c.identity.empty() && first_time(GIT_CREDENTIAL_SSH_MEMORY)) {
    // For ssh, libgit2 has sent the URL's user already; it must be the same.
    const std::string login = user && *user ? user : name;
    return git_credential_ssh_key_memory_new(out, login.c_str(), nullptr, c.identity.c_str(),
                                             c.password.empty() ? nullptr : c.password.c_str());
  }
  const bool rsa = c.identity.find("RSA") != std::string::npos || c.identity.find("AAAAB3NzaC1yc2E") != std::string::npos;
  return refuse(Code::GitAuth, c.identity.empty() ? "the server wants a key: add identity to the credentials"
                                                  : cat("the server refuses the key of user ", escaped(user ? user : name),
                                                        rsa ? rsa_hint : ""));
}

int Session::on_certificate(git_cert* certificate, int, const char*, void* self) {
  return static_cast<Session*>(self)->check_certificate(*certificate);
}

int Session::check_certificate(const git_cert& certificate) {
  if (certificate.cert_type != GIT_CERT_HOSTKEY_LIBSSH2) return GIT_EUSER; // https is libcurl's (http_remote.h)
  const auto blob = blob_of(reinterpret_cast<const git_cert_hostkey&>(certificate));
  const auto host = known_host_name(url_.host, url_.port);
  switch (blob.empty() ? HostKeyVerdict::Unknown : judge_host_key(host_keys_, blob)) {
  case HostKeyVerdict::Trusted: return 0;
  case HostKeyVerdict::Unknown:
    return refuse(Code::GitAuth, cat("known_hosts has no key for ", host, ": add its line after checking it"));
  case HostKeyVerdict::Mismatch:
    return refuse(Code::GitAuth,
                  cat("the host key of ", host,
                      " is none of those in known_hosts: somebody may be in between, or the server has new keys"));
  case HostKeyVerdict::Revoked: return refuse(Code::GitAuth, cat("the host key of ", host, " is revoked in known_hosts"));
  }
  return GIT_EUSER;
}

int Session::on_transport(git_transport** out, git_remote* owner, void* self) {
  return static_cast<Session*>(self)->http_->make_transport(out, owner);
}

int Session::on_progress(const git_indexer_progress* progress, void* self) {
  auto& session = *static_cast<Session*>(self);
  session.received_ = progress->received_bytes;
  if (session.received_ <= session.job_.max_repository) return 0;
  return session.refuse(Code::GitLimit, cat("the repository is larger than the limit of ", session.job_.max_repository >> 20,
                                            " MiB for one fetch; keep large files out of it"));
}

} // namespace gitsync::git
