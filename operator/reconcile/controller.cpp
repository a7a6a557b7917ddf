#include "reconcile/controller.h"

#include "api/names.h"
#include "base/log.h"
#include "base/text.h"

#include <array>
#include <malloc.h>

namespace gitsync::reconcile {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds housekeeping_pause{15};
constexpr size_t books_at_once = 4; // beside 32 applies: the work goes ahead of the telling

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
      books_(options_.executor, books_at_once), approvals_(options_.kube, options_.executor, options_.may_write,
                                                           [this](const std::string& key) {
                                                             if (const auto it = syncs_.find(key); it != syncs_.end())
                                                               it->second->approvals_changed();
                                                           }),
      pauses_(options_.kube, options_.executor, options_.may_write,
              [this](const std::string& key) {
                if (const auto it = syncs_.find(key); it != syncs_.end()) it->second->pauses_changed();
              }),
      context_{options_.kube,
               options_.discovery,
               options_.git,
               options_.render,
               options_.registry,
               table_,
               applier_,
               drift_,
               watches_,
               options_.reporter,
               options_.executor,
               options_.may_write,
               books_,
               [this](const std::string& key) -> source::Repository* {
                 const auto it = repositories_.find(key);
                 return it == repositories_.end() ? nullptr : it->second.get();
               },
               options_.home,
               approvals_,
               pauses_,
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
               [this](Sync& sync, const std::string& commit) { return awaited(sync.meta().key(), sync.source_key(), commit); },
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
  applier_.on_live([this](ManagedObject& object, const json& now) {
    if (auto* sync = sync_of(*object.sync)) sync->live(object, now, true);
    if (object.phase == Phase::Settled) drift_.look_beside(object, now);
  });
  drift_.on_live([this](ManagedObject& object, const json& now) {
    if (auto* sync = sync_of(*object.sync)) sync->live(object, now, false);
  });
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
  group_.spawn("watch pauses", pauses_.watch());
  group_.spawn("end pauses", pauses_.run());
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
  slot = std::make_shared<source::Repository>(
      source::Context{options_.kube, options_.git, options_.render, options_.reporter, options_.executor, options_.may_write,
                      options_.allow_file_urls},
      object, [this, key] { source_changed(key); }, [this, key] { return followed_of(key); });
  source_changed(key);
}

std::shared_ptr<source::Repository> Controller::repository(const std::string& key) const {
  const auto it = repositories_.find(key);
  return it == repositories_.end() ? nullptr : it->second;
}

void Controller::source_changed(const std::string& key) {
  bool passed = false;
  for (auto& [name, sync] : syncs_)
    if (sync->follows(key)) passed |= !sync->source_changed();
  if (!passed) return;
  for (auto& [name, sync] : syncs_) sync->peer_planned(); // those that were passed over have read the commit
}

/// What GitSyncs look at in that source.
source::Followed Controller::followed_of(const std::string& key) const {
  source::Followed out;
  for (const auto& [name, sync] : syncs_) {
    if (sync->source_key() != key) continue;
    out.paths.insert(sync->path());
    if (auto globs = sync->trigger_globs(); !globs.empty()) out.globs.insert(std::move(globs));
  }
  return out;
}

/// What a revision of the GitSync `name` has to wait for. A circle never ends, so that is said instead.
Task<Awaited> Controller::awaited(std::string name, std::string source, std::string commit) {
  Awaited out;
  const auto self = syncs_.find(name);
  if (self == syncs_.end()) co_return out;
  const auto dependencies = self->second->dependencies();
  for (const auto& dependency : dependencies) {
    const auto it = syncs_.find(dependency);
    if (it == syncs_.end()) {
      out.names.push_back(sync_watch_.synced() ? cat(dependency, " (there is none)")
                                               : dependency); // before that, perhaps it is only not seen yet
      continue;
    }
    if (const auto circle = circle_through(name, dependency); !circle.empty()) {
      out.names.push_back(cat(dependency, " (a circle: ", circle, "; remove one dependsOn)"));
      continue;
    }
    if (!it->second->ready_with(source, commit)) {
      out.names.push_back(dependency);
      continue;
    }
    const auto again = syncs_.find(name); // evaluating took a while
    const std::string expression = again == syncs_.end() ? std::string() : again->second->ready_expression(dependency);
    if (expression.empty()) continue;
    const auto result = co_await evaluate_ready(name, dependency, expression);
    if (result && result->value.value_or(false)) continue;
    out.names.push_back(cat(dependency, " (readyExpr ",
                            !result         ? cat("cannot be evaluated: ", result.error().message)
                            : result->value ? std::string("is false")
                                            : cat("cannot be evaluated: ", result->problem),
                            ")"));
    out.by_expression = true;
    out.retry |= !result;
  }
  co_return out;
}

/// Over both as the API server has them: the watch has told of a change, and neither is kept in memory.
Task<Result<render::CelResult>> Controller::evaluate_ready(std::string name, std::string dependency, std::string expression) {
  const std::array variables = {std::pair(api::ready_self, name), std::pair(api::ready_dependency, dependency)};
  std::string values;
  for (const auto& [variable, key] : variables) {
    const auto slash = key.find('/');
    const auto object = co_await options_.kube.get(cat("/apis/", api::api_group_version, "/namespaces/", key.substr(0, slash),
                                                       "/", api::git_sync_plural, "/", key.substr(slash + 1)));
    if (!object) co_return std::unexpected(object.error());
    values +=
        cat(values.empty() ? "{" : ",", "\"", variable, "\":", object->dump(-1, ' ', false, json::error_handler_t::replace));
  }
  render::CelRequest request{
      {std::move(expression)}, {std::string(api::ready_self), std::string(api::ready_dependency)}, cat(values, "}")};
  auto results = co_await options_.render.evaluate(std::move(request));
  if (!results) co_return std::unexpected(std::move(results.error()));
  co_return std::move(results->front());
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
  for (auto& [name, other] : syncs_) other->dependency_changed(key);
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
    std::set<VersionedKind> kinds;
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
  pauses_.stop();
  for (auto& [key, sync] : syncs_) sync->stop();
  for (auto& [key, repository] : repositories_) repository->stop();
}

Task<> Controller::wait() {
  co_await group_.wait();
  for (auto& [key, sync] : syncs_) co_await sync->wait();
  for (auto& [key, repository] : repositories_) co_await repository->wait();
  co_await drift_.wait();
  co_await approvals_.wait();
  co_await pauses_.wait();
  co_await watches_.wait();
  co_await reapers_.wait();
}

} // namespace gitsync::reconcile
