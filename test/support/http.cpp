#include "support/http.h"

#include <curl/curl.h>
#include <stdexcept>

namespace gitsync::test {
namespace {

size_t append(char* bytes, size_t, size_t count, void* target) {
  static_cast<std::string*>(target)->append(bytes, count);
  return count;
}

} // namespace

struct Http::Impl {
  CURL* easy = curl_easy_init();
  Tls tls;
};

Http::Http(Tls tls) : impl_(std::make_unique<Impl>()) {
  if (!impl_->easy) throw std::runtime_error("curl_easy_init");
  impl_->tls = std::move(tls);
}

Http::~Http() { curl_easy_cleanup(impl_->easy); }

HttpReply Http::request(const std::string& method, const std::string& url, const std::string& body,
                        const std::vector<std::string>& headers) {
  CURL* easy = impl_->easy;
  HttpReply reply;
  curl_easy_reset(easy); // keeps the connection
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply.body);
  const auto blob = [&](CURLoption option, std::string& pem) {
    curl_blob value{pem.data(), pem.size(), CURL_BLOB_NOCOPY};
    if (!pem.empty()) curl_easy_setopt(easy, option, &value);
  };
  blob(CURLOPT_CAINFO_BLOB, impl_->tls.authority);
  blob(CURLOPT_SSLCERT_BLOB, impl_->tls.certificate);
  blob(CURLOPT_SSLKEY_BLOB, impl_->tls.key);
  if (!body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  curl_slist* list = nullptr;
  for (const auto& header : headers) list = curl_slist_append(list, header.c_str());
  list = curl_slist_append(list, "Expect:");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  const CURLcode code = curl_easy_perform(easy);
  curl_slist_free_all(list);
  curl_header* location = nullptr;
  if (code == CURLE_OK && curl_easy_header(easy, "Location", 0, CURLH_HEADER, -1, &location) == CURLHE_OK)
    reply.location = location->value;
  if (code == CURLE_OK)
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
  else
    reply.body = curl_easy_strerror(code);
  return reply;
}

} // namespace gitsync::test
