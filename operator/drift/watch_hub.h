// One watch per kind, shared by all GitSyncs, for as long as somebody manages an object of it.
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

/// Who hears what all watches see. Control thread only.
struct LiveObjects {
  virtual ~LiveObjects() = default;
  virtual void kind_restarted(const GroupKind& kind) = 0;
  virtual bool live_skip(const GroupKind& kind, const kube::EventHeader& header, std::string_view line) = 0;
  virtual void live_changed(const GroupKind& kind, nlohmann::json object) = 0;
  virtual void live_deleted(const GroupKind& kind, nlohmann::json object) = 0;
  virtual void kind_synced(const GroupKind& kind) = 0;
};

/// Control thread only.
class WatchHub {
public:
  WatchHub(kube::Client& client, kube::Discovery& discovery, asio::any_io_executor executor, LiveObjects& sink,
           std::function<void(std::string_view reason)> on_restart);
  ~WatchHub();

  /// Starts the kind's watch if there is none and waits until it has shown what exists, at most `limit`. False where it could
  /// not: the watch goes on trying, and the caller may go on, since what it misses the watch will show later.
  Task<bool> require(GroupKind kind, std::chrono::steady_clock::duration limit);
  /// Ends the watches of all kinds that nobody manages any more.
  void retain(const std::set<GroupKind>& kinds);
  /// Verification: the kind's watch hands over everything again within about a minute.
  void resync(const GroupKind& kind);
  /// Whether the kind's watch has shown all that exists.
  bool has_shown(const GroupKind& kind) const;
  size_t size() const { return watches_.size(); }

  void stop();
  Task<> wait();

private:
  struct One;
  kube::Client& client_;
  kube::Discovery& discovery_;
  asio::any_io_executor executor_;
  LiveObjects& sink_;
  std::function<void(std::string_view)> on_restart_;
  std::map<GroupKind, std::unique_ptr<One>> watches_;
  std::vector<std::unique_ptr<One>> ending_;
};

} // namespace gitsync
