#include "drift/watch_hub.h"

#include "api/names.h"

namespace gitsync {

struct WatchHub::One : kube::WatchSink {
  One(WatchHub& hub, VersionedKind k, const kube::Resource& resource)
      : kind(std::move(k)), sink(hub.sink_), ready(hub.executor_), group(hub.executor_),
        watch(hub.client_, {resource.path(), std::string(api::owner_label_key), hub.on_restart_}, *this) {
    group.spawn("watch " + resource.text(), watch.run());
  }
  void restarted() override { sink.kind_restarted(kind); }
  bool skip(const kube::EventHeader& header, std::string_view line) override { return sink.live_skip(kind, header, line); }
  void changed(nlohmann::json object) override { sink.live_changed(kind, std::move(object)); }
  void deleted(nlohmann::json object) override { sink.live_deleted(kind, std::move(object)); }
  void synced() override {
    sink.kind_synced(kind);
    ready.set();
  }

  const VersionedKind kind;
  LiveObjects& sink;
  Event ready;
  bool given_up = false;
  TaskGroup group;
  kube::Watch watch;
};

WatchHub::WatchHub(kube::Client& client, kube::Discovery& discovery, asio::any_io_executor executor, LiveObjects& sink,
                   std::function<void(std::string_view)> on_restart)
    : client_(client), discovery_(discovery), executor_(std::move(executor)), sink_(sink), on_restart_(std::move(on_restart)) {}

WatchHub::~WatchHub() = default;

/// The version in which such objects can be watched; the very one where the server cannot be asked.
VersionedKind WatchHub::served(VersionedKind kind) const {
  const auto& map = discovery_.map();
  if (map.find(kind.group, kind.version, kind.kind)) return kind;
  if (const auto* preferred = map.find(static_cast<const GroupKind&>(kind))) kind.version = preferred->version;
  return kind;
}

/// Null where the kind isn't served.
WatchHub::One* WatchHub::open(const VersionedKind& kind) {
  auto it = watches_.find(kind);
  if (it == watches_.end()) {
    const auto* resource = discovery_.map().find(kind.group, kind.version, kind.kind);
    if (!resource) return nullptr;
    it = watches_.emplace(kind, std::make_unique<One>(*this, kind, *resource)).first;
  }
  return it->second.get();
}

Task<bool> WatchHub::require(VersionedKind kind, std::chrono::steady_clock::duration limit) {
  std::erase_if(ending_, [](const auto& one) { return one->group.running() == 0; });
  kind = served(std::move(kind));
  auto* one = open(kind);
  // Waited for in vain before (nobody may list that kind, say): what applies must not wait again each time.
  if (!one || (one->given_up && !one->ready.is_set())) co_return false;
  const bool ready = co_await one->ready.wait_for(limit);
  if (const auto still = watches_.find(kind); !ready && still != watches_.end()) still->second->given_up = true;
  co_return ready;
}

void WatchHub::retain(const std::set<VersionedKind>& kinds) {
  std::set<VersionedKind> wanted;
  for (const auto& kind : kinds) wanted.insert(served(kind));
  for (auto it = watches_.begin(); it != watches_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    it->second->group.stop();
    ending_.push_back(std::move(it->second));
    it = watches_.erase(it);
  }
}

void WatchHub::resync(const VersionedKind& kind) {
  if (auto* one = open(served(kind))) one->watch.resync();
}

bool WatchHub::has_shown(const VersionedKind& kind) const {
  const auto it = watches_.find(served(kind));
  return it != watches_.end() && it->second->ready.is_set();
}

void WatchHub::stop() {
  for (auto& [kind, one] : watches_) one->group.stop();
}

Task<> WatchHub::wait() {
  for (auto& [kind, one] : watches_) co_await one->group.wait();
  for (auto& one : ending_) co_await one->group.wait();
}

} // namespace gitsync
