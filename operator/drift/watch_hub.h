// One watch per kind and version, shared by all GitSyncs, for as long as somebody manages an object of it.
#pragma once
#include "kube/discovery.h"
#include "kube/watch.h"
#include "object/manifest.h"
#include "runtime/event.h"
#include "runtime/task_group.h"

#include <map>
#include <memory>
#include <set>

namespace gitsync {

/// Who hears what all watches see. Control thread only. A kind's version is the one in which the objects are shown.
struct LiveObjects {
  virtual ~LiveObjects() = default;
  virtual void kind_restarted(const VersionedKind& kind) = 0;
  virtual bool live_skip(const VersionedKind& kind, const kube::EventHeader& header, std::string_view line) = 0;
  virtual void live_changed(const VersionedKind& kind, nlohmann::json object) = 0;
  virtual void live_deleted(const VersionedKind& kind, nlohmann::json object) = 0;
  virtual void kind_synced(const VersionedKind& kind) = 0;
};

/// Control thread only.
class WatchHub {
public:
  WatchHub(kube::Client& client, kube::Discovery& discovery, asio::any_io_executor executor, LiveObjects& sink,
           std::function<void(std::string_view reason)> on_restart);
  ~WatchHub();

  /// Starts the kind's watch if there is none and waits until it has shown what exists, at most `limit`. False where it could
  /// not: the watch goes on trying, and the caller may go on, since what it misses the watch will show later.
  /// A version that isn't served any more stands for the one that the server prefers.
  Task<bool> require(VersionedKind kind, std::chrono::steady_clock::duration limit);
  /// Ends the watches of all kinds that nobody manages any more.
  void retain(const std::set<VersionedKind>& kinds);
  /// Verification: the kind's watch hands over everything again within about a minute. Where there is none it begins.
  void resync(const VersionedKind& kind);
  /// Whether the kind's watch has shown all that exists.
  bool has_shown(const VersionedKind& kind) const;
  size_t size() const { return watches_.size(); }

  void stop();
  Task<> wait();

private:
  struct One;
  VersionedKind served(VersionedKind kind) const;
  One* open(const VersionedKind& kind);

  kube::Client& client_;
  kube::Discovery& discovery_;
  asio::any_io_executor executor_;
  LiveObjects& sink_;
  std::function<void(std::string_view)> on_restart_;
  std::map<VersionedKind, std::unique_ptr<One>> watches_;
  std::vector<std::unique_ptr<One>> ending_;
};

} // namespace gitsync
