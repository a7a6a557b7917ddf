// Who may write: leader election over one coordination.k8s.io/v1 Lease, as a state machine without I/O.
#pragma once
#include "base/clock.h"
#include "base/error.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>

namespace gitsync::kube {

/// client-go's figures (leaderelection.go), but a renewal every 5 s instead of 2 s: a tenth of the idle requests that we allow
/// ourselves. Has to hold: renew_every + request_timeout < renew_deadline < duration - margin.
struct LeaseTimes {
  std::chrono::milliseconds duration{15'000};       // others wait so long after the last change they saw; whole seconds
  std::chrono::milliseconds renew_deadline{10'000}; // a leader that could not renew for so long gives up
  std::chrono::milliseconds renew_every{5'000};     // after the previous renewal was sent
  std::chrono::milliseconds renew_retry{1'000};     // after a failed renewal was sent
  std::chrono::milliseconds acquire_retry{2'000};   // a candidate looks again
  std::chrono::milliseconds request_timeout{2'000};
  /// valid() ends so much before others may take over. Covers clocks whose rates differ by up to margin / (2 × duration) (6 %),
  /// and what a write needs from the caller's check to the API server.
  std::chrono::milliseconds margin{2'000};
};

/// What happened since the last action.
struct LeaseInput {
  enum class Kind {
    Tick,     // the wait is over, or there was nothing to wait for
    Read,     // the answer of Get, Create or Update: `lease` as it is now
    NotFound, // 404
    Conflict, // 409: somebody else wrote first
    Failed,   // anything else, the request's deadline included; whether a write happened is unknown
  };
  Kind kind = Kind::Tick;
  Instant now;                        // this process's monotonic clock: never compared with another machine's
  WallTime wall;                      // only written into the Lease, for people
  nlohmann::json lease;               // Read
  std::string message;                // Failed, NotFound: why, for the reason of a loss
  std::chrono::milliseconds after{0}; // Failed: the server asked for at least this pause
};

/// What to do next. Requests are sent at once and their answer, or Failed once `timeout` has passed, is the next input.
namespace lease {
struct Get {
  std::chrono::milliseconds timeout;
};
struct Create {
  nlohmann::json body;
  std::chrono::milliseconds timeout;
};
/// A PUT: the body carries uid and resourceVersion, so that it fails where anybody wrote in between.
struct Update {
  nlohmann::json body;
  std::chrono::milliseconds timeout;
};
/// Then Tick.
struct Wait {
  std::chrono::milliseconds duration;
};
/// The lease is ours: start the writers, then Tick.
struct BecomeLeader {};
/// The end: writers must stop at once. Every later resume gives the same; a new election takes a new process.
struct LoseLeadership {
  std::string reason;
};
/// The end after release(): nothing of ours is in the Lease any more, or it runs out by itself.
struct Released {};
} // namespace lease

using LeaseAction = std::variant<lease::Get, lease::Create, lease::Update, lease::Wait, lease::BecomeLeader,
                                 lease::LoseLeadership, lease::Released>;

/// One candidate of one Lease. Pure: control thread or any other, one at a time.
///
/// Safety rests on three things: a write only succeeds on the very version that was read (resourceVersion); a candidate takes
/// over only after it has itself, by its own clock, seen no change for the whole duration; a leader trusts a renewal only from
/// the moment its request was *sent*. Stricter than client-go in three places: the holder's own name in a Lease counts as ours
/// only after we tried to write it (a restarted pod of the same name waits), and neither an emptied holder (other than by a
/// release, which sets the duration to 1 s) nor a deleted Lease lets a candidate that saw a holder take over before the
/// duration is over.
class LeaseMachine {
public:
  /// `identity` must be unique to this process (pod name and random part). The Lease is `ns`/`name`.
  LeaseMachine(std::string ns, std::string name, std::string identity, LeaseTimes times = {});

  /// Starts with a Tick.
  LeaseAction resume(const LeaseInput& input);

  /// Gives the lease back: from here on valid() is false. Only once all writers have stopped and run's last request was
  /// dropped. Returns the first action; further ones come from resume() until Released. Tries three requests at most.
  LeaseAction release(Instant now, WallTime wall);

  bool is_leader() const { return state_ == State::Leader; }
  /// Whether the lease is certainly still ours: to be asked immediately before every write.
  bool valid(Instant now) const { return is_leader() && now < valid_until(); }
  /// When valid() ends unless a renewal comes first. Only while is_leader().
  Instant valid_until() const { return renewed_at_ + times_.duration - times_.margin; }
  /// leaseTransitions of our term: grows with every change of hands, for fencing and for people.
  int64_t term() const { return term_; }
  /// Who holds the lease as far as we know; "" where nobody.
  const std::string& holder() const { return holder_; }

private:
  enum class State {
    Candidate, // looks, waits, tries to write
    Leader,    // renews
    Lost,      // end
    Releasing, // empties the holder
    Released,  // end
  };
  enum class Sent { Nothing, Get, Create, Update };
  using Millis = std::chrono::milliseconds;

  LeaseAction candidate(const LeaseInput& input);
  LeaseAction leader(const LeaseInput& input);
  LeaseAction releasing(const LeaseInput& input);

  LeaseAction decide(const LeaseInput& input);
  LeaseAction renewed(const LeaseInput& input);
  LeaseAction retry_renewal(const LeaseInput& input);
  LeaseAction lose(std::string reason);

  Sent asking(Sent what, Instant now);
  LeaseAction send_get(Instant now);
  LeaseAction send_create(const LeaseInput& input);
  LeaseAction send_update(const LeaseInput& input);
  LeaseAction send_release(Instant now, WallTime wall);

  void observe(const nlohmann::json& read, Instant now);
  bool ours() const { return attempted_ && holder_ == identity_; }
  Instant free_at() const;
  Millis timeout(Instant now) const;

  std::string ns_, name_, identity_;
  LeaseTimes times_;
  State state_ = State::Candidate;
  Sent sent_ = Sent::Nothing;
  Instant asked_at_{};      // when the last request was sent
  Instant sent_at_{};       // when the last write was sent
  bool attempted_ = false;  // a write of ours may have happened
  int failures_ = 0;        // of renewals since the last success; of releases
  bool conflicted_ = false; // the last renewal met a conflict

  nlohmann::json lease_;           // the version to write upon; null where that has to be read first
  nlohmann::json seen_spec_;       // as last seen
  std::optional<Instant> seen_at_; // when its spec last changed before our eyes
  Millis seen_duration_{0};
  bool seen_free_ = false; // released, or never held
  std::string holder_;
  int64_t transitions_ = 0, term_ = 0;

  Instant renewed_at_{}; // when the last successful renewal was sent
  std::string reason_;   // of the loss
  std::string failure_;  // the last failure's message
};

} // namespace gitsync::kube
