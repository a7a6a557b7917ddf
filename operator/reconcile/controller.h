// All GitRepositories and GitSyncs: hears of the custom resources and gives each its reconciler.
#pragma once
#include "kube/watch.h"
#include "plan/veto.h"
#include "reconcile/approvals.h"
#include "reconcile/pauses.h"
#include "reconcile/sync.h"
#include "source/repository.h"

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace gitsync::reconcile {

/// Control thread only. Start after leadership was won; stop() before it is given up.
class Controller {
public:
  struct Options {
    kube::Client& kube;
    kube::Discovery& discovery;
    git::Client& git;
    render::Client& render;
    registry::Client& registry;
    report::Reporter reporter;
    asio::any_io_executor executor;
    std::function<bool()> may_write; // the lease is certainly ours
    bool allow_file_urls = false;
    OwnHome home; // where the operator itself lives
    api::Tenancy tenancy{};
    size_t in_flight = 32;
  };
  explicit Controller(Options options);
  ~Controller();

  void start();
  /// Asks everything to end; then wait().
  void stop();
  Task<> wait();
  /// True once both kinds of custom resources have been seen completely.
  bool synced() const { return repository_watch_.synced() && sync_watch_.synced(); }

  /// The source of that name ("namespace/name"), null where there is none.
  std::shared_ptr<source::Repository> repository(const std::string& key) const;

private:
  /// One kind of custom resource.
  struct Listener : kube::WatchSink {
    std::function<void(const std::string& key, const nlohmann::json& object)> on_changed;
    std::function<void(const std::string& key)> on_deleted;
    std::function<void()> on_synced;
    std::set<std::string> known, seen;
    void restarted() override { seen.clear(); }
    void changed(nlohmann::json object) override;
    void deleted(nlohmann::json object) override;
    void synced() override;
  };

  void repository_changed(const std::string& key, const nlohmann::json& object);
  void repository_deleted(const std::string& key);
  void sync_changed(const std::string& key, const nlohmann::json& object);
  void sync_deleted(const std::string& key);
  void source_changed(const std::string& key);
  source::Followed followed_of(const std::string& key) const;
  Task<Awaited> awaited(std::string name, std::string source, std::string commit);
  Task<Result<render::CelResult>> evaluate_ready(std::string name, std::string dependency, std::string expression);
  std::string circle_through(const std::string& start, const std::string& name) const;
  Sync* sync_of(const SyncFacts& facts);
  Task<> reap(std::shared_ptr<Sync> sync);
  Task<> reap(std::shared_ptr<source::Repository> repository);
  Task<> housekeeping();

  Options options_;
  ObjectTable table_;
  Applier applier_;
  DriftEngine drift_;
  WatchHub watches_;
  Semaphore books_;
  Approvals approvals_;
  Pauses pauses_;
  Context context_;
  Listener repository_listener_, sync_listener_;
  kube::Watch repository_watch_, sync_watch_;
  std::map<std::string, std::shared_ptr<source::Repository>> repositories_;
  std::map<std::string, std::shared_ptr<Sync>> syncs_;
  TaskGroup group_, reapers_;
};

} // namespace gitsync::reconcile
