// Kubernetes Events about GitRepositories and GitSyncs: told at once, sent when there is time.
#pragma once
#include "report/event_spool.h"
#include "runtime/task.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>

namespace gitsync::report {

/// Makes the request: POST to /apis/events.k8s.io/v1/namespaces/<ns>/events, or a merge PATCH of …/<name>.
using EventSink = std::function<Task<Result<>>(EventWrite write)>;

/// What to do about a write that failed.
enum class AfterFailure {
  Again, // after a pause
  Done,  // nothing is wrong: the event is there already
  Lost,  // the server no longer has the event: its next occurrence makes a new one
  GiveUp // say so in the log and go on with the next
};
/// Pure. `attempts` made so far, this one included.
AfterFailure after_failure(const EventWrite& write, const Error& error, int attempts, int max_attempts);

/// Control thread only. record() never waits and never fails; run() sends one write after the other.
class EventRecorder {
public:
  struct Options {
    EventSpool::Limits limits{};
    int max_attempts = 5;
    std::chrono::milliseconds soon{100};         // between something to tell and telling it
    std::chrono::milliseconds first_pause{1000}; // doubles with every attempt
    std::chrono::milliseconds longest_pause{30'000};
  };
  EventRecorder(asio::any_io_executor executor, EventReporter reporter, EventSink sink)
      : EventRecorder(std::move(executor), std::move(reporter), std::move(sink), Options{}) {}
  EventRecorder(asio::any_io_executor executor, EventReporter reporter, EventSink sink, Options options)
      : spool_(std::move(reporter), options.limits), sink_(std::move(sink)), options_(options), wake_(executor) {}

  void record(const EventSubject& subject, EventReason reason, std::string_view note);
  /// The object is deleted.
  void forget(const EventSubject& subject) { spool_.forget(subject); }

  /// Sends until cancelled; start it once, in the TaskGroup that stops it. What is unsent then is not told: status and logs
  /// have it.
  Task<> run();

  const EventSpool& spool() const { return spool_; }

private:
  Task<> send(EventWrite write);

  EventSpool spool_;
  EventSink sink_;
  Options options_;
  asio::steady_timer wake_;
  Code last_failure_ = Code::Cancelled; // Cancelled: none. One line in the log for each kind of failure, not for each event
};

/// This machine's name for EventReporter::instance; in a pod, the pod's name.
std::string host_name();

} // namespace gitsync::report
