// `gitsync operator` as a process of its own, as a user runs it.
#pragma once
#include "support/http.h"
#include "support/process.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gitsync::test {

/// The binary under test: GITSYNC_BINARY, or the one that lies beside this test's, or one directory above it.
std::filesystem::path operator_binary();

/// Main thread only. Killed at the end of its life.
class OperatorProcess {
public:
  struct Options {
    std::filesystem::path kubeconfig;
    std::filesystem::path mirrors;
    std::filesystem::path log; // its standard error is added to this file
    std::string user;          // how the audit log names it
    bool leader_elect = false;
    std::vector<std::string> more{}; // further arguments
    std::filesystem::path binary{};  // another one than operator_binary()
  };
  explicit OperatorProcess(Options options);

  /// Waits until it listens and /healthz says yes.
  void await_listening();
  /// Waits until /readyz says yes.
  void await_ready();

  bool running() { return process_.running(); }
  pid_t pid() const { return process_.pid(); }
  /// kill -9.
  void kill() { process_.kill(); }
  void signal(int number) { process_.signal(number); }
  /// SIGTERM; the exit code, or -1 where it did not end within the test's patience (it is killed then).
  int terminate();

  /// GET of a path of its own server.
  HttpReply get(const std::string& path);
  /// Sum of the metric's series whose line holds all these texts: metric("gitsync_apply_total", {R"(result="failed")"}).
  double metric(const std::string& name, const std::vector<std::string>& labels = {});

  const std::string& user() const { return options_.user; }
  /// All it has logged so far.
  std::string log() const;
  const std::string& address();
  /// Of its receiver for webhooks, where it was started with --webhook-listen.
  const std::string& webhook_address();

private:
  Options options_;
  size_t log_begin_; // what others logged before into the same file
  Process process_;
  const std::string& await_address(const std::string& message, std::string& into);

  std::string address_, webhook_address_;
  Http http_;
};

} // namespace gitsync::test
