// How to reach the API server: from a kubeconfig file, or from inside the cluster.
#pragma once
#include "base/clock.h"
#include "base/error.h"
#include "http/client.h"

#include <filesystem>
#include <memory>
#include <string>

namespace gitsync::kube {

/// Where and as whom. The token and CA may rotate: ask Access each time instead of keeping one of these.
struct Connection {
  std::string server;        // "https://10.96.0.1:443", no trailing slash
  std::string authorization; // "Bearer …" or ""
  std::shared_ptr<const http::Tls> tls;
};

/// Control thread only. Every token and key that passes through is registered with register_secret().
class Access {
public:
  virtual ~Access() = default;
  /// The connection to use now; files are looked at again when they are older than a minute (client-go's period), by path,
  /// since kubelet swaps them by symlink. A file that cannot be read leaves the last good material in force.
  virtual Connection current(Instant now) = 0;
  /// The server said 401: look again at once. True where something new was found (the caller then tries once more).
  virtual bool refresh(Instant now) = 0;
  /// The namespace that the configuration names, "default" where none.
  virtual std::string default_namespace() const = 0;
};

/// A kubeconfig file: its current context, or `context` where not empty. Client certificates, tokens, token files, basic CA
/// data or files, insecure-skip-tls-verify. exec and auth-provider plugins are refused with a hint: an operator never runs
/// foreign programs (Flux CVE-2022-24817). Errors begin with the file.
Result<std::unique_ptr<Access>> load_kubeconfig(const std::filesystem::path& file, const std::string& context = {});

/// Inside a pod: KUBERNETES_SERVICE_HOST/PORT and the service account's directory (another one only for tests).
Result<std::unique_ptr<Access>>
in_cluster(const std::filesystem::path& service_account = "/var/run/secrets/kubernetes.io/serviceaccount");

} // namespace gitsync::kube
