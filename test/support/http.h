// A plain blocking HTTP client for the tests.
#pragma once
#include <memory>
#include <string>
#include <vector>

namespace gitsync::test {

struct HttpReply {
  long status = 0; // 0: no answer
  std::string body;
  std::string location; // the header
};

/// One connection that is kept alive. Main thread only.
class Http {
public:
  /// PEM texts; all empty for a server without TLS.
  struct Tls {
    std::string authority, certificate, key;
  };
  explicit Http(Tls tls = {});
  ~Http();

  /// Never throws for what the server does: an answer that does not come is status 0 with the reason as body.
  HttpReply request(const std::string& method, const std::string& url, const std::string& body = {},
                    const std::vector<std::string>& headers = {});

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace gitsync::test
