// How a verb reaches the API server, and runs on it.
#pragma once
#include "app/flags.h"
#include "kube/client.h"
#include "runtime/task.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gitsync::app {

/// What decides where the kubeconfig is.
struct Surroundings {
  std::string kubeconfig_flag; // --kubeconfig
  std::string kubeconfig_list; // KUBECONFIG, a list with ":"
  std::string home;            // HOME
  bool in_pod = false;         // KUBERNETES_SERVICE_HOST is set
  std::function<bool(const std::filesystem::path&)> exists;
};
/// The kubeconfig to read: the flag, else the first path of KUBECONFIG, else ~/.kube/config where that exists; nothing: use the
/// pod's service account. Several files of KUBECONFIG are not merged. Errors: InvalidArgument where there is none of all these.
/// Pure.
Result<std::optional<std::filesystem::path>> find_kubeconfig(const Surroundings& surroundings);

/// What a verb works with.
struct Session {
  kube::Client& client;
  std::string ns; // the -n flag, else the configuration's

  /// Path of one of our objects, or of its collection where the name is empty.
  std::string path(Kind kind, std::string_view name = {}) const;
};

/// Connects and runs the verb on the calling thread. SIGINT and SIGTERM cancel it: the exit code is 130 then, else what it
/// returns, or 1 where the kubeconfig cannot be used (the error is printed).
int with_cluster(const ClusterFlags& flags, const std::string& ns, const std::function<Task<int>(Session&)>& verb);

/// The error with the object before it ("GitSync shop/api: …") and, where that is the cause, the hint that the CRDs are
/// missing.
Error about(Kind kind, std::string_view ns, std::string_view name, Error error);

/// Field manager of what the command line writes.
inline constexpr std::string_view cli_field_manager = "fieldManager=gitsync-cli"; // as a query

} // namespace gitsync::app
