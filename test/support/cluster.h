// The local cluster of a test run: started when the first test needs it, gone when the run ends, however it ends.
#pragma once
#include "support/api.h"
#include "support/kubectl.h"
#include "support/process.h"

#include <filesystem>
#include <memory>
#include <string>

namespace gitsync::test {

/// Main thread only. Programs: GITSYNC_LOCALCLUSTER and GITSYNC_KUBECTL (scripts/env.sh).
class Cluster {
public:
  /// The one of this process. Our CRDs are installed, and the users of write_kubeconfig() are administrators.
  static Cluster& get();

  Api& api() { return *api_; }
  Kubectl& kubectl() { return *kubectl_; }
  const std::filesystem::path& kubeconfig() const { return kubeconfig_; }
  /// The API server's audit log: one JSON object a line.
  const std::filesystem::path& audit_log() const { return audit_log_; }

  /// A kubeconfig for a new ServiceAccount of its own, written to that file, with that default namespace; returns the user's
  /// name in the audit log.
  std::string write_kubeconfig(const std::filesystem::path& file, const std::string& ns);

  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

private:
  Cluster();

  std::unique_ptr<Process> supervisor_;
  std::filesystem::path kubeconfig_, audit_log_;
  std::string server_, authority_; // authority: base64
  std::unique_ptr<Api> api_;
  std::unique_ptr<Kubectl> kubectl_;
  unsigned users_ = 0;
};

/// Where the CRDs lie: GITSYNC_ROOT, or the checkout that this binary was built from.
std::filesystem::path checkout();

} // namespace gitsync::test
