// One GitSync: from the source's revision to the cluster, and keeping it there. The reconciler of a single custom resource; its
// steps are in sync_*.cpp in the order in which they run.
#pragma once
#include "api/git_sync.h"
#include "api/tenancy.h"
#include "apply/applier.h"
#include "apply/inventory_store.h"
#include "drift/engine.h"
#include "drift/watch_hub.h"
#include "git/client.h"
#include "health/book.h"
#include "health/verdict.h"
#include "object/order.h"
#include "plan/healthy_set.h"
#include "plan/plan.h"
#include "plan/veto.h"
#include "reconcile/approvals.h"
#include "reconcile/pod_watch.h"
#include "report/reporter.h"
#include "report/status_writer.h"
#include "runtime/task_group.h"
#include "source/repository.h"

#include <functional>
#include <memory>
#include <set>
#include <unordered_set>

namespace gitsync::reconcile {

class Sync;

/// What all GitSyncs share. Everything outlives every Sync.
struct Context {
  kube::Client& kube;
  kube::Discovery& discovery;
  git::Client& git;
  ObjectTable& table;
  Applier& applier;
  DriftEngine& drift;
  WatchHub& watches;
  report::Reporter reporter;
  asio::any_io_executor executor;
  std::function<bool()> may_write;
  std::function<source::Repository*(const std::string& key)> source; // null where there is none
  OwnHome home;
  Approvals& approvals;
  std::function<Sync*(const ObjectRef& ref, const Sync& sync)> claimant; // another GitSync that wants to have the object
  std::function<bool(const Sync& sync, const std::string& commit)>
      peers_behind;              // others of its source have not read the commit
  std::function<void()> planned; // somebody has
  std::function<std::vector<std::string>(Sync& sync, const std::string& commit)> awaited; // dependencies that are not ready
  std::function<void(Sync& sync)> settled; // it became ready: those that depend on it may go on
  std::function<bool()> sources_listed;    // all GitRepositories are known: only then one can be missing
  api::Tenancy tenancy;
  std::function<void(const ObjectRef& ref)> dispossess; // takes an object from the GitSync that has it in its table (lost())
};

/// Control thread only.
class Sync {
public:
  Sync(Context& context, const nlohmann::json& object);
  ~Sync();

  /// The custom resource as it is now.
  void update(const nlohmann::json& object);
  /// The source has another revision or error.
  void source_changed();
  /// News of one of its objects, from the drift engine.
  void drift(const DriftReport& report);
  void unapplied() { wake_.set(); }
  void pruned(const ObjectRef& ref);
  void recorded(const ManagedObject& object);
  /// One of its objects as it is now; null: it does not exist.
  void live(ManagedObject& object, const nlohmann::json& live);

  /// The object, which it has never written and may not write, is another GitSync's by now.
  void lost(const ObjectRef& ref);

  const api::Meta& meta() const { return meta_; }
  /// Source "namespace/name", empty where the spec cannot be used or is not allowed.
  std::string source_key() const { return spec_ && allowed_ ? spec_->source_key() : std::string(); }
  const std::shared_ptr<SyncFacts>& facts() const { return facts_; }
  /// Names "namespace/name" of the GitSyncs that it depends on.
  std::vector<std::string> dependencies() const;
  /// Whether those that depend on it may go on: ready, and with that commit where it follows the same source.
  bool ready_with(const std::string& source_key, const std::string& commit) const;
  /// Its last plan was refused since another GitSync has the object.
  bool claims(const ObjectRef& ref) const { return claims_.contains(ref); }
  /// Whether it knows what that commit wants of it, or will not ask.
  bool has_planned(const std::string& commit) const {
    return planned_commit_ == commit || desired_.commit == commit || facts_->suspended || finished_ || !spec_;
  }
  void peer_planned() {
    if (peers_awaited_) wake_.set();
  }
  /// What it claims was given up by another.
  void handed_over() {
    refused_commit_.clear();
    next_attempt_ = {};
    wake_.set();
  }
  /// There is a new Approval.
  void approved() { handed_over(); }
  void dependency_settled() {
    if (held_) wake_.set();
  }
  /// True after the finalizer was removed: nothing is left to do.
  bool finished() const { return finished_; }
  std::set<GroupKind> kinds() const;

  void stop();
  Task<> wait();

private:
  // sync.cpp: the loop
  Task<> run();
  Task<> step(bool asked);
  Task<> requested();
  void take_spec();
  Task<> save_what_changed();

  // sync_load.cpp: what was remembered
  Task<bool> load();
  void restore(InventoryRecord record);

  // sync_read.cpp: revision → plan
  struct Read {
    RevisionDelta delta;
    std::string tree;
    std::string spec_key; // of the spec that was read with: it may be edited meanwhile
  };
  Task<std::expected<Read, std::vector<Error>>> read(const source::Revision& revision);
  bool accepted(const source::Revision& revision) const;
  bool newer_revision() const;
  bool is_quarantined(const source::Revision& revision) const;
  bool up_to_date(const source::Revision& revision) const;
  Task<> attempt(source::Revision revision);
  void adopt(Plan plan, const source::Revision& revision, const Read& read);

  // sync_tenancy.cpp: as whom, and what others may not keep from us
  bool may_act() const;
  Task<bool> explain(std::vector<Error>& errors);
  Task<> take_over(const std::vector<Prepared>& objects);
  bool never_made(const ObjectRef& ref) const;

  // sync_apply.cpp: plan → cluster
  struct Applied {
    std::vector<Error> errors;
    size_t waiting = 0; // objects that wait for the health of others
  };
  Task<Applied> apply_pending();
  Task<std::vector<Error>> apply_stage(Stage stage, const std::vector<ObjectRef>& objects);
  Task<> carry_out(source::Revision revision, bool quiet);
  Task<Result<>> definitions_served(const std::vector<ObjectRef>& crds);
  std::vector<ObjectRef> pending() const;

  // sync_prune.cpp
  Task<std::vector<Error>> prune();
  Task<Result<bool>> give_up(ObjectRef ref);
  Task<std::set<ObjectRef>> populated(const Plan& plan);
  Task<std::vector<Error>> release_all(std::vector<ObjectRef> objects);
  Task<std::vector<Error>> delete_all(api::DeletionPolicy policy);
  void report_terminating();
  Task<bool> finalize();
  Task<bool> set_finalizer(bool present);
  void forget(const ObjectRef& ref);

  // sync_record.cpp: the inventory
  void touch(const ObjectRef& ref);
  Task<Result<>> announce(std::vector<ObjectRef> created);
  bool unsaved() const;
  Task<Result<>> save_records();
  Task<Result<>> save();

  // sync_health.cpp: how well the objects are
  Task<> watch_health();
  bool all_seen();
  health::Verdict verdict();
  void report_health();

  // sync_rollback.cpp: back to the last healthy revision
  bool rollback_wanted() const;
  void mark_healthy();
  Task<Result<>> remember(const Plan& plan);
  Task<Result<>> load_healthy();
  void failed_revision(std::string why);
  bool quarantined(const std::string& commit, const std::string& tree, const std::string& spec_key) const;
  void adopt_rollback(Rollback rollback);
  Task<bool> overtake();
  Task<> roll_back();
  void report_rolled_back();

  // sync_report.cpp: status, Events, metrics
  void report_applied(const source::Revision& revision, size_t applied, double seconds);
  void report_failed(std::vector<Error> errors, bool refused);
  void report_settled();
  void report_waiting(size_t waiting);
  void report_held(const std::vector<std::string>& dependencies);
  void publish(report::Urgency urgency);
  report::EventSubject subject() const;
  void event(report::EventReason reason, std::string_view note);

  Context& context_;
  api::Meta meta_;
  Result<api::GitSync> spec_holder_;
  std::optional<api::GitSync> spec_; // the usable one, if any
  api::GitSyncStatus status_;
  std::shared_ptr<SyncFacts> facts_;
  report::StatusWriter writer_;
  InventoryStore store_;
  InventoryMeta inventory_, stored_; // as it should be, as it was written
  DesiredSet desired_;
  std::vector<std::set<ObjectRef>> chunks_; // which objects each chunk records
  std::set<unsigned> dirty_;
  TaskGroup group_;
  Event wake_, health_news_;
  health::Book health_;
  PodWatch pods_;
  Instant ill_since_{};                          // applied, or an object fell ill; none while all are well
  bool seen_ = false;                            // every object was looked at since the start
  bool allowed_ = true;                          // this operator's flags have nothing against the spec
  std::map<ObjectRef, std::string> terminating_; // deleted, and held by these finalizers
  Instant next_look_{};                          // at those
  std::set<ObjectRef> failed_;                   // refused in this pass of apply_pending()
  std::set<ObjectRef> claims_;                   // objects of others that the last plan wanted
  std::string planned_commit_;                   // the commit of the last plan, accepted or refused
  bool peers_awaited_ = false;                   // pruning waits until others of its source have read the commit
  Instant peers_since_{};
  HealthySet healthy_set_;
  bool carrying_out_ = false;               // errors that are reported now are those of the adopted revision
  std::optional<std::string> rollback_due_; // why
  Instant adopted_since_{};                 // the present revision was adopted, and is not healthy yet
  bool held_ = false;                       // a revision waits for dependencies
  bool blocked_ = false;                    // objects of the revision wait for the health of others
  Instant blocked_since_{};                 // and, where that is so, since when
  Instant attempt_started_{};
  size_t changed_ = 0;   // objects that the revision changes, for telling
  bool settled_ = false; // all of the revision is applied, and nothing else has a say in Ready
  bool loaded_ = false, finished_ = false;
  bool untold_ = false;         // the inventory has a revision that an earlier process carried out and could not tell of
  std::string handled_request_; // value of requestedAt that was acted on
  std::string refused_commit_;  // not read again before something changes
  bool retry_wanted_ = false;
  int failures_ = 0;
  Instant next_attempt_{}, next_sweep_{};
};

} // namespace gitsync::reconcile
