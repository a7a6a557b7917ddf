// `gitsync operator`: the composition root.
#pragma once
#include "api/tenancy.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gitsync::app {

/// Flags of `gitsync operator`.
struct OperatorOptions {
  std::filesystem::path kubeconfig; // empty: in-cluster by the service account
  std::string context;              // of the kubeconfig; empty: its current one
  std::filesystem::path mirrors = "/var/lib/gitsync/mirrors";
  std::string listen = "0.0.0.0:8080"; // probes and metrics; port 0 takes a free one and logs it ("listening", field "address")
  std::string webhook_listen;          // empty: no receiver
  std::string lease_namespace;         // where the Lease lives; empty: the configuration's namespace
  bool leader_elect = true;
  std::vector<std::string> plain_http_registries; // host:port of registries that are asked over http; all others over https
  bool allow_file_urls = false;                   // file:// reads repositories on the operator's own disk
  api::Tenancy tenancy;
};

/// Runs until SIGTERM or SIGINT. Returns the exit code: 0 stopped on purpose, 1 could not start or lost the lease.
int run_operator(const OperatorOptions& options);

} // namespace gitsync::app
