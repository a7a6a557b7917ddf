// Sees that an object has left its declared state, and puts it back.
#pragma once
#include "apply/applier.h"
#include "drift/heat.h"
#include "drift/judge.h"
#include "drift/watch_hub.h"
#include "object/ownership.h"
#include "plan/managed_object.h"
#include "runtime/task_group.h"

#include <functional>
#include <map>
#include <set>
#include <string_view>

namespace gitsync {

/// What became of one drift, for status, Events and metrics.
struct DriftReport {
  enum class Outcome {
    Detected,  // seen; in Report mode that is all
    Corrected, // undone
    Failed,    // the correction was refused; it is tried again
    Settled,   // somebody else put it back, or it became what git wants
    Beside,    // others added fields that git does not declare, or took them away again; only reported
  } outcome = Outcome::Detected;
  std::shared_ptr<const SyncFacts> sync;
  ObjectRef ref;
  std::string_view operation; // api::operation::…
  Culprit culprit;
  double milliseconds = 0; // event received → correcting write answered
  bool fighting = false;
  std::string error;
};

/// Control thread only. Holds nothing of an object but what ObjectTable has and, while a write is under way, its latest event.
class DriftEngine final : public LiveObjects {
public:
  DriftEngine(ObjectTable& table, Applier& applier, const asio::any_io_executor& executor);

  void on_report(std::function<void(const DriftReport&)> told) { told_ = std::move(told); }
  /// An object whose watch has shown it for the first time after a restart, not yet applied as it is declared now.
  void on_unapplied(std::function<void(const ManagedObject&)> told) { unapplied_ = std::move(told); }
  /// The object is known to be gone while it was to be pruned.
  void on_pruned(std::function<void(const ObjectRef&)> told) { pruned_ = std::move(told); }
  /// The UID of an object changed by a correction: its inventory record is out of date.
  void on_recorded(std::function<void(const ManagedObject&)> told) { recorded_ = std::move(told); }

  /// A managed object as its watch shows it now, whoever changed it and whatever of it; nothing that is older than what is
  /// known.
  void on_live(std::function<void(ManagedObject&, const nlohmann::json& live)> told) { live_ = std::move(told); }

  void kind_restarted(const VersionedKind& kind) override;
  bool live_skip(const VersionedKind& kind, const kube::EventHeader& header, std::string_view line) override;
  void live_changed(const VersionedKind& kind, nlohmann::json object) override;
  void live_deleted(const VersionedKind& kind, nlohmann::json object) override;
  void kind_synced(const VersionedKind& kind) override;

  /// Applier::on_applied: judges what the watch said during the write.
  void applied(ManagedObject& object);
  /// Forgets what is kept beside the table.
  void forget(const ObjectRef& ref);
  /// Waits until the watch has shown the CustomResourceDefinition as Established.
  Task<bool> established(ObjectRef crd, std::chrono::steady_clock::duration limit);
  /// An object that is as declared: did others add something beside it? After each write, and for each event.
  void look_beside(ManagedObject& object, const nlohmann::json& live);

  /// What is known of an object that differs.
  struct Difference {
    ObjectRef ref;
    std::string_view operation; // api::operation::…
    Culprit culprit;
  };
  /// The objects of a GitSync that differ now.
  std::vector<Difference> drifted(const SyncFacts& sync) const;
  size_t count_drifted(const SyncFacts& sync) const;
  /// The objects of a GitSync that have fields of others beside what is declared, where that is only reported.
  std::vector<Difference> extended(const SyncFacts& sync) const;
  /// drift.mode, drift.undeclared or suspend changed: takes up what lies drifted.
  void mode_changed(const std::shared_ptr<const SyncFacts>& sync);
  /// A Pause of the object has ended: the same for it alone.
  void resume(ManagedObject& object);

  void stop() { corrections_.stop(); }
  Task<> wait() { return corrections_.wait(); }

private:
  bool is_shown_by(const VersionedKind& kind, const ManagedObject& object) const;
  ManagedObject* find(const VersionedKind& kind, const ObjectRef& ref) const;
  struct Parked {
    nlohmann::json object;
    bool deleted = false;
    std::string line; // an event not read yet, instead of object
    uint64_t version = 0;
  };
  void consider(ManagedObject& object, nlohmann::json live);
  void consider_gone(ManagedObject& object, const nlohmann::json& last);
  void drifted(ManagedObject& object, std::string_view operation, nlohmann::json live);
  Task<bool> claim(ObjectRef ref, std::string_view operation, nlohmann::json& live, Leftovers leftovers, Culprit& culprit);
  Task<> correct(ObjectRef ref, std::string_view operation, nlohmann::json live, Instant seen);
  void tell(DriftReport report) {
    if (told_) told_(report);
  }

  ObjectTable& table_;
  Applier& applier_;
  asio::any_io_executor executor_;
  TaskGroup corrections_;
  std::map<ObjectRef, Parked> parked_; // only objects in Phase::Applying
  std::map<ObjectRef, Heat> heat_;     // only objects that were corrected of late
  struct Open {
    std::string_view operation;
    Culprit culprit;
  };
  std::map<ObjectRef, Open> open_;      // drifted and not put back yet
  std::map<ObjectRef, Culprit> beside_; // only where additions are reported
  std::map<ObjectRef, std::shared_ptr<Event>> waiting_established_;
  std::function<void(const DriftReport&)> told_;
  std::function<void(const ManagedObject&)> unapplied_, recorded_;
  std::function<void(const ObjectRef&)> pruned_;
  std::function<void(ManagedObject&, const nlohmann::json&)> live_;
};

} // namespace gitsync
