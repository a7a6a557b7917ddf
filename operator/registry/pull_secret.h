// A Secret with credentials for registries, as kubelets read it. Pure.
#pragma once
#include "base/error.h"
#include "object/image_name.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::registry {

struct Credentials {
  std::string user, password;
};

/// What stands in one Secret of type kubernetes.io/dockerconfigjson.
class PullSecret {
public:
  /// Reads the Secret's object; registers every password and encoded form with register_secret(). Errors (RegistryAuth,
  /// beginning with "Secret ns/name") name the key and never quote what stands there.
  static Result<PullSecret> parse(const nlohmann::json& secret);

  /// The credentials for an image: the entry of its registry with the longest path that its repository begins with, an exact
  /// host before a pattern such as *.example.com. Source: Kubernetes' documentation "Images", section "Interpretation of
  /// config.json".
  std::optional<Credentials> find(const ImageName& image) const;
  /// PEM of `ca.crt`; empty: the system's CAs.
  const std::string& ca_pem() const { return ca_pem_; }

private:
  struct Entry {
    std::string host, path; // path: "" or "team/shop"
    Credentials credentials;
  };
  std::vector<Entry> entries_;
  std::string ca_pem_;
};

} // namespace gitsync::registry
