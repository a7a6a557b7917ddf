// The test stand: a local cluster, a git repository served over HTTP, the operator, and the clients that measure it.
#pragma once
#include "bench/bare_client.h"
#include "bench/client_thread.h"
#include "bench/figures.h"
#include "bench/objects.h"
#include "bench/onlooker.h"
#include "support/git_repo.h"
#include "support/git_server.h"
#include "support/operator_process.h"
#include "support/process.h"
#include "support/text.h"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gitsync::bench {

/// How much is measured. The defaults are what the figures' names say.
struct Scale {
  size_t few = 100, objects = 1000, many = 10'000;
  unsigned drifts = 1000, drift_block = 100, deletes = 300, delete_block = 30;
  unsigned pushes = 25, creations = 3;
  size_t syncs = 1000;
  std::chrono::seconds settle{20}, idle{60};
  size_t in_flight = 32;
};

/// What one push and `gitsync reconcile` right after it brought.
struct Push {
  std::string commit;
  Instant started;        // right before the command was executed
  WallTime requested{};   // the annotation that the command set: when it asked
  double fetch = 0;       // ms, GitRepository status.lastFetch
  double command = 0;     // ms, the command's whole run
  double command_cpu = 0; // ms
};

/// Main thread. Its end stops all of it.
class Stand {
public:
  explicit Stand(Scale scale);
  ~Stand();

  static constexpr const char* control = "gitsync-bench"; // namespace of GitRepository, GitSync and Lease
  static constexpr const char* ours = "bench-ours";       // of the operator's objects
  static constexpr const char* floor_ns = "bench-floor";  // of the bare client's
  static constexpr const char* mono_ns = "bench-mono";    // of the objects of many GitSyncs
  static constexpr const char* mono_floor_ns = "bench-mono-floor";
  static constexpr const char* quiet_ns = "bench-quiet"; // of the many that nothing happens to

  const Scale scale;
  test::TemporaryDirectory directory{"gitsync-bench"};
  test::GitRepo repo;
  std::unique_ptr<ClientThread> intruder; // and everything else that has to be asked
  std::unique_ptr<Onlooker> onlooker;
  std::unique_ptr<BareClient> bare;
  test::OperatorProcess& op() { return *operator_; }
  const std::filesystem::path& kubeconfig() const { return kubeconfig_; }
  std::string repository_url() const { return server_->url("bench.git"); }

  void start_operator();
  /// SIGTERM, and again from what was stored.
  void restart_operator();

  /// A GitSync of that name for ./<name>.
  void declare(const std::string& name, const json& more = json::object());
  void merge_spec(const std::string& name, const json& spec);
  /// Waits until its applied revision is healthy.
  void await_healthy(const std::string& name);
  /// Deletes it with all its objects.
  void retract(const std::string& name);
  void set_poll_interval(const std::string& interval);
  /// The directory of that GitSync holds just these objects, from the next commit on.
  void write(const std::string& name, const std::vector<Object>& objects);
  /// git commit and git push.
  std::string commit(const std::string& message);
  /// Asks the source to look now, and returns at once.
  void ask_for_poll();
  /// The same, and waits until its status tells that commit.
  void poll(const std::string& commit);
  /// `gitsync reconcile NAME`, to its end; throws where it fails.
  Push reconcile(const std::string& name, std::string commit);

  /// Waits until nothing writes to the cluster any more but the Leases, a minute at most.
  void settle_down();
  /// The bare client's namespace becomes empty.
  void clear_floor();

  /// Requests of the API server since its start, by all clients, whose metric line holds all these texts.
  double server_requests(const std::vector<std::vector<std::string>>& any_of);
  /// Writes of all clients since the API server's start, as "patch events" → how many.
  std::map<std::string, double> server_writes();
  /// The operator's own count of requests, for these verbs (all where empty).
  double operator_requests(const std::vector<std::string>& verbs = {});

private:
  void each_request_line(const std::function<void(std::string_view line, double value)>& told);

  std::unique_ptr<test::GitServer> server_;
  std::unique_ptr<test::Process> cluster_;
  std::filesystem::path kubeconfig_;
  std::unique_ptr<test::OperatorProcess> operator_;
};

/// A line of progress on standard error.
void progress(const std::string& text);

} // namespace gitsync::bench
