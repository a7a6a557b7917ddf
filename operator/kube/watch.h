// One kind watched for ever: list, watch, resume, list again. The decisions are in WatchMachine, which does no I/O.
#pragma once
#include "base/clock.h"
#include "kube/client.h"
#include "kube/event_header.h"

#include <functional>
#include <string>

namespace gitsync::kube {

/// Who hears what a watch sees. Called on the control thread, in order; must not block.
struct WatchSink {
  virtual ~WatchSink() = default;
  /// Everything that exists is about to be handed over again.
  virtual void restarted() {}
  /// The object exists like this now (ADDED, MODIFIED, or listed).
  virtual void changed(nlohmann::json object) = 0;
  /// Asked before an ADDED or MODIFIED event is read: true where its header says enough (an echo of our own write). `line` is
  /// the whole event, for who wants to read it later.
  virtual bool skip(const EventHeader& header, std::string_view line) {
    (void)header, (void)line;
    return false;
  }
  /// The object is gone, or has left the selector; its last state.
  virtual void deleted(nlohmann::json object) = 0;
  /// All that existed when restarted() was called has been handed over: what was not is gone.
  virtual void synced() {}
};

/// What a watch does next.
struct WatchAction {
  enum class Kind {
    WatchList, // stream with initial events: all that exists, then what changes
    List,      // pages, for servers without that
    Watch,     // stream from resource_version on
    Wait,      // pause, then ask again
  } kind = Kind::WatchList;
  std::string resource_version;
  std::chrono::milliseconds pause{0};
};

/// Pure. Rules of client-go's reflector: initial events with a bookmark at their end, fall back to pages on 4xx, resume from
/// the last version (bookmarks included), list again after 410, back off 0.8 s × 2 with jitter up to 30 s, reset after 2
/// healthy minutes.
class WatchMachine {
public:
  explicit WatchMachine(uint32_t seed) : random_(seed) {}

  WatchAction next(Instant now);
  /// One line of the stream. What it means for the sink; events of a broken line end the stream.
  enum class Line { Changed, Deleted, Bookmark, Synced, End };
  Line line(const nlohmann::json& event);
  /// An event that the sink skipped.
  void skipped(std::string resource_version) { advance(std::move(resource_version)); }
  /// The pages are complete.
  void listed(std::string resource_version);
  /// The stream or the list ended: normally, or by an error.
  void ended(const Result<>& how, Instant started, Instant now);
  /// Hand everything over again at the next opportunity (verification sweep).
  void forget() { version_.clear(); }
  bool paged() const { return paged_; }
  /// Why the last stream ended, for metrics: "end", "expired", "error".
  std::string_view reason() const { return reason_; }

private:
  void advance(std::string version);

  std::string version_; // to go on from; empty until all that exists has been handed over
  bool paged_ = false, expired_in_stream_ = false;
  int failures_ = 0;
  Instant not_before_{};
  std::string_view reason_ = "start";
  uint32_t random_;
};

/// Control thread only.
class Watch {
public:
  struct Options {
    std::string path;                                        // collection: "/api/v1/configmaps"
    std::string selector;                                    // labelSelector, not encoded
    std::function<void(std::string_view reason)> on_restart; // metrics
    std::string as{};                                        // user that is impersonated; empty: none
  };
  Watch(Client& client, Options options, WatchSink& sink);

  /// Runs until cancelled.
  Task<> run();
  /// True when the sink knows all that existed at the last start.
  bool synced() const { return synced_; }
  /// Makes the next stream hand over everything again, and ends the present one.
  void resync();

private:
  bool deliver(std::string_view line);

  Client& client_;
  Options options_;
  WatchSink& sink_;
  WatchMachine machine_;
  bool synced_ = false, resync_ = false;
};

} // namespace gitsync::kube
