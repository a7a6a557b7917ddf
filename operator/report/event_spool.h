// Decides which Kubernetes Events are written: deduplicated, rate-limited, bounded. Pure: time comes in, writes come out.
#pragma once
#include "base/clock.h"
#include "base/hash.h"

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace gitsync::report {

/// What an event says; users filter by its text, so an enumerator is never renamed.
enum class EventReason {
  Fetched,           // Normal: a new revision is here
  FetchFailed,       // Warning
  Applied,           // Normal: a revision is applied completely
  Healthy,           // Normal: after a wait, all objects of a revision are healthy
  HealthCheckFailed, // Warning: an object failed or was not healthy in time
  RolledBack,        // Warning: the last healthy revision was put back
  Failed,            // Warning: a revision could not be read or applied; it is tried again
  Stalled,           // Warning: it waits for a new spec or revision
  Pruned,            // Normal: objects that git no longer declares are deleted
  ApprovalRequired,  // Normal: a plan waits for an Approval
  Approved,          // Normal: an Approval released a plan
  PruneBlocked,      // Warning: a veto kept them
  DriftDetected,     // Warning: an object left its declared state and is only reported
  DriftCorrected,    // Normal: an object was brought back
  UndeclaredFields,  // Warning: others added fields to an object, and that is only reported
  Recreated,         // Warning: an object that could not be changed in place was deleted and made anew
  Fighting,          // Warning: another writer undoes every correction
  Paused,            // Warning: somebody has let go of an object for a while
  PauseEnded,        // Normal
  WaitingForImage,   // Normal: a revision needs an image that the registry doesn't have yet
  ImageNotFound,     // Warning: it is still missing after its time, or the registry refuses to say
  ImageUnused,       // Warning: an image of spec.images stands in no manifest
  Suspended,         // Normal
  Resumed,           // Normal
};
std::string_view reason_text(EventReason reason);
/// "Normal" or "Warning".
std::string_view reason_type(EventReason reason);
/// What was being done, Event.action: "Fetch", "Apply", …
std::string_view reason_action(EventReason reason);

/// The object that an event is about.
struct EventSubject {
  std::string api_version; // "gitops.volaticloud.com/v1alpha1"
  std::string kind;
  std::string ns; // empty for cluster-scoped objects: their events stand in "default"
  std::string name;
  std::string uid; // may be empty; kubectl describe finds events by it
  friend auto operator<=>(const EventSubject&, const EventSubject&) = default;
};

/// Who reports, the same in every event of a process.
struct EventReporter {
  std::string controller = "gitops.volaticloud.com/gitsync";
  std::string instance; // the host's (pod's) name; cut to 128 bytes
};

/// Both clocks at once: one for decisions, one for what people read.
struct Moment {
  Instant steady;
  WallTime wall;
};

/// One request to make. A patch is a JSON merge patch.
struct EventWrite {
  enum class Kind { Create, Patch } kind = Kind::Create;
  std::string ns;
  std::string name;
  nlohmann::json body;
};

/// An events.k8s.io/v1 Event as the API server's strict validation wants it; `note` is redacted and cut to 1,024 bytes. A count
/// of 2 or more becomes a series. Pure but for the register of secrets. Source of the rules: Kubernetes' validation of events
/// (reportingController a qualified name, the deprecated fields unset, a series from 2 on, all but the series immutable).
nlohmann::json event_json(const EventReporter& reporter, const EventSubject& subject, EventReason reason, std::string_view note,
                          std::string_view name, WallTime first, uint32_t count, WallTime last);

/// Control thread only. The same (object, reason, note) within `window` of its last occurrence increments a series instead of
/// making an event; a series is written again at most every `refresh`. All writes about one object take from one bucket
/// (`burst`, then one per `refill`). A new event that finds it empty, or the queue full, is counted and told by one "and N
/// more" event per object and reason after `summary`; a series that finds it empty waits, its count growing. Notes should
/// therefore not hold what differs each time (durations, counters) unless that is the news.
class EventSpool {
public:
  struct Limits {
    size_t queue = 1000;     // events waiting for their first write
    size_t series = 2000;    // remembered for deduplication, about 700 bytes each; the least recently seen give way
    size_t summaries = 1000; // (object, reason) pairs with suppressed events; beyond it they are only counted in dropped()
    std::chrono::seconds window{600};
    std::chrono::seconds refresh{30};
    std::chrono::seconds summary{30};
    double burst = 10;
    std::chrono::milliseconds refill{2000};
  };

  explicit EventSpool(EventReporter reporter) : EventSpool(std::move(reporter), Limits{}) {}
  EventSpool(EventReporter reporter, Limits limits) : reporter_(std::move(reporter)), limits_(limits) {}

  /// Takes note of an occurrence: some look-ups and one hash, no I/O.
  void add(const EventSubject& subject, EventReason reason, std::string_view note, Moment now);
  /// The next request to make at this moment: first new events in their order, then summaries, then series.
  std::optional<EventWrite> next(Moment now);
  /// When next() can have something to say without another add(); nothing where never.
  std::optional<Instant> wake_at() const;
  /// A write was given up, or the event is no longer on the server: its next occurrence is a new event.
  void lost(const std::string& ns, const std::string& name);
  /// Forgets a deleted object's rate limit and its suppressed events; queued events about it (its deletion!) are still told.
  void forget(const EventSubject& subject);

  size_t queued() const { return queue_.size(); }
  size_t remembered() const { return series_.size(); }
  /// Occurrences that no event and no summary will ever tell.
  uint64_t dropped() const { return dropped_; }

private:
  struct Key {
    std::string bytes; // 16 bytes of a digest over subject, reason and note
    auto operator<=>(const Key&) const = default;
  };
  struct Waiting { // what only the first write needs
    EventReason reason;
    std::string note;
  };
  struct Series {
    EventSubject subject;
    std::string name; // of the Event
    WallTime first, last;
    Instant seen;
    Instant patch_due; // not before
    uint32_t count = 1;
    uint32_t told = 0; // the count that the server knows
    std::optional<Waiting> waiting;
  };
  struct Bucket {
    double tokens;
    Instant filled; // when `tokens` was true
  };
  struct Summary {
    uint64_t count = 0;
    Instant due;  // from here on it has the object's next token
    Instant wake; // when that token is there
    WallTime first, last;
    std::string note; // the latest
  };
  using SummaryKey = std::pair<EventSubject, EventReason>;

  Bucket& filled_bucket(const EventSubject& subject, Instant now);
  bool take_token(const EventSubject& subject, Instant now);
  bool summary_due(const EventSubject& subject, Instant now) const;
  void drop_full_buckets(Instant now);
  void suppress(const EventSubject& subject, EventReason reason, std::string note, Moment now);
  void expire(Instant now);
  void erase(std::map<Key, Series>::iterator it);
  std::string event_name(std::string_view object, WallTime wall);

  EventReporter reporter_;
  Limits limits_;
  std::map<Key, Series> series_;
  std::set<std::pair<Instant, Key>> by_seen_;
  std::set<std::pair<Instant, Key>> by_due_; // series whose count the server does not know
  std::deque<Key> queue_;
  std::map<EventSubject, Bucket> buckets_;
  std::map<SummaryKey, Summary> summaries_;
  uint64_t dropped_ = 0;
  int64_t last_stamp_ = 0; // event names are unique within a process
};

} // namespace gitsync::report
