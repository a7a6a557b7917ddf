// How well the objects are → Ready, HEALTH, and the revision that counts as healthy.
//
// Nothing here waits in a loop that could hang: the watches tell, a timer ends the wait, and a newer revision, an edited spec,
// suspend or delete go their way meanwhile.
#include "base/log.h"
#include "base/text.h"
#include "health/kinds.h"
#include "reconcile/sync.h"

#include <array>

namespace gitsync::reconcile {
namespace {
constexpr std::chrono::milliseconds least_pause{100}; // between two looks at a crowd of changes
constexpr size_t most_pod_watches = 4;                // of one GitSync: the message has room for one cause

/// Kinds whose pods carry the reason.
bool has_pods(const ObjectRef& ref) {
  static constexpr std::array kinds = {std::pair{"apps", "Deployment"}, std::pair{"apps", "StatefulSet"},
                                       std::pair{"apps", "DaemonSet"},  std::pair{"apps", "ReplicaSet"},
                                       std::pair{"batch", "Job"},       std::pair{"", "ReplicationController"}};
  return std::ranges::any_of(kinds, [&](const auto& kind) { return ref.group == kind.first && ref.kind == kind.second; });
}
} // namespace

void Sync::live(ManagedObject& object, const nlohmann::json& live, bool written) {
  if (object.phase == Phase::Removing || object.paused) return;
  if (!live.is_object()) {
    inquiries_.forget(object.ref);
    set_health(object, {health::State::Progressing, "does not exist"});
    return;
  }
  if (check_of(object.ref)) {
    inquire(object, live, written);
    return;
  }
  auto health = health::assess(object.ref.group_kind(), live);
  std::string pods =
      health.state >= health::State::Progressing && has_pods(object.ref) ? health::pod_selector(live) : std::string();
  set_health(object, std::move(health), std::move(pods));
}

void Sync::set_health(ManagedObject& object, health::Health health, std::string pods) {
  object.health = health.state;
  if (!health_.set(object.ref, std::move(health), std::move(pods))) {
    if (!seen_) health_news_.set(); // perhaps the last one that was not looked at
    return;
  }
  health_news_.set();
  if (blocked_) wake_.set();
}

bool Sync::all_seen() {
  if (seen_) return true;
  if (desired_.commit.empty()) return false; // nothing is declared yet
  for (const auto& [file, objects] : desired_.files)
    for (const auto& ref : objects)
      if (const auto* object = context_.table.find(ref); object && object->health == health::State::Unknown) return false;
  seen_ = true;
  return true;
}

health::Verdict Sync::verdict() {
  const bool seen = all_seen();
  const auto now = std::chrono::steady_clock::now();
  if (seen && health_.well())
    ill_since_ = {};
  else if (ill_since_ == Instant{})
    ill_since_ = now;
  if (seen) status_.health = health::state_text(health_.worst());
  return health::judge({spec_ && spec_->spec.health_wait, seen, health_.worst(), ill_since_,
                        spec_ ? spec_->spec.health_timeout : std::chrono::milliseconds(0), now});
}

/// Ready, of a revision that is applied.
void Sync::report_health() {
  const auto verdict = this->verdict();
  const bool healthy = seen_ && health_.well();
  const api::At at{meta_.generation, std::chrono::system_clock::now()};
  const std::string applied =
      cat("Applied revision ", api::short_revision(status_.last_applied_revision), beside_text(), paused_text());
  const auto* ready = api::find_condition(status_.conditions, api::ready_condition);
  const bool was_failed = ready && ready->reason == api::reason::health_failed;
  const bool awaited = status_.last_healthy_revision != status_.last_applied_revision;
  switch (verdict) {
  case health::Verdict::Done:
    if (healthy) mark_healthy();
    if (healthy) api::note_outcome(status_.history, status_.last_applied_revision, api::outcome::healthy);
    if (healthy && awaited) {
      status_.last_healthy_revision = status_.last_applied_revision;
      if (ready && ready->status != api::Truth::True)
        event(report::EventReason::Healthy,
              cat("Revision ", api::short_revision(status_.last_healthy_revision), " is healthy"));
    }
    api::mark_ready(status_.conditions, api::reason::applied, applied, at);
    break;
  case health::Verdict::Waiting:
    if (awaited) // a revision's first time; an object that falls ill later has the same time before Ready changes
      api::mark_waiting(status_.conditions, api::reason::progressing,
                        cat(applied, ", not healthy yet", health_.text().empty() ? "" : ": ", health_.text()), at);
    break;
  case health::Verdict::Failed:
  case health::Verdict::TimedOut: {
    std::string why = health_.text();
    if (verdict == health::Verdict::TimedOut)
      why += cat(why.empty() ? "" : "; ", "not healthy within ", duration_text(spec_->spec.health_timeout));
    if (!was_failed) {
      event(report::EventReason::HealthCheckFailed, why);
      log::warn("not healthy", {{"gitsync", meta_.key()}, {"revision", status_.last_applied_revision}, {"why", why}});
    }
    api::mark_not_ready(status_.conditions, api::reason::health_failed, why, at);
    if (awaited) {
      api::note_outcome(status_.history, status_.last_applied_revision, api::outcome::unhealthy);
      failed_revision(why);
    }
    break;
  }
  }
  if (verdict == health::Verdict::Done && context_.settled) context_.settled(*this);
  publish(verdict == health::Verdict::Waiting && !awaited ? report::Urgency::Later : report::Urgency::Soon);
}

/// The same without a word in Ready, while a newer revision waits for consent or a window: what is enforced meanwhile becomes
/// the healthy one, or goes back.
void Sync::judge_enforced() {
  const auto verdict = this->verdict();
  const auto& applied = status_.last_applied_revision;
  const bool awaited = !applied.empty() && status_.last_healthy_revision != applied;
  if (verdict == health::Verdict::Done && seen_ && health_.well() && !desired_.revision.empty()) {
    mark_healthy();
    api::note_outcome(status_.history, applied, api::outcome::healthy);
    status_.last_healthy_revision = applied;
  } else if ((verdict == health::Verdict::Failed || verdict == health::Verdict::TimedOut) && awaited) {
    std::string why = health_.text();
    if (verdict == health::Verdict::TimedOut)
      why += cat(why.empty() ? "" : "; ", "not healthy within ", duration_text(spec_->spec.health_timeout));
    api::note_outcome(status_.history, applied, api::outcome::unhealthy);
    failed_revision(std::move(why));
  }
  publish(report::Urgency::Later);
}

/// Hears what the watches say between two steps of the loop, and when the time is over.
Task<> Sync::watch_health() {
  for (;;) {
    const bool timed = ill_since_ != Instant{} && spec_ && spec_->spec.health_wait;
    const auto now = std::chrono::steady_clock::now();
    auto limit = std::chrono::steady_clock::duration(std::chrono::hours(24));
    if (timed && (settled_ || gated_ || alone_))
      limit = std::max<std::chrono::steady_clock::duration>(ill_since_ + spec_->spec.health_timeout - now, {});
    if (timed && ill_since_ + spec_->spec.health_timeout <= now) limit = std::chrono::hours(24); // told already
    const bool news = co_await health_news_.wait_for(limit);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
    health_news_.reset();
    if (!group_.stopping()) pods_.follow(health_.troubled(most_pod_watches), facts_->account);
    if (settled_) {
      report_health();
    } else if ((gated_ || alone_) && loaded_) {
      judge_enforced();
    } else if (news && loaded_) {
      verdict();
      publish(report::Urgency::Later); // the column HEALTH
    }
    co_await sleep_for(least_pause);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
  }
}

} // namespace gitsync::reconcile
