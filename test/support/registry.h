// A real container registry on a free loopback port, and somebody who pushes to it.
#pragma once
#include "support/http.h"
#include "support/process.h"

#include <filesystem>
#include <memory>
#include <string>

namespace gitsync::test {

/// Main thread only. The program is GITSYNC_REGISTRY (test/registry). Gone with this object.
class Registry {
public:
  struct Options {
    std::string auth = "basic"; // or "token"; "" for nobody is asked who he is
    std::string user = "robot", password = "password-of-the-registry";
    bool tls = false;
  };
  /// `directory` is made, and holds its files.
  explicit Registry(const std::filesystem::path& directory) : Registry(directory, Options()) {}
  Registry(const std::filesystem::path& directory, Options options);

  /// "127.0.0.1:<port>", as it stands in images' names.
  const std::string& host() const { return host_; }
  std::string image(const std::string& repository) const { return host_ + "/" + repository; }
  /// The operator's flags to be allowed to ask it over http.
  std::vector<std::string> flags() const;
  /// PEM of the authority that signed its certificate.
  std::string authority() const;

  /// Pushes an image (the OCI specification's smallest one) under that tag.
  void push(const std::string& repository, const std::string& tag);
  /// The value of `.dockerconfigjson` in a pull secret; with another password where one is given.
  std::string docker_config(const std::string& password = {}) const;
  void stop() { process_.kill(); }

private:
  HttpReply send(const std::string& method, const std::string& url, const std::string& body, const std::string& type,
                 const std::string& authorization, long expected);

  std::filesystem::path directory_;
  Options options_;
  Process process_;
  std::string host_, realm_;
  std::unique_ptr<Http> http_;
};

} // namespace gitsync::test
