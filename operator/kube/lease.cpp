#include "kube/lease.h"

#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>
#include <limits>

namespace gitsync::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using Kind = LeaseInput::Kind;

constexpr int release_attempts = 3;

/// The spec of a Lease, an empty one where it has none.
const json& spec_of(const json& lease) {
  static const json none = json::object();
  if (!lease.is_object()) return none;
  const auto it = lease.find("spec");
  return it != lease.end() && it->is_object() ? *it : none;
}

int64_t number_of(const json& spec, const char* key, int64_t otherwise) {
  const auto it = spec.find(key);
  return it != spec.end() && it->is_number_integer() ? it->get<int64_t>() : otherwise;
}

/// Rounded up, so that a wait never ends just before what it waits for.
milliseconds ceil_ms(Instant::duration duration) {
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(duration));
}

} // namespace

LeaseMachine::LeaseMachine(std::string ns, std::string name, std::string identity, LeaseTimes times)
    : ns_(std::move(ns)), name_(std::move(name)), identity_(std::move(identity)), times_(times) {}

LeaseAction LeaseMachine::resume(const LeaseInput& input) {
  if (input.kind == Kind::Read && !(input.lease.is_object() && input.lease.contains("metadata")))
    return resume(
        {.kind = Kind::Failed, .now = input.now, .wall = input.wall, .lease = {}, .message = "the answer is not a Lease"});
  if (input.kind == Kind::Read) observe(input.lease, input.now);
  if (input.kind == Kind::Failed || input.kind == Kind::NotFound) failure_ = input.message;
  switch (state_) {
  case State::Candidate: return candidate(input);
  case State::Leader: return leader(input);
  case State::Lost: return lease::LoseLeadership{reason_};
  case State::Releasing: return releasing(input);
  case State::Released: return lease::Released{};
  }
  return lease::LoseLeadership{reason_};
}

// What we know of the Lease

void LeaseMachine::observe(const json& read, Instant now) {
  const json& spec = spec_of(read);
  // By the spec, not by the resourceVersion: somebody who only edits labels does not renew.
  if (!seen_at_ || spec != seen_spec_) seen_at_ = now;
  seen_spec_ = spec;
  holder_ = read_text(spec, "holderIdentity");
  transitions_ = number_of(spec, "leaseTransitions", 0);
  const int64_t seconds = number_of(spec, "leaseDurationSeconds", 0);
  const bool sane = seconds > 0 && seconds <= std::numeric_limits<int32_t>::max();
  seen_duration_ = sane ? std::chrono::seconds(seconds) : times_.duration;
  seen_free_ = holder_.empty() && (seconds == 1 || !spec.contains("renewTime") || spec["renewTime"].is_null());
  lease_ = read;
}

/// When a candidate may take the lease, by what it has seen.
Instant LeaseMachine::free_at() const {
  if (!seen_at_ || seen_free_) return Instant::min();
  return *seen_at_ + seen_duration_;
}

// Requests

/// A leader's request never outlasts its deadline by more than a moment.
milliseconds LeaseMachine::timeout(Instant now) const {
  if (state_ != State::Leader) return times_.request_timeout;
  const auto left = ceil_ms(renewed_at_ + times_.renew_deadline - now);
  return std::clamp(left, std::min(milliseconds{500}, times_.request_timeout), times_.request_timeout);
}

LeaseMachine::Sent LeaseMachine::asking(Sent what, Instant now) {
  asked_at_ = now;
  if (what != Sent::Get) sent_at_ = now;
  return what;
}

LeaseAction LeaseMachine::send_get(Instant now) {
  sent_ = asking(Sent::Get, now);
  return lease::Get{timeout(now)};
}

LeaseAction LeaseMachine::send_create(const LeaseInput& input) {
  sent_ = asking(Sent::Create, input.now);
  attempted_ = true;
  // A deleted Lease comes back with its count: terms never go backwards before our eyes.
  const int64_t transitions = is_leader() ? term_ : seen_at_ ? transitions_ + 1 : 0;
  const std::string wall = rfc3339_micro(input.wall);
  json spec = {{"holderIdentity", identity_},
               {"leaseDurationSeconds", std::chrono::duration_cast<std::chrono::seconds>(times_.duration).count()},
               {"acquireTime", wall},
               {"renewTime", wall},
               {"leaseTransitions", transitions}};
  json body = {{"apiVersion", "coordination.k8s.io/v1"},
               {"kind", "Lease"},
               {"metadata", {{"name", name_}, {"namespace", ns_}}},
               {"spec", std::move(spec)}};
  return lease::Create{std::move(body), timeout(input.now)};
}

LeaseAction LeaseMachine::send_update(const LeaseInput& input) {
  sent_ = asking(Sent::Update, input.now);
  const bool mine = is_leader() || ours();
  attempted_ = true;
  const std::string wall = rfc3339_micro(input.wall);
  json body = lease_; // labels and fields that others put there stay
  if (body.contains("metadata") && body["metadata"].is_object()) body["metadata"].erase("managedFields");
  if (!body.contains("spec") || !body["spec"].is_object()) body["spec"] = json::object();
  json& spec = body["spec"];
  spec["holderIdentity"] = identity_;
  spec["leaseDurationSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(times_.duration).count();
  spec["renewTime"] = wall;
  if (!mine) spec["acquireTime"] = wall;
  spec["leaseTransitions"] = mine ? transitions_ : transitions_ + 1;
  return lease::Update{std::move(body), timeout(input.now)};
}

LeaseAction LeaseMachine::send_release(Instant now, WallTime wall) {
  sent_ = asking(Sent::Update, now);
  json body = lease_;
  if (body.contains("metadata") && body["metadata"].is_object()) body["metadata"].erase("managedFields");
  json& spec = body["spec"];
  spec["holderIdentity"] = "";
  spec["leaseDurationSeconds"] = 1;
  spec["acquireTime"] = spec["renewTime"] = rfc3339_micro(wall);
  return lease::Update{std::move(body), timeout(now)};
}

// Candidate

LeaseAction LeaseMachine::candidate(const LeaseInput& input) {
  const Sent answered = std::exchange(sent_, Sent::Nothing);
  switch (input.kind) {
  case Kind::Tick: {
    // Nobody renewed for the whole duration: write at once. If somebody did after all, the write meets a conflict.
    const bool due = lease_.is_object() && !ours() && input.now >= free_at();
    return due ? send_update(input) : send_get(input.now);
  }
  case Kind::Read: return answered == Sent::Get ? decide(input) : renewed(input);
  case Kind::NotFound: {
    lease_ = nullptr;
    // What a Create did not find is its namespace.
    if (answered == Sent::Create) return lease::Wait{times_.acquire_retry};
    // Deleted under its holder, who may not know yet.
    if (!ours() && input.now < free_at()) return lease::Wait{std::min(times_.acquire_retry, ceil_ms(free_at() - input.now))};
    return send_create(input);
  }
  case Kind::Conflict:
    // Somebody was faster, most likely for good. The version that we know is out of date: look before the next try.
    lease_ = nullptr;
    return lease::Wait{times_.acquire_retry};
  case Kind::Failed:
    // A write may have happened all the same: look before the next try.
    if (answered != Sent::Get) lease_ = nullptr;
    return lease::Wait{std::max(times_.acquire_retry, std::min(input.after, times_.duration))};
  }
  return lease::Wait{times_.acquire_retry};
}

/// A candidate has looked.
LeaseAction LeaseMachine::decide(const LeaseInput& input) {
  // A write of ours whose answer was lost: confirm it, since only a confirmed write counts.
  if (ours() || input.now >= free_at()) return send_update(input);
  return lease::Wait{std::min(times_.acquire_retry, ceil_ms(free_at() - input.now))};
}

// Leader

LeaseAction LeaseMachine::leader(const LeaseInput& input) {
  const Sent answered = std::exchange(sent_, Sent::Nothing);
  switch (input.kind) {
  case Kind::Tick: {
    const Instant due = failures_ > 0 ? asked_at_ + times_.renew_retry : renewed_at_ + times_.renew_every;
    const Instant deadline = renewed_at_ + times_.renew_deadline;
    if (input.now < std::min(due, deadline)) return lease::Wait{ceil_ms(std::min(due, deadline) - input.now)};
    // After a pause of the whole process one attempt is due, however late: it only succeeds if nobody took over. valid() has
    // kept the writers still.
    if (failures_ > 0 && input.now >= deadline) return retry_renewal(input);
    return lease_.is_object() ? send_update(input) : send_get(input.now);
  }
  case Kind::Read:
    if (answered != Sent::Get) return renewed(input);
    if (holder_ == identity_) return send_update(input);
    return lose(holder_.empty() ? "the lease was emptied by somebody else" : cat("the lease was taken by ", holder_));
  case Kind::NotFound:
    if (answered == Sent::Create) return retry_renewal(input);
    return send_create(input);
  case Kind::Conflict:
    lease_ = nullptr;
    // Often our own earlier renewal whose answer was lost, or an edited label: look at once, but not in a busy loop.
    if (std::exchange(conflicted_, true)) return retry_renewal(input);
    return send_get(input.now);
  case Kind::Failed:
    // Tried again upon the same version: where the write happened after all, that meets a conflict.
    return retry_renewal(input);
  }
  return retry_renewal(input);
}

/// A write of ours succeeded.
LeaseAction LeaseMachine::renewed(const LeaseInput& input) {
  failures_ = 0;
  conflicted_ = false;
  renewed_at_ = sent_at_;
  term_ = transitions_;
  if (!is_leader()) {
    // An answer that comes so late that the lease may be over again is no start.
    if (input.now >= valid_until()) return send_update(input);
    state_ = State::Leader;
    return lease::BecomeLeader{};
  }
  return lease::Wait{ceil_ms(renewed_at_ + times_.renew_every - input.now)};
}

LeaseAction LeaseMachine::retry_renewal(const LeaseInput& input) {
  ++failures_;
  const Instant deadline = renewed_at_ + times_.renew_deadline;
  if (input.now >= deadline)
    return lose(cat("the lease could not be renewed for ", times_.renew_deadline.count(), " ms", failure_.empty() ? "" : ": ",
                    failure_));
  const auto pause = std::max(ceil_ms(asked_at_ + times_.renew_retry - input.now), input.after);
  return lease::Wait{std::min(pause, ceil_ms(deadline - input.now))};
}

LeaseAction LeaseMachine::lose(std::string reason) {
  state_ = State::Lost;
  reason_ = std::move(reason);
  return lease::LoseLeadership{reason_};
}

// Release

LeaseAction LeaseMachine::release(Instant now, WallTime wall) {
  if (state_ == State::Released || state_ == State::Releasing)
    return resume({.now = now, .wall = wall, .lease = {}, .message = {}});
  const bool leading = is_leader();
  // A dropped request may have been a write: then only a look tells what there is to give back.
  const bool unknown = attempted_ && (sent_ == Sent::Create || sent_ == Sent::Update || !lease_.is_object());
  const bool nothing = state_ == State::Lost || (!leading && !ours() && !unknown);
  state_ = nothing ? State::Released : State::Releasing;
  failures_ = 0;
  if (nothing) return lease::Released{};
  return unknown ? send_get(now) : send_release(now, wall);
}

LeaseAction LeaseMachine::releasing(const LeaseInput& input) {
  const Sent answered = std::exchange(sent_, Sent::Nothing);
  switch (input.kind) {
  case Kind::Read:
    if (answered == Sent::Get && holder_ == identity_) return send_release(input.now, input.wall);
    state_ = State::Released;
    return lease::Released{};
  case Kind::NotFound: state_ = State::Released; return lease::Released{};
  case Kind::Tick: return send_get(input.now);
  case Kind::Conflict:
  case Kind::Failed:
    if (++failures_ >= release_attempts) { // it runs out by itself
      state_ = State::Released;
      return lease::Released{};
    }
    return send_get(input.now);
  }
  return lease::Released{};
}

} // namespace gitsync::kube
