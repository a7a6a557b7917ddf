// Leader election against the API server: the thin shell around LeaseMachine.
#pragma once
#include "kube/client.h"
#include "kube/lease.h"
#include "runtime/task.h"

#include <functional>
#include <string>
#include <string_view>

namespace gitsync::kube {

/// The clock of leases as an Instant: it goes on while the machine is suspended, which the steady clock doesn't, so that a
/// laptop or VM that wakes up does not believe in a lease of yesterday. Not to be mixed with other Instants.
Instant lease_clock();

/// Control thread only. Order of use: spawn run() in a TaskGroup; on_change(true) starts the writers; every write first asks
/// valid(). After on_change(false) the application stops all writers and exits with an error, so that it restarts clean. On a
/// graceful stop it stops the writers, then run()'s group, then awaits release().
class Leader {
public:
  /// `leader`: whether we lead now. `reason`: why not any more, for people; "" where we do.
  using OnChange = std::function<void(bool leader, std::string_view reason)>;

  /// The Lease is `ns`/`name`. `identity` must be unique to this process: "<pod>_<random>".
  Leader(Client& client, std::string ns, std::string name, std::string identity, OnChange on_change, LeaseTimes times = {});
  Leader(const Leader&) = delete;
  Leader& operator=(const Leader&) = delete;

  /// Campaigns, then renews. Returns after a loss (on_change has been called) or when cancelled (it has not: the lease is still
  /// held, release() gives it back). Failures are retried without end by a candidate, until the deadline by a leader; each new
  /// one is logged once. To be run once.
  Task<> run();

  /// Gives the lease back so that another replica takes over at its next look (2 s) instead of after the lease's duration. From
  /// its call on valid() is false. Only after run() has returned. Takes at most 3 requests of 2 s; if they fail, the lease runs
  /// out.
  Task<> release();

  bool is_leader() const { return machine_.is_leader(); }
  /// Whether the lease is certainly still ours, now. Cheap: to be asked immediately before every write.
  bool valid() const { return machine_.valid(lease_clock()); }
  /// Grows with every change of hands.
  int64_t term() const { return machine_.term(); }
  /// Who leads as far as we know, "" where nobody.
  const std::string& holder() const { return machine_.holder(); }
  /// What the last request failed with, "" after a success: for the readiness probe.
  const std::string& problem() const { return problem_; }

private:
  /// Carries an action out; what came of it is the machine's next input.
  Task<LeaseInput> act(LeaseAction action);
  LeaseInput input_of(Result<nlohmann::json> answer);
  Task<Result<nlohmann::json>> ask(Task<Result<nlohmann::json>> request, std::chrono::milliseconds timeout);

  Client& client_;
  std::string collection_, object_; // paths
  std::string what_;                // "Lease ns/name"
  OnChange on_change_;
  LeaseMachine machine_;
  std::string problem_;
};

} // namespace gitsync::kube
