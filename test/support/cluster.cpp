#include "support/cluster.h"

#include "support/eventually.h"
#include "support/text.h"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace gitsync::test {
namespace {

constexpr const char* users_namespace = "gitsync-users";

std::string program(const char* variable) {
  const char* path = std::getenv(variable);
  if (!path || !std::filesystem::exists(path))
    throw std::runtime_error(std::string(variable) + " names no program: run `make deps` and `source scripts/env.sh` first");
  return path;
}

/// The value of "key: value" in the kubeconfig that localcluster writes.
std::string field(const std::string& config, const std::string& key) {
  const size_t at = config.find(key + ": ");
  if (at == std::string::npos) throw std::runtime_error("kubeconfig: no " + key);
  const size_t begin = at + key.size() + 2;
  return config.substr(begin, config.find('\n', begin) - begin);
}

} // namespace

std::filesystem::path checkout() {
  const char* root = std::getenv("GITSYNC_ROOT");
  return root ? root : GITSYNC_SOURCE_DIR;
}

Cluster& Cluster::get() {
  static Cluster cluster;
  return cluster;
}

Cluster::Cluster() {
  std::cerr << "starting a local cluster\n";
  supervisor_ = std::make_unique<Process>(Process::Options{
      .argv = {program("GITSYNC_LOCALCLUSTER"), "run", "--audit-log"}, .death_signal = SIGTERM, .hold_input = true});
  const json ready = json::parse(supervisor_->read_line(150));
  kubeconfig_ = ready.at("kubeconfig").get<std::string>();
  audit_log_ = ready.at("auditLog").get<std::string>();
  server_ = ready.at("server").get<std::string>();
  std::cerr << "the cluster is ready after " << ready.value("seconds", 0.0) << " s\n";
  const std::string config = read_file(kubeconfig_);
  authority_ = field(config, "certificate-authority-data");
  api_ = std::make_unique<Api>(server_,
                               Http::Tls{base64_decode(authority_), base64_decode(field(config, "client-certificate-data")),
                                         base64_decode(field(config, "client-key-data"))});
  kubectl_ = std::make_unique<Kubectl>(program("GITSYNC_KUBECTL"), kubeconfig_);
  kubectl_->must({"apply", "-f", checkout() / "crds"});
  kubectl_->must({"wait", "--for=condition=Established", "--timeout=60s", "-f", checkout() / "crds"});
  kubectl_->must({"create", "clusterrolebinding", "test-users", "--clusterrole=cluster-admin",
                  std::string("--group=system:serviceaccounts:") + users_namespace});
  api_->create("/api/v1/namespaces", {{"metadata", {{"name", users_namespace}}}});
}

Cluster::~Cluster() {
  supervisor_->close_input();
  if (!supervisor_->wait(30)) std::cerr << "the cluster's supervisor did not end in time and is killed\n";
}

std::string Cluster::write_kubeconfig(const std::filesystem::path& file, const std::string& ns) {
  const std::string name = "user-" + std::to_string(++users_);
  const std::string accounts = path_of("v1", "serviceaccounts", users_namespace);
  api_->create(accounts, {{"metadata", {{"name", name}}}});
  const json token = api_->create(accounts + "/" + name + "/token", {{"spec", {{"expirationSeconds", 7200}}}});
  const json config{
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"current-context", "test"},
      {"clusters", {{{"name", "test"}, {"cluster", {{"server", server_}, {"certificate-authority-data", authority_}}}}}},
      {"users", {{{"name", "test"}, {"user", {{"token", token["status"]["token"]}}}}}},
      {"contexts", {{{"name", "test"}, {"context", {{"cluster", "test"}, {"user", "test"}, {"namespace", ns}}}}}}};
  write_file(file, config.dump(2));
  return std::string("system:serviceaccount:") + users_namespace + ":" + name;
}

} // namespace gitsync::test
