#include "http/transfer.h"

#include "base/secret.h"
#include "base/text.h"

#include <strings.h>

namespace gitsync::http {
namespace {
constexpr size_t max_kept = 16, max_header = 8192; // headers, and bytes of one

curl_blob blob(const std::string& pem) {
  return {const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY}; // Request::tls outlives the transfer
}
} // namespace

Transfer::Transfer(const asio::any_io_executor& executor, Request request, std::function<bool(std::string_view)> sink,
                   bool stream, CURL* handle)
    : easy(handle), done(executor), request_(std::move(request)), sink_(std::move(sink)) {
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, ""); // never by environment: who talks to the API server talks to it directly
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_data);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout.count()));
  // A half-open connection is noticed after 30 + 3 × 10 s.
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(stream ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
  if (!stream) curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); // wait for the shared connection rather than open another

  if (const auto& tls = request_.tls) {
    if (!tls->ca_pem.empty()) {
      curl_blob ca = blob(tls->ca_pem);
      curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
      curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    }
    if (!tls->cert_pem.empty()) {
      curl_blob cert = blob(tls->cert_pem), key = blob(tls->key_pem);
      curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
      curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &cert);
      curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
    }
    if (tls->insecure) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
  }

  for (const auto& header : request_.headers) headers_ = curl_slist_append(headers_, header.c_str());
  if (!request_.authorization.empty())
    headers_ = curl_slist_append(headers_, cat("Authorization: ", request_.authorization).c_str());
  if (!request_.body.empty() || request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH") {
    headers_ = curl_slist_append(headers_, "Expect:"); // no round trip for permission to send
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  if (request_.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L); // else it would wait for a body
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
}

Transfer::~Transfer() { curl_slist_free_all(headers_); }

size_t Transfer::on_data(char* data, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->receive({data, size * count}) ? size * count : CURL_WRITEFUNC_ERROR;
}

bool Transfer::receive(std::string_view data) {
  if (sink_) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
      if (sink_(data)) return true;
      sink_ended_ = true;
      return false;
    }
  }
  if (response_.body.size() + data.size() > request_.max_body) {
    too_large_ = true;
    return false;
  }
  response_.body += data;
  return true;
}

size_t Transfer::on_header(char* data, size_t size, size_t count, void* self) {
  constexpr std::string_view name = "retry-after:";
  const std::string_view line(data, size * count);
  if (line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0) {
    const auto value = trim(line.substr(name.size()));
    int seconds = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), seconds).ec == std::errc{} && seconds >= 0)
      static_cast<Transfer*>(self)->response_.retry_after = std::chrono::seconds(std::min(seconds, 3600));
  }
  static_cast<Transfer*>(self)->keep(line);
  return line.size();
}

void Transfer::keep(std::string_view line) {
  const auto colon = line.find(':');
  if (request_.keep.empty() || colon == std::string_view::npos || response_.headers.size() == max_kept) return;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (std::ranges::find(request_.keep, name) == request_.keep.end()) return;
  response_.headers.emplace_back(std::move(name), trim(line.substr(colon + 1)).substr(0, max_header));
}

void Transfer::finish(CURLcode code) {
  code_ = code;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  done.set();
}

Result<Response> Transfer::result() {
  if (code_ == CURLE_OK || sink_ended_) return std::move(response_);
  const std::string cause = redact(error_[0] ? error_ : curl_easy_strerror(code_));
  if (too_large_)
    return fail(Code::ApiServerError, cat("the answer is larger than ", request_.max_body, " bytes"), Retry::Never);
  if (code_ == CURLE_OPERATION_TIMEDOUT) return fail(Code::Timeout, cause);
  return fail(Code::ApiUnreachable, cause);
}

} // namespace gitsync::http
