#include "report/event_spool.h"

#include "base/text.h"
#include "report/clean.h"

#include <algorithm>
#include <charconv>

namespace gitsync::report {
namespace {

constexpr size_t note_limit = 1024;

struct ReasonInfo {
  std::string_view text, type, action;
};
constexpr ReasonInfo info_of(EventReason reason) {
  switch (reason) {
  case EventReason::Fetched: return {"Fetched", "Normal", "Fetch"};
  case EventReason::FetchFailed: return {"FetchFailed", "Warning", "Fetch"};
  case EventReason::Applied: return {"Applied", "Normal", "Apply"};
  case EventReason::Healthy: return {"Healthy", "Normal", "Watch"};
  case EventReason::HealthCheckFailed: return {"HealthCheckFailed", "Warning", "Watch"};
  case EventReason::RolledBack: return {"RolledBack", "Warning", "Rollback"};
  case EventReason::Failed: return {"Failed", "Warning", "Apply"};
  case EventReason::Stalled: return {"Stalled", "Warning", "Reconcile"};
  case EventReason::Pruned: return {"Pruned", "Normal", "Prune"};
  case EventReason::ApprovalRequired: return {"ApprovalRequired", "Normal", "Approve"};
  case EventReason::Approved: return {"Approved", "Normal", "Approve"};
  case EventReason::PruneBlocked: return {"PruneBlocked", "Warning", "Prune"};
  case EventReason::DriftDetected: return {"DriftDetected", "Warning", "Watch"};
  case EventReason::DriftCorrected: return {"DriftCorrected", "Normal", "Correct"};
  case EventReason::UndeclaredFields: return {"UndeclaredFields", "Warning", "Watch"};
  case EventReason::Recreated: return {"Recreated", "Warning", "Apply"};
  case EventReason::Fighting: return {"Fighting", "Warning", "Correct"};
  case EventReason::Paused: return {"Paused", "Warning", "Pause"};
  case EventReason::PauseEnded: return {"PauseEnded", "Normal", "Pause"};
  case EventReason::WaitingForImage: return {"WaitingForImage", "Normal", "Apply"};
  case EventReason::ImageNotFound: return {"ImageNotFound", "Warning", "Apply"};
  case EventReason::ImageUnused: return {"ImageUnused", "Warning", "Read"};
  case EventReason::Suspended: return {"Suspended", "Normal", "Suspend"};
  case EventReason::Resumed: return {"Resumed", "Normal", "Resume"};
  }
  return {"Failed", "Warning", "Reconcile"};
}

std::string namespace_of(const EventSubject& subject) { return subject.ns.empty() ? "default" : subject.ns; }

EventWrite create(const EventSubject& subject, std::string name, nlohmann::json body) {
  return {.kind = EventWrite::Kind::Create, .ns = namespace_of(subject), .name = std::move(name), .body = std::move(body)};
}

std::string lower_hex(uint64_t value) {
  char digits[16];
  return {digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr};
}

} // namespace

std::string_view reason_text(EventReason reason) { return info_of(reason).text; }
std::string_view reason_type(EventReason reason) { return info_of(reason).type; }
std::string_view reason_action(EventReason reason) { return info_of(reason).action; }

nlohmann::json event_json(const EventReporter& reporter, const EventSubject& subject, EventReason reason, std::string_view note,
                          std::string_view name, WallTime first, uint32_t count, WallTime last) {
  nlohmann::json regarding{{"apiVersion", subject.api_version}, {"kind", subject.kind}, {"name", subject.name}};
  if (!subject.ns.empty()) regarding["namespace"] = subject.ns;
  if (!subject.uid.empty()) regarding["uid"] = subject.uid;
  nlohmann::json event{
      {"apiVersion", "events.k8s.io/v1"},
      {"kind", "Event"},
      {"metadata", {{"name", name}, {"namespace", namespace_of(subject)}}},
      {"eventTime", rfc3339_micro(first)},
      {"type", reason_type(reason)},
      {"reason", reason_text(reason)},
      {"action", reason_action(reason)},
      {"note", clean(note, note_limit)},
      {"regarding", std::move(regarding)},
      {"reportingController", reporter.controller},
      {"reportingInstance", shorten(reporter.instance.empty() ? "unknown" : std::string_view(reporter.instance), 128)},
  };
  if (count >= 2) event["series"] = {{"count", count}, {"lastObservedTime", rfc3339_micro(last)}};
  return event;
}

std::string EventSpool::event_name(std::string_view object, WallTime wall) {
  const int64_t stamp = std::chrono::duration_cast<std::chrono::nanoseconds>(wall.time_since_epoch()).count();
  last_stamp_ = std::max(stamp, last_stamp_ + 1);
  // A name has at most 253 bytes, and no label of it may end in "-".
  std::string_view base = object.substr(0, 230);
  while (!base.empty() && (base.back() == '-' || base.back() == '.')) base.remove_suffix(1);
  return cat(base, ".", lower_hex(static_cast<uint64_t>(last_stamp_)));
}

EventSpool::Bucket& EventSpool::filled_bucket(const EventSubject& subject, Instant now) {
  if (buckets_.size() >= limits_.series && !buckets_.contains(subject)) drop_full_buckets(now);
  auto& bucket = buckets_.try_emplace(subject, Bucket{limits_.burst, now}).first->second;
  if (now > bucket.filled) {
    bucket.tokens =
        std::min(limits_.burst, bucket.tokens + std::chrono::duration<double>(now - bucket.filled) / limits_.refill);
    bucket.filled = now;
  }
  return bucket;
}

bool EventSpool::take_token(const EventSubject& subject, Instant now) {
  auto& bucket = filled_bucket(subject, now);
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

/// A summary that is due has the next token, or a lasting storm would never let it through.
bool EventSpool::summary_due(const EventSubject& subject, Instant now) const {
  for (auto it = summaries_.lower_bound({subject, EventReason{}}); it != summaries_.end() && it->first.first == subject; ++it)
    if (it->second.due <= now) return true;
  return false;
}

void EventSpool::drop_full_buckets(Instant now) {
  std::erase_if(buckets_, [&](const auto& entry) {
    const auto& bucket = entry.second;
    return bucket.tokens + std::chrono::duration<double>(now - bucket.filled) / limits_.refill >= limits_.burst;
  });
}

void EventSpool::suppress(const EventSubject& subject, EventReason reason, std::string note, Moment now) {
  const SummaryKey key{subject, reason};
  auto found = summaries_.find(key);
  if (found == summaries_.end()) {
    if (summaries_.size() >= limits_.summaries) {
      ++dropped_;
      return;
    }
    const Instant due = now.steady + limits_.summary;
    found = summaries_.emplace(key, Summary{.due = due, .wake = due, .first = now.wall, .last = now.wall, .note = {}}).first;
  }
  auto& summary = found->second;
  ++summary.count;
  summary.last = now.wall;
  summary.note = std::move(note);
}

void EventSpool::erase(std::map<Key, Series>::iterator it) {
  by_seen_.erase({it->second.seen, it->first});
  by_due_.erase({it->second.patch_due, it->first});
  series_.erase(it);
}

void EventSpool::expire(Instant now) {
  // Oldest first. One whose first or last word is still to be written stays, unless memory asks for it.
  for (auto it = by_seen_.begin(); it != by_seen_.end();) {
    const bool old = it->first + limits_.window <= now;
    const bool too_many = series_.size() >= limits_.series;
    if (!old && !too_many) return;
    const auto entry = series_.find(it->second);
    const bool unwritten = entry->second.waiting || entry->second.told < entry->second.count;
    ++it;
    if (entry->second.waiting || (unwritten && !too_many)) continue;
    if (unwritten) dropped_ += entry->second.count - entry->second.told;
    erase(entry);
  }
}

void EventSpool::add(const EventSubject& subject, EventReason reason, std::string_view raw_note, Moment now) {
  expire(now.steady);
  std::string note = clean(raw_note, note_limit);
  // Lengths first, so that no two different sets of texts run together into the same one.
  std::string text = cat(static_cast<int>(reason));
  for (const std::string_view part :
       {std::string_view(subject.api_version), std::string_view(subject.kind), std::string_view(subject.ns),
        std::string_view(subject.name), std::string_view(subject.uid), std::string_view(note)})
    text += cat(" ", part.size(), ":", part);
  const Digest hash = digest("", text);
  Key key{std::string(hash.bytes.begin(), hash.bytes.end())};

  const auto found = series_.find(key);
  if (found != series_.end() && (found->second.waiting || found->second.seen + limits_.window > now.steady)) {
    auto& series = found->second;
    by_seen_.erase({series.seen, key});
    series.seen = now.steady;
    by_seen_.insert({series.seen, key});
    if (series.count < INT32_MAX) ++series.count; // an int32 in the API
    series.last = now.wall;
    if (!series.waiting) by_due_.insert({series.patch_due, key});
    return;
  }
  if (found != series_.end()) {
    // Its last count could not be written in a whole window: it makes room for a new event.
    dropped_ += found->second.count - found->second.told;
    erase(found);
  }
  if (queue_.size() >= limits_.queue || series_.size() >= limits_.series || summary_due(subject, now.steady) ||
      !take_token(subject, now.steady)) {
    suppress(subject, reason, std::move(note), now);
    return;
  }
  Series series{.subject = subject,
                .name = event_name(subject.name, now.wall),
                .first = now.wall,
                .last = now.wall,
                .seen = now.steady,
                .patch_due = now.steady,
                .waiting = Waiting{reason, std::move(note)}};
  by_seen_.insert({series.seen, key});
  series_.emplace(key, std::move(series));
  queue_.push_back(std::move(key));
}

std::optional<EventWrite> EventSpool::next(Moment now) {
  while (!queue_.empty()) {
    const Key key = std::move(queue_.front());
    queue_.pop_front();
    const auto found = series_.find(key);
    if (found == series_.end() || !found->second.waiting) continue;
    auto& series = found->second;
    const Waiting waiting = std::move(*series.waiting);
    series.waiting.reset();
    series.told = series.count;
    series.patch_due = now.steady + limits_.refresh;
    return create(series.subject, series.name,
                  event_json(reporter_, series.subject, waiting.reason, waiting.note, series.name, series.first, series.count,
                             series.last));
  }
  for (auto it = summaries_.begin(); it != summaries_.end(); ++it) {
    if (it->second.wake > now.steady) continue;
    const auto [subject, reason] = it->first;
    if (!take_token(subject, now.steady)) {
      const double missing = 1 - filled_bucket(subject, now.steady).tokens;
      it->second.wake = now.steady + std::chrono::ceil<std::chrono::milliseconds>(missing * limits_.refill);
      continue;
    }
    const Summary summary = std::move(it->second);
    summaries_.erase(it);
    const std::string name = event_name(subject.name, now.wall);
    const std::string note = cat("and ", summary.count, " more from ", rfc3339(summary.first), " to ", rfc3339(summary.last),
                                 ", the last one: ", summary.note);
    return create(subject, name, event_json(reporter_, subject, reason, note, name, now.wall, 1, now.wall));
  }
  while (!by_due_.empty() && by_due_.begin()->first <= now.steady) {
    const Key key = by_due_.begin()->second;
    by_due_.erase(by_due_.begin());
    auto& series = series_.at(key);
    if (!take_token(series.subject, now.steady)) {
      series.patch_due = now.steady + limits_.refresh;
      by_due_.insert({series.patch_due, key});
      continue;
    }
    series.told = series.count;
    series.patch_due = now.steady + limits_.refresh;
    return EventWrite{.kind = EventWrite::Kind::Patch,
                      .ns = namespace_of(series.subject),
                      .name = series.name,
                      .body = {{"series", {{"count", series.count}, {"lastObservedTime", rfc3339_micro(series.last)}}}}};
  }
  return {};
}

std::optional<Instant> EventSpool::wake_at() const {
  if (!queue_.empty()) return Instant::min();
  std::optional<Instant> wake;
  const auto sooner = [&](Instant due) { wake = wake ? std::min(*wake, due) : due; };
  for (const auto& [key, summary] : summaries_) sooner(summary.wake);
  if (!by_due_.empty()) sooner(by_due_.begin()->first);
  return wake;
}

void EventSpool::lost(const std::string& ns, const std::string& name) {
  const auto found = std::find_if(series_.begin(), series_.end(), [&](const auto& entry) {
    return entry.second.name == name && namespace_of(entry.second.subject) == ns && !entry.second.waiting;
  });
  if (found == series_.end()) return;
  dropped_ += found->second.count - found->second.told;
  erase(found);
}

void EventSpool::forget(const EventSubject& subject) {
  buckets_.erase(subject);
  std::erase_if(summaries_, [&](const auto& entry) {
    if (entry.first.first != subject) return false;
    dropped_ += entry.second.count;
    return true;
  });
}

} // namespace gitsync::report
