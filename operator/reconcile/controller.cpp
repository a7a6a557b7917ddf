#include "reconcile/controller.h"

#include "api/names.h"
#include "base/log.h"
#include "base/text.h"

#include <malloc.h>

namespace gitsync::reconcile {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds housekeeping_pause{15};

std::string collection(std::string_view plural) { return cat("/apis/", api::api_group_version, "/", plural); }

report::WatchEnd metric_of(std::string_view reason) {
  if (reason == "expired") return report::WatchEnd::Expired;
  return reason == "error" ? report::WatchEnd::Broken : report::WatchEnd::Ended;
}

} // namespace

void Controller::Listener::changed(json object) {
  const std::string key = api::parse_meta(object).key();
  known.insert(key);
  seen.insert(key);
  on_changed(key, object);
}

void Controller::Listener::deleted(json object) {
  const std::string key = api::parse_meta(object).key();
  known.erase(key);
  seen.erase(key);
  on_deleted(key);
}

void Controller::Listener::synced() {
  std::vector<std::string> gone;
  std::ranges::set_difference(known, seen, std::back_inserter(gone));
  for (const auto& key : gone) {
    known.erase(key);
    on_deleted(key);
  }
  if (on_synced) on_synced();
}

Controller::Controller(Options options)
    : options_(options),
      applier_(options_.kube, options_.discovery, table_, options_.executor, {options_.in_flight, options_.may_write}),
      drift_(table_, applier_, options_.executor), watches_(options_.kube, options_.discovery, options_.executor, drift_,
                                                            [this](std::string_view reason) {
                                                              options_.reporter.metrics.watch_restarted(metric_of(reason));
                                                              if (reason == "expired") options_.reporter.metrics.relisted();
                                                            }),
      approvals_(options_.kube, options_.executor, options_.may_write,
                 [this](const std::string& key) {
                   if (const auto it = syncs_.find(key); it != syncs_.end()) it->second->approved();
                 }),
      context_{options_.kube,
               options_.discovery,
               options_.git,
               table_,
               applier_,
               drift_,
               watches_,
               options_.reporter,
               options_.executor,
               options_.may_write,
               [this](const std::string& key) -> source::Repository* {
                 const auto it = repositories_.find(key);
                 return it == repositories_.end() ? nullptr : it->second.get();
               },
               options_.home,
               approvals_,
               [this](const ObjectRef& ref, const Sync& sync) -> Sync* {
                 for (auto& [name, other] : syncs_)
                   if (other.get() != &sync && other->claims(ref)) return other.get();
                 return nullptr;
               },
               [this](const Sync& sync, const std::string& commit) {
                 return std::ranges::any_of(syncs_, [&](const auto& entry) {
                   return entry.second.get() != &sync && entry.second->source_key() == sync.source_key() &&
                          !entry.second->has_planned(commit);
                 });
               },
               [this] {
                 for (auto& [name, other] : syncs_) other->peer_planned();
               },
               [this](Sync& sync, const std::string& commit) { return awaited(sync, commit); },
               [this](Sync& sync) {
                 for (auto& [name, other] : syncs_)
                   if (std::ranges::count(other->dependencies(), sync.meta().key()) > 0) other->dependency_settled();
               },
               [this] { return repository_watch_.synced(); },
               options_.tenancy,
               [this](const ObjectRef& ref) {
                 const auto* object = table_.find(ref);
                 if (auto* sync = object ? sync_of(*object->sync) : nullptr) sync->lost(ref);
               }},
      repository_watch_(options_.kube, {collection(api::git_repository_plural), "", {}}, repository_listener_),
      sync_watch_(options_.kube, {collection(api::git_sync_plural), "", {}}, sync_listener_), group_(options_.executor),
      reapers_(options_.executor) {
  repository_listener_.on_changed = [this](const auto& key, const auto& object) { repository_changed(key, object); };
  repository_listener_.on_deleted = [this](const auto& key) { repository_deleted(key); };
  repository_listener_.on_synced = [this] {
    for (auto& [key, sync] : syncs_)
      if (!repositories_.contains(sync->source_key())) sync->source_changed();
  };
  sync_listener_.on_changed = [this](const auto& key, const auto& object) { sync_changed(key, object); };
  sync_listener_.on_synced = [this] {
    for (auto& [key, sync] : syncs_) sync->dependency_settled();
  };
  sync_listener_.on_deleted = [this](const auto& key) { sync_deleted(key); };
  applier_.on_applied([this](ManagedObject& object) { drift_.applied(object); });
  const auto live = [this](ManagedObject& object, const json& now) {
    if (auto* sync = sync_of(*object.sync)) sync->live(object, now);
  };
  applier_.on_live(live);
  drift_.on_live(live);
  drift_.on_report([this](const DriftReport& report) {
    if (auto* sync = sync_of(*report.sync)) sync->drift(report);
  });
  drift_.on_unapplied([this](const ManagedObject& object) {
    if (auto* sync = sync_of(*object.sync)) sync->unapplied();
  });
  drift_.on_recorded([this](const ManagedObject& object) {
    if (auto* sync = sync_of(*object.sync)) sync->recorded(object);
  });
  drift_.on_pruned([this](const ObjectRef& ref) {
    const auto* object = table_.find(ref);
    if (auto* sync = object ? sync_of(*object->sync) : nullptr) sync->pruned(ref);
  });
}

Controller::~Controller() = default;

Sync* Controller::sync_of(const SyncFacts& facts) {
  const auto it = syncs_.find(facts.owner);
  return it == syncs_.end() || it->second->facts().get() != &facts ? nullptr : it->second.get();
}

void Controller::start() {
  group_.spawn("watch gitrepositories", repository_watch_.run());
  group_.spawn("watch gitsyncs", sync_watch_.run());
  group_.spawn("watch approvals", approvals_.run());
  group_.spawn("housekeeping", housekeeping());
}

void Controller::repository_changed(const std::string& key, const json& object) {
  auto& repository = repositories_[key];
  const auto meta = api::parse_meta(object);
  if (repository && repository->meta().uid != meta.uid) repository_deleted(key); // deleted and made anew between two looks
  auto& slot = repositories_[key];
  if (slot) {
    slot->update(object);
    return;
  }
  slot = std::make_shared<source::Repository>(source::Context{options_.kube, options_.git, options_.reporter, options_.executor,
                                                              options_.may_write, options_.allow_file_urls},
                                              object, [this, key] { source_changed(key); });
  source_changed(key);
}

void Controller::source_changed(const std::string& key) {
  for (auto& [name, sync] : syncs_)
    if (sync->source_key() == key) sync->source_changed();
}

/// What a revision of it has to wait for. A circle never ends, so that is said instead.
std::vector<std::string> Controller::awaited(const Sync& sync, const std::string& commit) const {
  std::vector<std::string> out;
  for (const auto& name : sync.dependencies()) {
    const auto it = syncs_.find(name);
    if (it == syncs_.end()) {
      out.push_back(sync_watch_.synced() ? cat(name, " (there is none)")
                                         : name); // before that, perhaps it is only not seen yet
      continue;
    }
    if (const auto circle = circle_through(sync.meta().key(), name); !circle.empty())
      out.push_back(cat(name, " (a circle: ", circle, "; remove one dependsOn)"));
    else if (!it->second->ready_with(sync.source_key(), commit))
      out.push_back(name);
  }
  return out;
}

/// "a → b → a" where `name` depends on `start` in the end; else empty.
std::string Controller::circle_through(const std::string& start, const std::string& name) const {
  std::map<std::string, std::string> from{{name, start}}; // in breadth, each GitSync once
  std::vector<std::string> next{name};
  for (size_t i = 0; i < next.size(); ++i) {
    const std::string here = next[i];
    if (here == start) {
      std::string text = start;
      for (std::string step = from[start]; step != start; step = from[step]) text = cat(step, " → ", text);
      return cat(start, " → ", text);
    }
    if (const auto it = syncs_.find(here); it != syncs_.end())
      for (const auto& further : it->second->dependencies())
        if (from.emplace(further, here).second) next.push_back(further);
  }
  return {};
}

void Controller::repository_deleted(const std::string& key) {
  const auto it = repositories_.find(key);
  if (it == repositories_.end()) return;
  if (auto repository = std::move(it->second)) {
    repository->stop();
    reapers_.spawn("end " + key, reap(std::move(repository)));
  }
  repositories_.erase(it);
  source_changed(key);
}

void Controller::sync_changed(const std::string& key, const json& object) {
  const auto meta = api::parse_meta(object);
  if (const auto it = syncs_.find(key); it != syncs_.end() && it->second->meta().uid != meta.uid) sync_deleted(key);
  auto& sync = syncs_[key];
  if (sync)
    sync->update(object);
  else
    sync = std::make_shared<Sync>(context_, object);
}

void Controller::sync_deleted(const std::string& key) {
  const auto it = syncs_.find(key);
  if (it == syncs_.end()) return;
  auto sync = std::move(it->second);
  syncs_.erase(it);
  sync->stop();
  // Its objects are nobody's now: whoever deleted it past the finalizer meant to keep them.
  std::vector<ObjectRef> left;
  for (auto& [ref, object] : table_)
    if (object->sync == sync->facts()) left.push_back(ref);
  for (const auto& ref : left) {
    drift_.forget(ref);
    table_.erase(ref);
  }
  reapers_.spawn("end " + key, reap(std::move(sync)));
}

Task<> Controller::reap(std::shared_ptr<Sync> sync) {
  co_await sync->wait();
  options_.reporter.metrics.forget(api::git_sync_kind, sync->meta().ns, sync->meta().name);
}

Task<> Controller::reap(std::shared_ptr<source::Repository> repository) {
  co_await repository->wait();
  options_.reporter.metrics.forget(api::git_repository_kind, repository->meta().ns, repository->meta().name);
}

/// Ends watches that nobody needs, and gives memory that a large revision took back to the system.
Task<> Controller::housekeeping() {
  for (;;) {
    co_await sleep_for(housekeeping_pause);
    std::set<GroupKind> kinds;
    for (const auto& [key, sync] : syncs_) kinds.merge(sync->kinds());
    watches_.retain(kinds);
    malloc_trim(0);
  }
}

void Controller::stop() {
  group_.stop();
  watches_.stop();
  drift_.stop();
  approvals_.stop();
  for (auto& [key, sync] : syncs_) sync->stop();
  for (auto& [key, repository] : repositories_) repository->stop();
}

Task<> Controller::wait() {
  co_await group_.wait();
  for (auto& [key, sync] : syncs_) co_await sync->wait();
  for (auto& [key, repository] : repositories_) co_await repository->wait();
  co_await drift_.wait();
  co_await approvals_.wait();
  co_await watches_.wait();
  co_await reapers_.wait();
}

} // namespace gitsync::reconcile
