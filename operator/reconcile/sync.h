// One GitSync: from the source's revision to the cluster, and keeping it there. The reconciler of a single custom resource; its
// steps are in sync_*.cpp in the order in which they run.
#pragma once
#include "api/git_sync.h"
#include "api/tenancy.h"
#include "apply/applier.h"
#include "apply/inventory_store.h"
#include "apply/preview_store.h"
#include "drift/engine.h"
#include "drift/watch_hub.h"
#include "git/client.h"
#include "health/book.h"
#include "health/inquiries.h"
#include "health/verdict.h"
#include "object/order.h"
#include "plan/consent.h"
#include "plan/healthy_set.h"
#include "plan/plan.h"
#include "plan/veto.h"
#include "plan/window.h"
#include "reconcile/approvals.h"
#include "reconcile/image_watch.h"
#include "reconcile/pauses.h"
#include "reconcile/pod_watch.h"
#include "render/client.h"
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

/// The dependencies of a GitSync that are not ready.
struct Awaited {
  std::vector<std::string> names; // each with the reason, where there is one to tell
  bool by_expression = false;     // one is ready but for its readyExpr
  bool retry = false;             // an expression could not be evaluated for now
};

/// What all GitSyncs share. Everything outlives every Sync.
struct Context {
  kube::Client& kube;
  kube::Discovery& discovery;
  git::Client& git;
  render::Client& render;
  registry::Client& registry;
  ObjectTable& table;
  Applier& applier;
  DriftEngine& drift;
  WatchHub& watches;
  report::Reporter reporter;
  asio::any_io_executor executor;
  std::function<bool()> may_write;
  Semaphore& books; // writes that only keep account (inventories, statuses), of all GitSyncs
  std::function<source::Repository*(const std::string& key)> source; // null where there is none
  OwnHome home;
  Approvals& approvals;
  Pauses& pauses;
  std::function<Sync*(const ObjectRef& ref, const Sync& sync)> claimant; // another GitSync that wants to have the object
  std::function<bool(const Sync& sync, const std::string& commit)>
      peers_behind;                                                            // others of its source have not read the commit
  std::function<void()> planned;                                               // somebody has
  std::function<Task<Awaited>(Sync& sync, const std::string& commit)> awaited; // dependencies that are not ready
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
  /// The source has another revision or error. False where nothing of it is touched, so that nothing is to be done.
  bool source_changed();
  /// News of one of its objects, from the drift engine.
  void drift(const DriftReport& report);
  void unapplied() { wake_.set(); }
  void pruned(const ObjectRef& ref);
  void recorded(const ManagedObject& object);
  /// One of its objects as it is now; null: it does not exist. `written`: as a write of ours has left it.
  void live(ManagedObject& object, const nlohmann::json& live, bool written);

  /// The object, which it has never written and may not write, is another GitSync's by now.
  void lost(const ObjectRef& ref);

  const api::Meta& meta() const { return meta_; }
  /// Source "namespace/name", empty where the spec cannot be used or is not allowed.
  std::string source_key() const { return spec_ && allowed_ ? spec_->source_key() : std::string(); }
  std::string path() const { return spec_ ? spec_->spec.path : std::string(); }
  /// Of spec.paths.
  git::Globs trigger_globs() const { return spec_ ? spec_->spec.paths : git::Globs(); }
  /// Whether its manifests or one of its images come from that source ("namespace/name").
  bool follows(const std::string& source_key) const;
  const std::shared_ptr<SyncFacts>& facts() const { return facts_; }
  /// Names "namespace/name" of the GitSyncs that it depends on.
  std::vector<std::string> dependencies() const;
  /// The readyExpr for one of them, "" for none.
  std::string ready_expression(const std::string& dependency) const;
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
  /// There is a new Approval of it, or one less.
  void approvals_changed() {
    approvals_news_ = true;
    handed_over();
  }
  void pauses_changed();
  void dependency_settled() {
    if (held_) wake_.set();
  }
  /// The custom resource of a GitSync that it depends on has changed in any way.
  void dependency_changed(const std::string& name) {
    if (held_by_expression_ && !ready_expression(name).empty()) wake_.set();
  }
  /// True after the finalizer was removed: nothing is left to do.
  bool finished() const { return finished_; }
  std::set<VersionedKind> kinds() const;

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

  // sync_images.cpp: spec.images → tags, and whether registries have them
  struct Images {
    std::string asked; // what they were worked out from
    ImageTags tags;
    std::vector<WantedImage> wanted;
    std::string trigger;          // git::Trees::matches of spec.paths; the commit where they match too much
    std::optional<Error> refused; // what stays so until something of `asked` changes
    std::string key() const;      // of tags and trigger; empty where there are none
  };
  Result<std::string> images_asked(const source::Revision& revision) const;
  Task<Result<std::string>> trigger_of(source::Revision revision, git::Globs globs);
  Task<Result<>> resolve_images(const source::Revision& revision);

  // sync_read.cpp: revision → plan
  struct Read {
    RevisionDelta delta;
    std::string tree;
    std::string spec_key; // of the spec that was read with: it may be edited meanwhile
    std::vector<api::DriftIgnore> ignore;
    int64_t generation = 0;
    Images images;
    std::set<ImageName> used; // of these, what stands in the manifests that were read
  };
  enum class ImagesThere {
    Yes,   // nothing was waited for
    Again, // they came meanwhile: what was planned may be old
    No,    // and that was told; or something else has gone ahead
  };
  Task<ImagesThere> images_there(const source::Revision& revision, const Read& read);
  bool overtaken(const source::Revision& revision, const Read& read) const;
  void report_awaited_images(const source::Revision& revision, const std::vector<WantedImage>& missing);
  void tell_unused_images(const Read& read);
  std::string spec_key_of(const source::Revision& revision) const;
  Task<std::expected<Read, std::vector<Error>>> read(const source::Revision& revision);
  bool accepted(const source::Revision& revision) const;
  bool newer_revision() const;
  bool passed_over();
  bool is_quarantined(const source::Revision& revision) const;
  bool up_to_date(const source::Revision& revision) const;
  Task<bool> attempt(source::Revision revision);
  Task<Awaited> await_dependencies(std::string commit);
  // sync_adoption.cpp: what exists before its first apply
  std::vector<Error> taken_meanwhile(const Plan& plan) const;
  Task<std::vector<Error>> not_to_be_taken(const Plan& plan);
  void adopt(Plan plan, const source::Revision& revision, const Read& read);
  const std::vector<api::DriftIgnore>& ignore_rules() const;
  void rules_changed();

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
  Task<> tell_slow(uint64_t attempt);
  Task<> await_served(GroupKind kind, std::set<std::string> versions);
  Task<Result<>> definitions_served(const std::vector<ObjectRef>& crds);
  std::vector<ObjectRef> pending() const;

  // sync_prune.cpp
  Task<std::vector<Error>> prune();
  bool must_await_peers(const std::string& commit);
  Task<Result<bool>> give_up(ObjectRef ref);
  Task<std::set<ObjectRef>> populated(const Plan& plan);
  Task<std::vector<Error>> release_all(std::vector<ObjectRef> objects);
  Task<std::vector<Error>> delete_all(api::DeletionPolicy policy);
  void report_terminating();
  Task<bool> finalize();
  Task<bool> set_finalizer(bool present);
  void forget(const ObjectRef& ref);

  // sync_pause.cpp: objects that are let go for a while
  std::string paused_text() const;
  bool leaving_now() const;

  // sync_record.cpp: the inventory
  void touch(const ObjectRef& ref);
  Task<Result<>> announce(std::vector<ObjectRef> created);
  bool carried_out() const;
  bool unsaved() const;
  Task<Result<>> save_records();
  Task<Result<>> save();

  // sync_consent.cpp: what has to be asked before a plan is carried out, and when it may be
  Task<bool> let_through(const Plan& plan, const source::Revision& revision, const Read& read);
  std::optional<api::Approval> consent_to(const std::string& digest, std::vector<std::string>& objections);
  Task<Result<std::optional<Error>>> trace(const source::Revision& revision, bool authors);
  Task<bool> set_out(const Read& read, const std::string& digest, const std::optional<api::Approval>& approval);
  void report_unapproved(const PlanCounts& counts, const std::string& digest, const std::vector<std::string>& objections);
  void report_window(const std::optional<std::chrono::sys_seconds>& opens, bool approved);
  void nothing_waits();
  void nobody_asked();
  bool note_waiting(const std::string& digest);
  void note_approvals();
  void look_again(WallTime at);
  Task<> finish_enforced();

  // sync_preview.cpp: what the plan that waits would change
  struct Outline {
    struct Object {
      ObjectRef ref;
      std::string version;
      Body body;
      SharedRules rules;
    };
    std::string digest, revision;
    std::vector<Object> apply;
    std::vector<ObjectRef> prune;
    std::set<std::string> namespaces; // that the plan creates
  };
  void show(const Plan& plan, const std::string& digest, const std::string& revision);
  void hide();
  Task<> preview(std::shared_ptr<const Outline> outline);
  Task<ObjectPreview> preview_of(const Outline::Object& object, const std::set<std::string>& namespaces);
  Task<> drop_preview();

  // sync_health.cpp: how well the objects are
  Task<> watch_health();
  bool all_seen();
  health::Verdict verdict();
  void report_health();
  void judge_enforced();

  void set_health(ManagedObject& object, health::Health health, std::string pods = {});

  // sync_expressions.cpp: CEL
  Task<std::optional<Error>> expressions_problem();
  Task<Result<std::vector<std::string>>> compile(std::vector<api::SpecExpression> expressions);
  const api::HealthCheck* check_of(const ObjectRef& ref) const;
  void inquire(ManagedObject& object, const nlohmann::json& live, bool written);
  Task<> pursue(health::Question question);
  void use_checks(std::vector<api::HealthCheck> checks);
  Task<> look_again(std::vector<ObjectRef> objects);

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
  void report_held(const Awaited& awaited);
  void collect_differences();
  std::string beside_text() const;
  std::string settling_rule(const DriftReport& report) const;
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
  PreviewStore preview_store_;
  Semaphore previewing_;             // one at a time
  std::string previewed_;            // digest of the plan that is shown, or about to be
  InventoryMeta inventory_, stored_; // as it should be, as it was written
  DesiredSet desired_;
  std::vector<std::set<ObjectRef>> chunks_; // which objects each chunk records
  std::set<unsigned> dirty_;
  TaskGroup group_;
  Event wake_, health_news_, image_news_;
  health::Book health_;
  std::map<ObjectRef, api::Pause> paused_;
  PodWatch pods_;
  std::vector<api::HealthCheck> checks_;      // in force: of the last spec whose expressions can be compiled
  std::vector<api::SpecExpression> compiled_; // these were, with
  std::vector<std::string> compile_problems_; // what is wrong with them
  health::Inquiries inquiries_;
  Semaphore asking_;
  ImageWatch image_watch_;
  // Of the revision that was looked at last, and those of which it was told that they stand nowhere.
  Images images_;
  std::set<ImageName> unused_images_;

  Instant ill_since_{};                          // applied, or an object fell ill; none while all are well
  bool seen_ = false;                            // every object was looked at since the start
  bool allowed_ = true;                          // this operator's flags have nothing against the spec
  std::map<ObjectRef, std::string> terminating_; // deleted, and held by these finalizers
  Instant next_look_{};                          // at those
  std::set<ObjectRef> failed_;                   // refused in this pass of apply_pending()
  bool definitions_written_ = false;             // it has created or changed a CRD
  std::set<ObjectRef> claims_;                   // objects of others that the last plan wanted
  std::string planned_commit_;                   // the commit of the last plan, accepted or refused
  bool peers_awaited_ = false;                   // pruning waits until others of its source have read the commit
  Instant peers_since_{};
  HealthySet healthy_set_;
  bool carrying_out_ = false;               // errors that are reported now are those of the adopted revision
  std::optional<std::string> rollback_due_; // why
  Instant adopted_since_{};                 // the present revision was adopted, and is not healthy yet
  bool held_ = false;                       // a revision waits for dependencies
  bool held_by_expression_ = false;         // and only a readyExpr is in the way of one of them
  bool blocked_ = false;                    // objects of the revision wait for the health of others
  bool alone_ = false;      // all is applied, and no revision was fetched since the start: health decides all the same
  Instant blocked_since_{}; // and, where that is so, since when
  Instant attempt_started_{};
  uint64_t attempts_ = 0; // that changed something
  size_t changed_ = 0;    // objects that the revision changes, for telling
  bool settled_ = false;  // all of the revision is applied, and nothing else has a say in Ready
  bool loaded_ = false, finished_ = false;
  bool untold_ = false;         // the inventory has a revision that an earlier process carried out and could not tell of
  std::string handled_request_; // value of requestedAt that was acted on
  std::string refused_commit_;  // not read again before something changes
  std::vector<Window> windows_; // spec.windows with their zones
  bool gated_ = false;          // a plan waits for consent or for a sync window; what was applied before is enforced
  bool approvals_news_ = false; // their states have to be looked at
  Authorship authors_;          // of the plan that was looked at last, where four eyes are asked for
  Instant look_again_{};        // an Approval expires, or a sync window opens
  bool retry_wanted_ = false;
  int failures_ = 0;
  Instant next_attempt_{}, next_sweep_{};
};

} // namespace gitsync::reconcile
