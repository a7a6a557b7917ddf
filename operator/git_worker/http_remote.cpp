#include "git_worker/http_remote.h"

#include "base/secret.h"
#include "base/text.h"
#include "git/name.h"

#include <algorithm>
#include <cstring>
#include <curl/curl.h>

namespace gitsync::git {
namespace {

constexpr long connect_timeout_ms = 30'000;
constexpr int max_redirects = 5;
constexpr size_t max_question = 16u << 20;  // what is sent: the commits that both sides may have
constexpr uint64_t max_listing = 96u << 20; // 500,000 refs of 190 bytes
constexpr size_t enough = 1u << 20;         // received and not yet taken: curl waits from here on
constexpr std::string_view listing_path = "/info/refs?service=git-upload-pack";
constexpr std::string_view pack_path = "/git-upload-pack";
constexpr std::string_view listing_type = "application/x-git-upload-pack-advertisement";
constexpr std::string_view pack_type = "application/x-git-upload-pack-result";

std::string shown(std::string_view text) { return shorten(redact(escaped(trim(text))), 300); }

curl_blob blob(const std::string& pem) {
  return {const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY}; // the job outlives the transfer
}

bool has_credentials(const Credentials& c) { return !c.password.empty() || !c.bearer_token.empty() || !c.tls_crt.empty(); }

} // namespace

bool may_redirect(const Url& from, const Url& to, bool credentials) {
  if (to.transport != Transport::Http && to.transport != Transport::Https) return false;
  if (to.host != from.host || (from.transport == Transport::Https && to.transport == Transport::Http)) return false;
  if (!credentials || to.port == from.port) return true;
  return from.transport == Transport::Http && from.port == 80 && to.port == 443;
}

struct HttpRemote::Impl {
  /// One request and its answer, as libgit2 wants to read it.
  struct Exchange : git_smart_subtransport_stream {
    Impl& remote;
    bool listing;
    std::string question;
    std::string received;
    size_t taken = 0;
    uint64_t total = 0;
    bool started = false, paused = false, ended = false;
    int redirects = 0;

    Exchange(Impl& owner, bool lists, git_smart_subtransport* subtransport_)
        : git_smart_subtransport_stream{}, remote(owner), listing(lists) {
      subtransport = subtransport_;
      read = [](git_smart_subtransport_stream* self, char* into, size_t size, size_t* count) {
        return static_cast<Exchange*>(self)->on_read(into, size, *count);
      };
      write = [](git_smart_subtransport_stream* self, const char* bytes, size_t count) {
        return static_cast<Exchange*>(self)->on_write({bytes, count});
      };
      free = [](git_smart_subtransport_stream* self) { delete static_cast<Exchange*>(self); };
    }
    ~Exchange() {
      if (started) curl_multi_remove_handle(remote.multi, remote.easy);
      curl_slist_free_all(headers);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    int on_write(std::string_view bytes) {
      if (started || question.size() + bytes.size() > max_question)
        return remote.refuse(Code::GitLimit, "what both sides have in common takes too much to tell");
      question += bytes;
      return 0;
    }

    int on_read(char* into, size_t size, size_t& count) {
      count = 0;
      if (!started) begin();
      while (taken == received.size() && !ended)
        if (const int rc = go_on(); rc != 0) return rc;
      count = std::min(size, received.size() - taken);
      std::memcpy(into, received.data() + taken, count);
      taken += count;
      if (taken < received.size()) return 0;
      received.clear();
      taken = 0;
      if (std::exchange(paused, false)) curl_easy_pause(remote.easy, CURLPAUSE_CONT);
      return 0;
    }

    void begin() {
      CURL* handle = remote.easy;
      remote.prepare();
      curl_easy_setopt(handle, CURLOPT_URL, cat(remote.base, listing ? listing_path : pack_path).c_str());
      curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
      curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Exchange::on_data);
      curl_slist_free_all(std::exchange(headers, nullptr));
      add(cat("Accept: ", listing ? listing_type : pack_type));
      if (!remote.authorization.empty()) add(cat("Authorization: ", remote.authorization));
      if (!listing) {
        add("Content-Type: application/x-git-upload-pack-request");
        add("Expect:"); // no round trip for permission to send
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(question.size()));
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, question.data());
      }
      curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
      curl_multi_add_handle(remote.multi, handle);
      started = true;
    }

    /// Waits for bytes, or for the end.
    int go_on() {
      int running = 0;
      if (curl_multi_perform(remote.multi, &running) != CURLM_OK) return remote.refuse(Code::GitFetch, "libcurl failed");
      int left = 0;
      while (const auto* message = curl_multi_info_read(remote.multi, &left))
        if (message->msg == CURLMSG_DONE) return finish(message->data.result);
      if (taken == received.size()) curl_multi_poll(remote.multi, nullptr, 0, 1000, nullptr);
      return 0;
    }

    int finish(CURLcode code) {
      ended = true;
      long status = 0;
      curl_easy_getinfo(remote.easy, CURLINFO_RESPONSE_CODE, &status);
      if (remote.refusal) return GIT_EUSER;
      if (code != CURLE_OK) return remote.fail_with(code);
      if (status >= 300 && status < 400) return redirect();
      if (status != 200) return remote.fail_with_status(status);
      return total == 0 ? remote.refuse(Code::GitFetch, "the answer is empty: is this a git server?") : 0;
    }

    /// git itself follows redirects of the listing only, and takes what comes before "/info/refs" as the new URL.
    int redirect() {
      const char* text = nullptr;
      curl_easy_getinfo(remote.easy, CURLINFO_REDIRECT_URL, &text);
      const std::string target = text ? text : "";
      const auto to = parse_url(target);
      if (!listing || !to || ++redirects > max_redirects)
        return remote.refuse(Code::GitFetch, !listing || !to ? "the server redirects to nowhere that could be followed"
                                                             : cat("the server redirects more than ", max_redirects, " times"));
      if (!may_redirect(remote.url, *to, has_credentials(remote.credentials)))
        return remote.refuse(Code::GitFetch,
                             cat("the server redirects to ", shown(display_url(target)),
                                 ", which is another host, port or protocol: set spec.url to that URL if it is right"));
      const auto at = target.rfind(listing_path);
      if (at == std::string::npos || at + listing_path.size() != target.size())
        return remote.refuse(Code::GitFetch,
                             cat("the server redirects to ", shown(display_url(target)), ": is this a git server?"));
      remote.base = target.substr(0, at);
      remote.url = *to;
      curl_multi_remove_handle(remote.multi, remote.easy);
      ended = false;
      total = 0;
      received.clear();
      begin();
      return 0;
    }

    static size_t on_data(char* data, size_t size, size_t count, void* self) {
      return static_cast<Exchange*>(self)->take({data, size * count});
    }

    size_t take(std::string_view data) {
      long status = 0;
      const char* type = nullptr;
      curl_easy_getinfo(remote.easy, CURLINFO_RESPONSE_CODE, &status);
      if (status != 200) return data.size(); // what it says is of no use
      curl_easy_getinfo(remote.easy, CURLINFO_CONTENT_TYPE, &type);
      if (const std::string_view wanted = listing ? listing_type : pack_type; !type || wanted != trim(type)) {
        remote.refuse(Code::GitFetch, "the answer is no git protocol (smart HTTP): is the URL that of a repository?");
        return CURL_WRITEFUNC_ERROR;
      }
      if (received.size() - taken > enough) {
        paused = true;
        return CURL_WRITEFUNC_PAUSE;
      }
      total += data.size();
      if (listing && total > max_listing) {
        remote.refuse(Code::GitLimit, cat("the list of refs is larger than ", max_listing >> 20, " MiB"));
        return CURL_WRITEFUNC_ERROR;
      }
      received += data;
      return data.size();
    }

    void add(const std::string& header) { headers = curl_slist_append(headers, header.c_str()); }

    curl_slist* headers = nullptr;
  };

  struct Subtransport : git_smart_subtransport {
    Impl& remote;
    explicit Subtransport(Impl& owner) : git_smart_subtransport{}, remote(owner) {
      action = [](git_smart_subtransport_stream** out, git_smart_subtransport* self, const char*, git_smart_service_t service) {
        auto& owner = static_cast<Subtransport*>(self)->remote;
        if (service != GIT_SERVICE_UPLOADPACK_LS && service != GIT_SERVICE_UPLOADPACK)
          return owner.refuse(Code::Internal, "only fetches are supported");
        *out = new Exchange(owner, service == GIT_SERVICE_UPLOADPACK_LS, self);
        return 0;
      };
      close = [](git_smart_subtransport*) { return 0; };
      free = [](git_smart_subtransport* self) { delete static_cast<Subtransport*>(self); };
    }
  };

  Impl(const FetchJob& job, Url first) : credentials(job.credentials), url(std::move(first)), base(job.url) {
    while (base.ends_with('/')) base.pop_back();
    if (!credentials.bearer_token.empty()) {
      authorization = cat("Bearer ", trim(credentials.bearer_token));
    } else if (!credentials.password.empty()) {
      const auto& user = !credentials.username.empty() ? credentials.username
                         : !url.user.empty()           ? url.user
                                                       : std::string("git");
      authorization = cat("Basic ", base64_encode(cat(user, ":", credentials.password)));
    }
  }
  ~Impl() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void prepare() {
    curl_easy_reset(easy);
    error[0] = 0;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "git/2 (gitsync)"); // some servers show browsers a page instead
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)); // a pause holds it up at once
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE)); // CONNECT carries none of our headers
    curl_easy_setopt(easy, CURLOPT_PROXY, credentials.proxy.c_str());
    if (!credentials.proxy_username.empty() || !credentials.proxy_password.empty()) {
      curl_easy_setopt(easy, CURLOPT_PROXYAUTH, static_cast<long>(CURLAUTH_BASIC));
      curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, credentials.proxy_username.c_str());
      curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, credentials.proxy_password.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!credentials.ca_crt.empty()) {
      curl_blob ca = blob(credentials.ca_crt);
      curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
      curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    }
    if (!credentials.tls_crt.empty()) {
      curl_blob certificate = blob(credentials.tls_crt), key = blob(credentials.tls_key);
      curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
      curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
      curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
    }
  }

  /// Remembers the first reason.
  int refuse(Code code, std::string why) {
    if (!refusal) refusal = fail(code, std::move(why)).error();
    git_error_set_str(GIT_ERROR_NET, "the transfer failed");
    return GIT_EUSER;
  }

  int fail_with(CURLcode code) {
    const auto why = shown(error[0] ? error : curl_easy_strerror(code));
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return refuse(Code::GitFetch, cat("the server's certificate is not trusted",
                                        credentials.ca_crt.empty() ? ": give its CA as ca.crt: " : " by ca.crt: ", why));
    case CURLE_SSL_CACERT_BADFILE: return refuse(Code::InvalidSpec, cat("ca.crt cannot be read: ", why));
    case CURLE_SSL_CERTPROBLEM: return refuse(Code::InvalidSpec, cat("tls.crt and tls.key cannot be used: ", why));
    case CURLE_OUT_OF_MEMORY: return refuse(Code::GitLimit, "the worker's memory limit was reached");
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY: return refuse(Code::GitFetch, cat("the proxy cannot be used: ", why));
    default: break;
    }
    long proxy_status = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (proxy_status == 407) return refuse(Code::GitAuth, "the proxy refuses the credentials");
    if (proxy_status >= 300) return refuse(Code::GitFetch, cat("the proxy answers ", proxy_status));
    // An alert of TLS 1.3 comes with the first read, after the handshake.
    if (why.find("alert") != std::string::npos &&
        (why.find("certificate") != std::string::npos || why.find("unknown ca") != std::string::npos))
      return refuse(Code::GitAuth,
                    credentials.tls_crt.empty()
                        ? cat("the server wants a client certificate: add tls.crt and tls.key to the credentials: ", why)
                        : cat("the server refuses the client certificate tls.crt: ", why));
    return refuse(Code::GitFetch, cat("cannot connect: ", why));
  }

  int fail_with_status(long status) {
    if (status == 401 || status == 403) {
      if (!credentials.bearer_token.empty())
        return refuse(Code::GitAuth, cat("the server refuses the bearer token (", status, ")"));
      if (!credentials.password.empty() || url.password)
        return refuse(Code::GitAuth, cat("the server refuses username and password (", status, ")"));
      return refuse(Code::GitAuth, cat("the repository does not exist or needs credentials: set secretRef (", status, ")"));
    }
    if (status == 407) return refuse(Code::GitAuth, "the proxy refuses the credentials");
    if (status == 404 || status == 410)
      return refuse(Code::GitFetch, cat("there is no such repository, or it needs credentials (", status, ")"));
    return refuse(Code::GitFetch, cat("the server answers ", status));
  }

  const Credentials& credentials;
  Url url;
  std::string base;          // of the repository, where redirects have led
  std::string authorization; // the header's value
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();
  char error[CURL_ERROR_SIZE] = {};
  std::optional<Error> refusal;
};

HttpRemote::HttpRemote(const FetchJob& job, Url url) : impl_(std::make_unique<Impl>(job, std::move(url))) {}
HttpRemote::~HttpRemote() = default;

int HttpRemote::make_transport(git_transport** out, git_remote* owner) {
  if (!impl_->easy || !impl_->multi) return impl_->refuse(Code::GitLimit, "the worker's memory limit was reached");
  git_smart_subtransport_definition definition{[](git_smart_subtransport** subtransport, git_transport*, void* remote) {
                                                 *subtransport = new Impl::Subtransport(*static_cast<Impl*>(remote));
                                                 return 0;
                                               },
                                               1, impl_.get()};
  return git_transport_smart(out, owner, &definition);
}

const std::optional<Error>& HttpRemote::refusal() const { return impl_->refusal; }

} // namespace gitsync::git
