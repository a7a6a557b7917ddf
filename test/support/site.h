// One test's own corner of the cluster: a namespace, a git repository, and an operator that works on them.
#pragma once
#include "support/audit_log.h"
#include "support/cluster.h"
#include "support/git_repo.h"
#include "support/manifests.h"
#include "support/operator_process.h"
#include "support/text.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gitsync::test {

/// Main thread only. At its end the operator is stopped, its GitSyncs and its namespace are deleted; a test that fails shows
/// the operator's last words (with GITSYNC_TEST_VERBOSE set, every test does).
class Site {
public:
  explicit Site(const std::string& name);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  Cluster& cluster;
  Api& api;
  const std::string ns;
  TemporaryDirectory directory;
  GitRepo repo;
  AuditLog audit;

  /// Further arguments of the operators that are started from now on.
  std::vector<std::string> flags;
  /// Their binary; empty: operator_binary().
  std::filesystem::path binary;

  /// Starts the operator (again), and waits until it listens. Each one is a user of its own.
  OperatorProcess& start(bool leader_elect = false, const std::string& mirrors = "mirrors");
  OperatorProcess& op() { return *operator_; }
  bool has_operator() const { return operator_ != nullptr; }
  /// SIGTERM, and checks that it ends with code 0 and has not logged a defect.
  void stop();
  /// Another operator beside the first one.
  std::unique_ptr<OperatorProcess> another(bool leader_elect = true);

  // Custom resources; `more` is merged into the spec.
  void add_source(const std::string& name = "source", const json& more = json::object());
  /// Of ./app, with this namespace as target.
  void add_sync(const std::string& name = "app", const json& more = json::object());
  json source(const std::string& name = "source") { return api.get(git_repository(ns, name)); }
  json sync(const std::string& name = "app") { return api.get(git_sync(ns, name)); }

  /// Commits what was written, makes source and sync, starts the operator, and waits until all is applied. Returns the commit.
  std::string begin(const json& sync_spec = json::object());

  /// Commits, asks for a poll at once, and waits until that commit is applied and the GitSync is ready. Returns the commit.
  std::string push(const std::string& sync = "app");
  /// Commits and waits until that commit was attempted and refused, with Ready=False. Returns the GitSync.
  json push_refused(const std::string& sync = "app");
  /// Waits until a plan of the GitSync waits for an Approval, and makes one.
  void consent(const std::string& sync = "app");
  /// Asks a GitRepository or GitSync to look at once, by its path.
  void request(const std::string& path);
  void request_poll(const std::string& source = "source") { request(git_repository(ns, source)); }

  void await_applied(const std::string& commit, const std::string& sync = "app");
  void await_refused(const std::string& commit, const std::string& sync = "app");
  /// Waits until the object's condition has that status (and reason, where given); returns the object.
  json await_condition(const std::string& path, const std::string& type, const std::string& status,
                       const std::string& reason = {});
  /// Waits until the message of the GitSync's Ready holds the part; returns the GitSync.
  json await_message(const std::string& part, const std::string& sync = "app");
  /// The path of a pod of this namespace, once there is one.
  std::string await_pod();
  /// Plays the kubelet for a pod that nobody runs: it runs and is ready.
  void run_pod(const std::string& path);
  void await_gone(const std::string& path);
  /// Waits until the object is there; returns it.
  json await_exists(const std::string& path);

  /// Deletes this managed object and waits until the operator has made it anew: what it saw before, it has dealt with.
  void fence(const std::string& path);

  /// Everything the operators of this site have logged.
  std::string log() const { return read_file(log_file()); }
  std::filesystem::path log_file() const { return directory.path() / "operator.log"; }
  /// The field manager of a GitSync of this site.
  std::string manager(const std::string& sync = "app") const { return "gitsync:" + ns + "/" + sync; }
  /// An object outside the namespace that has to be deleted at the end.
  void remove_at_end(const std::string& path) { leftovers_.push_back(path); }
  /// The messages and reasons of the Events about an object of ours: "reason: note".
  std::vector<std::string> events_about(const std::string& name);
  void await_event(const std::string& name, const std::string& reason, const std::string& part = {});
  /// An Event about a refusal: Failed where it is tried again, Stalled where it waits for new input.
  void await_failure_event(const std::string& name, const std::string& part = {});

private:
  OperatorProcess::Options options(bool leader_elect, const std::string& mirrors);

  std::unique_ptr<OperatorProcess> operator_;
  std::vector<std::string> leftovers_;
  unsigned operators_ = 0;
  int exceptions_;
};

/// Whether one of the texts holds the part.
bool any_holds(const std::vector<std::string>& texts, const std::string& part);
/// The message of the Ready condition.
std::string ready_message(const json& object);

} // namespace gitsync::test
