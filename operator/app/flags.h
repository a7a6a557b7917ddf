// Arguments → one typed command, or the text to print instead. Pure: nothing is read, opened or printed here.
#pragma once
#include "app/kind.h"
#include "app/operator.h"
#include "base/log.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gitsync::app {

/// Which cluster, of the verbs that talk to one. Empty members mean the usual places (cluster.h).
struct ClusterFlags {
  std::string kubeconfig, context;
};

enum class Output { Table, Wide, Json, Yaml, Name };

/// `gitsync get`.
struct GetOptions {
  ClusterFlags cluster;
  std::optional<Kind> kind; // nothing: both
  std::string name;         // empty: all; set only with a kind
  std::string ns;           // empty: the kubeconfig's
  bool all_namespaces = false;
  Output output = Output::Table;
};

/// `gitsync reconcile`.
struct ReconcileOptions {
  ClusterFlags cluster;
  Kind kind = Kind::GitSync;
  std::string name, ns;
  bool with_source = true; // of a GitSync: ask its source first
  bool wait = true;
  std::chrono::milliseconds timeout{300'000}; // of the whole wait
};

/// `gitsync suspend` and `gitsync resume`.
struct SuspendOptions {
  ClusterFlags cluster;
  Kind kind = Kind::GitSync;
  std::string name, ns;
  bool suspend = true;
};

/// `gitsync approve`.
struct ApproveOptions {
  ClusterFlags cluster;
  std::string name, ns;
  std::string plan_digest; // the plan that was looked at; empty: the one that waits now
};

/// `gitsync pause`.
struct PauseOptions {
  ClusterFlags cluster;
  std::string kind, name, ns; // of the object; the kind as it was typed
  std::string length = "30m", reason;
  bool end = false; // end the Pauses of the object instead
};

/// `gitsync render`.
/// `gitsync plan`.
struct PlanOptions {
  ClusterFlags cluster;
  std::string name, ns;
  Output output = Output::Table; // or Json, Yaml
};
struct RenderOptions {
  std::filesystem::path directory;
  Output output = Output::Yaml; // or Json
  std::string target_namespace; // empty: "default"
  std::string owner;            // "namespace/name"; empty: print neither our label nor our annotation
};

/// `gitsync import`.
struct ImportOptions {
  enum class From { Flux, Argo };
  ClusterFlags cluster;
  From from = From::Flux;
  std::vector<std::string> files; // "-" is standard input; empty: ask the cluster
  std::string ns;
  bool all_namespaces = false;
  Output output = Output::Yaml; // or Json
};

/// `gitsync uninstall`.
struct UninstallOptions {
  ClusterFlags cluster;
  bool yes = false;                          // else only told
  std::chrono::milliseconds timeout{60'000}; // for an operator to do its part
};

struct VersionOptions {
  bool json = false;
};

/// `gitsync operator`.
struct OperatorCommand {
  OperatorOptions options;
  log::Level level = log::Level::Info;
};

/// Help (code 0: to standard output) or what is wrong with the arguments (code 2: to standard error).
struct Usage {
  int code = 0;
  std::string text;
};

using Command = std::variant<Usage, GetOptions, ReconcileOptions, SuspendOptions, ApproveOptions, PlanOptions, PauseOptions,
                             RenderOptions, ImportOptions, UninstallOptions, VersionOptions, OperatorCommand>;

/// `program` is how the user calls us ("gitsync", "kubectl gitsync"), for help; `arguments` are those behind it. Any argument
/// is taken without throwing.
Command parse_arguments(std::string_view program, std::vector<std::string> arguments);

/// "kubectl gitsync" where the binary is called as kubectl's plugin (argv[0]'s last part is kubectl-gitsync), else "gitsync".
std::string_view program_name(std::string_view argv0);

} // namespace gitsync::app
