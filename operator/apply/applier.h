// One object → the API server, by server-side apply; and what the answer says about it.
#pragma once
#include "kube/discovery.h"
#include "plan/adoption.h"
#include "plan/managed_object.h"
#include "runtime/event.h"
#include "runtime/fair_semaphore.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gitsync {

/// Control thread only. All writes to managed objects go through here, so that there is one limit, one fence, and turns between
/// the GitSyncs (runtime/turns.h). Every request is sent as the account of the object's GitSync (SyncFacts::account); what that
/// may not do is ApiForbidden, and says what grants it.
class Applier {
public:
  struct Options {
    size_t in_flight = 32;           // writes at once; the server's own fairness does the rest (no client-side rate)
    std::function<bool()> may_write; // the lease is certainly ours; asked right before every write
  };
  Applier(kube::Client& client, kube::Discovery& discovery, ObjectTable& table, const asio::any_io_executor& executor,
          Options options);

  /// Told after every write that was answered, with the object as it is now known.
  void on_applied(std::function<void(ManagedObject&)> told) { told_ = std::move(told); }

  /// Told with the live object that each answer shows, after what is known of it was brought up to date.
  void on_live(std::function<void(ManagedObject&, const nlohmann::json& live)> told) { live_ = std::move(told); }

  struct Outcome {
    bool created = false;   // the object did not exist: it has another UID than before, or had none
    bool changed = false;   // the write changed something (resourceVersion moved)
    bool deleting = false;  // it exists, but somebody is deleting it
    bool recreated = false; // it could not be changed in place, and was deleted and made anew
  };
  /// Applies the object's present body and keeps what the answer shows. While it runs the phase is Applying; after it Settled,
  /// Deleting, or (an error) what it was before, so that the caller decides. The object may be gone from the table afterwards.
  Task<Result<Outcome>> apply(ObjectRef ref, Priority priority = Priority::Patient);

  /// What the object would be like after such an apply; nothing is written, and nothing here changes.
  Task<Result<nlohmann::json>> dry_run(ObjectRef ref, std::string version, std::string body,
                                       std::shared_ptr<const SyncFacts> sync);

  /// Whether the API server serves the kind in that version, as far as is known.
  bool serves(const VersionedKind& kind) const;

  /// Returns when no write to the object is under way.
  Task<> idle(ObjectRef ref);

  /// Gives an object up without deleting it: our label, annotation and ownership go, or become those of `to`; nothing else
  /// changes.
  Task<Result<>> release(ObjectRef ref, std::shared_ptr<const SyncFacts> to = {});

  /// Deletes the object if its UID is still the known one. Errors as kube::Client::remove; a missing object is done.
  Task<Result<>> remove(ObjectRef ref, std::string uid);

  /// The live object, read as that GitSync's account, or as that of the one that manages it.
  Task<Result<nlohmann::json>> read(ObjectRef ref, std::shared_ptr<const SyncFacts> as = {});

  /// The metadata of those of the objects that exist. Where many are asked for of one kind in one namespace they are listed,
  /// else looked at one by one, 16 at a time. A kind that isn't served has no objects.
  /// What the account may neither see nor write is left out: its apply tells.
  Task<Result<std::map<ObjectRef, nlohmann::json>>> look_at(std::vector<ObjectRef> refs, std::shared_ptr<const SyncFacts> as);

  /// Whether that object of another tool exists and is at work (OtherOwner's witness, plan/adoption.h); where it cannot be
  /// looked at, it is.
  Task<bool> at_work(OtherOwner owner);

  /// Replaces metadata.managedFields if nobody has written since `live` was read; on request kubectl's annotation goes as well.
  /// Returns the object as it is then.
  Task<Result<nlohmann::json>> set_managed_fields(ObjectRef ref, const nlohmann::json& live,
                                                  const nlohmann::json& managed_fields, bool drop_last_applied = false);

  /// The live object if it carries our label and we own fields of it, else an empty UID.
  struct Owned {
    std::string uid;
    std::vector<std::string> finalizers;
  };
  Task<Result<Owned>> owned(ObjectRef ref);

  /// Whether that account may patch an object of that identity; asked of the API server (SelfSubjectAccessReview). The operator
  /// itself is not asked about: yes.
  Task<Result<bool>> may_write(ObjectRef ref, std::string account);

private:
  // applier_body.cpp: what is sent where the object's rules have a say in it
  struct Sent {
    std::string body;    // empty: nothing is sent, since the object exists and is made only once
    bool whole = true;   // it has the fields that are ignored: they are given up afterwards
    bool looked = true;  // at the live object
    nlohmann::json live; // where nothing is sent
  };
  Task<Result<Sent>> compose(ObjectRef ref, bool look);
  Task<Result<nlohmann::json>> disown_ignored(ObjectRef ref, nlohmann::json live);
  Task<Result<>> own_alone(ObjectRef ref);
  Task<Result<>> make_room(ObjectRef ref, const std::string& body);
  Task<Result<kube::Client::Applied>> send(ObjectRef ref, Sent& sent, Outcome& outcome);

  Result<const kube::Resource*> resource(const ObjectRef& ref, const std::string& version) const;

  kube::Client& client_;
  kube::Discovery& discovery_;
  ObjectTable& table_;
  Options options_;
  FairSemaphore in_flight_;
  std::function<void(ManagedObject&)> told_;
  std::function<void(ManagedObject&, const nlohmann::json&)> live_;
  std::map<ObjectRef, std::shared_ptr<Event>> writing_;
};

} // namespace gitsync
