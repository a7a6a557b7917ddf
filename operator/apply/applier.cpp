#include "apply/applier.h"

#include "api/names.h"
#include "api/service_account.h"
#include "base/json_read.h"
#include "base/log.h"
#include "base/text.h"
#include "object/co_owners.h"
#include "object/resource_version.h"

namespace gitsync {
namespace {
using nlohmann::json;

std::string metadata_text(const json& object, const char* name) { return read_text(read_member(object, "metadata"), name); }

/// A key as a step of a JSON pointer.
std::string escape_pointer(std::string_view key) {
  std::string out;
  for (const char c : key) out += c == '/' ? "~1" : c == '~' ? "~0" : std::string(1, c);
  return out;
}

/// "Deployment.apps shop/api (apps/api.yaml:3)"
std::string named(const ManagedObject& object) {
  return object.at.file.empty() ? object.ref.text() : cat(object.ref.text(), " (", object.at.text(), ")");
}

/// An error of a request that was sent as the account of that GitSync.
std::unexpected<Error> refused(Error error, const std::string& who, const ObjectRef& ref, const SyncFacts& sync) {
  return wrap(api::with_grant(std::move(error), sync.account, ref.ns), who);
}

/// What gives an object up: our label, annotation and managedFields entry go, or become another GitSync's, so that its first
/// apply removes what only we have declared. Empty where it is not ours (any more).
json release_patch(const json& live, const SyncFacts& from, const SyncFacts* to) {
  const auto& metadata = live.at("metadata");
  const json labels = metadata.value("labels", json::object()), annotations = metadata.value("annotations", json::object());
  json patch = json::array();
  if (labels.value(std::string(api::owner_label_key), "") != from.label) return patch;
  const auto pointer = [](std::string_view map, std::string_view key) {
    return cat("/metadata/", map, "/", escape_pointer(key));
  };
  const auto change = [&](std::string path, const std::string& value) {
    if (to)
      patch.push_back({{"op", "replace"}, {"path", std::move(path)}, {"value", value}});
    else
      patch.push_back({{"op", "remove"}, {"path", std::move(path)}});
  };
  change(pointer("labels", api::owner_label_key), to ? to->label : std::string());
  if (annotations.contains(api::owner_annotation_key))
    change(pointer("annotations", api::owner_annotation_key), to ? to->owner : std::string());
  json fields = json::array();
  for (auto entry : metadata.value("managedFields", json::array())) {
    if (entry.value("manager", "") == from.manager) {
      if (!to) continue;
      entry["manager"] = to->manager;
    }
    fields.push_back(std::move(entry));
  }
  if (fields.empty()) fields.push_back(json::object()); // the server's way of saying: none
  patch.push_back({{"op", "replace"}, {"path", "/metadata/managedFields"}, {"value", fields}});
  patch.push_back(
      {{"op", "replace"}, {"path", "/metadata/resourceVersion"}, {"value", metadata_text(live, "resourceVersion")}});
  return patch;
}

} // namespace

Applier::Applier(kube::Client& client, kube::Discovery& discovery, ObjectTable& table, const asio::any_io_executor& executor,
                 Options options)
    : client_(client), discovery_(discovery), table_(table), options_(std::move(options)),
      in_flight_(executor, options_.in_flight) {}

Result<const kube::Resource*> Applier::resource(const ObjectRef& ref, const std::string& version) const {
  const auto* found = discovery_.map().find(ref.group, version, ref.kind);
  if (!found)
    found = discovery_.map().find(ref.group_kind()); // a version that is no longer served: the same object in another one
  if (!found) return fail(Code::UnknownKind, cat(ref.text(), ": the API server does not serve this kind"), Retry::Backoff);
  return found;
}

Task<Result<Applier::Outcome>> Applier::apply(ObjectRef ref, Priority priority) {
  ManagedObject* object = table_.find(ref);
  if (!object) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
  const auto permit = co_await in_flight_.acquire(object->sync->owner, priority);
  object = table_.find(ref);
  if (!permit || !object) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
  if (options_.may_write && !options_.may_write())
    co_return fail(Code::Cancelled, cat(ref.text(), ": the lease is no longer ours"));
  const auto* resource_found = discovery_.map().find(ref.group, object->version, ref.kind);
  if (!resource_found)
    co_return fail(Code::UnknownKind, cat(named(*object), ": the API server does not serve ", object->version, " of this kind"),
                   Retry::Backoff);

  const auto written = std::make_shared<Event>(co_await asio::this_coro::executor);
  writing_[ref] = written;
  struct Done { // also when this coroutine is cancelled
    Applier& self;
    const ObjectRef& ref;
    std::shared_ptr<Event> event;
    ~Done() {
      if (const auto it = self.writing_.find(ref); it != self.writing_.end() && it->second == event) self.writing_.erase(it);
      event->set();
    }
  } done{*this, ref, written};
  const auto sync = object->sync;
  const Phase before = object->phase;
  const Digest content = object->content;
  object->phase = Phase::Applying;
  Sent sent;
  Outcome outcome;
  auto answer = co_await send(ref, sent, outcome);
  object = table_.find(ref);
  if (!object || object->sync != sync) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
  const bool removing = object->phase == Phase::Removing; // became undeclared meanwhile
  if (!removing) object->phase = before;
  const auto tell = [&] {
    if (told_) told_(*object);
  };
  if (!answer) {
    auto error = refused(std::move(answer.error()), named(*object), ref, *object->sync);
    tell();
    co_return error;
  }
  const json live = json::parse(answer->body, nullptr, false);
  if (!live.is_object()) {
    tell();
    co_return fail(Code::ApiServerError, cat(ref.text(), ": the answer to an apply is not an object"), Retry::Backoff);
  }
  const std::string uid = metadata_text(live, "uid");
  const uint64_t version = version_of(live);
  const bool was_sent = !sent.body.empty();
  const bool theirs = !was_sent && !apply_entry(live, object->sync->manager); // made by somebody else, and never ours to delete
  outcome.created = was_sent && uid != object->uid;
  outcome.changed = was_sent && (version != object->resource_version || version == 0);
  outcome.deleting = !metadata_text(live, "deletionTimestamp").empty();
  object->empties.clear();
  if (sent.body.find("{}") != std::string::npos) // only then can there be any
    object->empties = empty_declarations(live, object->sync->manager, json::parse(sent.body, nullptr, false));
  if (auto mine = ownership(live, object->sync->manager, object->sync->salt, object->empties)) {
    object->owned = mine->digest;
    object->foreign = std::move(mine->foreign);
    object->foreign_known = true;
  }
  if (was_sent && (answer->created || object->uid != uid)) object->created = answer->created;
  object->co_owned = has_co_owner(live, object->sync->manager);
  object->uid = theirs ? std::string() : uid;
  object->resource_version = version;
  object->present = true;
  object->applied = content;
  if (!removing)
    object->phase = object->content != content ? Phase::Pending : outcome.deleting ? Phase::Deleting : Phase::Settled;
  if (live_) live_(*object, live);
  tell();
  // Our first write to an object without managedFields made the server invent an owner of everything: what git removes would
  // stay.
  if (answer->body.find("before-first-apply") != std::string::npos)
    if (const auto fields = without_wiped_owner(live))
      if (auto fixed = co_await set_managed_fields(ref, live, *fields); !fixed)
        log::debug("ownership was not cleaned", {{"object", ref.text()}, {"error", fixed.error().text()}});
  co_return outcome;
}

Task<Result<json>> Applier::dry_run(ObjectRef ref, std::string version, std::string body,
                                    std::shared_ptr<const SyncFacts> sync) {
  const auto permit = co_await in_flight_.acquire(sync->owner, Priority::Patient);
  if (!permit || (options_.may_write && !options_.may_write()))
    co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
  const auto* found = discovery_.map().find(ref.group, version, ref.kind);
  if (!found)
    co_return fail(Code::UnknownKind, cat(ref.text(), ": the API server does not serve ", version, " of this kind"),
                   Retry::Backoff);
  auto answer =
      co_await client_.apply(found->path(ref.ns, ref.name), std::move(body),
                             cat("dryRun=All&fieldManager=", url_encode(sync->manager), "&force=true"), sync->account);
  if (!answer) co_return refused(std::move(answer.error()), ref.text(), ref, *sync);
  co_return json::parse(answer->body, nullptr, false);
}

Task<Result<>> Applier::remove(ObjectRef ref, std::string uid) {
  const ManagedObject* object = table_.find(ref);
  if (!object) co_return Result<>{};
  const auto sync = object->sync;
  const auto permit = co_await in_flight_.acquire(sync->owner, Priority::Patient);
  object = table_.find(ref);
  if (!permit) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
  if (!object || object->sync != sync) co_return Result<>{}; // the watch was faster, or it is somebody else's by now
  if (options_.may_write && !options_.may_write())
    co_return fail(Code::Cancelled, cat(ref.text(), ": the lease is no longer ours"));
  const auto found = resource(ref, object->version);
  if (!found) co_return std::unexpected(found.error());
  auto removed = co_await client_.remove((*found)->path(ref.ns, ref.name), std::move(uid), sync->account);
  if (!removed && removed.error().code == Code::ApiNotFound) co_return Result<>{};
  if (!removed) co_return refused(std::move(removed.error()), ref.text(), ref, *sync);
  co_return Result<>{};
}

bool Applier::serves(const VersionedKind& kind) const {
  return discovery_.map().find(kind.group, kind.version, kind.kind) != nullptr;
}

Task<> Applier::idle(ObjectRef ref) {
  for (auto it = writing_.find(ref); it != writing_.end(); it = writing_.find(ref)) {
    const auto event = it->second;
    if (!co_await event->wait()) co_return;
  }
}

Task<Result<json>> Applier::read(ObjectRef ref, std::shared_ptr<const SyncFacts> as) {
  const ManagedObject* object = table_.find(ref);
  if (!object && !as) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
  const auto sync = as ? as : object->sync;
  const auto found = resource(ref, object ? object->version : "");
  if (!found) co_return std::unexpected(found.error());
  auto live = co_await client_.get((*found)->path(ref.ns, ref.name), sync->account);
  if (!live) co_return refused(std::move(live.error()), ref.text(), ref, *sync);
  co_return std::move(*live);
}

Task<Result<json>> Applier::set_managed_fields(ObjectRef ref, const json& live, const json& managed_fields,
                                               bool drop_last_applied) {
  const ManagedObject* object = table_.find(ref);
  if (!object) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
  const auto sync = object->sync;
  const auto found = resource(ref, object->version);
  if (!found) co_return std::unexpected(found.error());
  if (options_.may_write && !options_.may_write())
    co_return fail(Code::Cancelled, cat(ref.text(), ": the lease is no longer ours"));
  // Replacing the resourceVersion by the one that was read makes the server refuse with 409 where somebody wrote since.
  json patch = {{{"op", "replace"}, {"path", "/metadata/managedFields"}, {"value", managed_fields}},
                {{"op", "replace"}, {"path", "/metadata/resourceVersion"}, {"value", metadata_text(live, "resourceVersion")}}};
  if (drop_last_applied)
    patch.push_back({{"op", "remove"}, {"path", cat("/metadata/annotations/", escape_pointer(last_applied_annotation))}});
  auto answer = co_await client_.patch_raw((*found)->path(ref.ns, ref.name), kube::PatchType::Json, patch.dump(),
                                           cat("fieldManager=", url_encode(api::operator_field_manager)), sync->account);
  if (!answer) co_return refused(std::move(answer.error()), ref.text(), ref, *sync);
  co_return json::parse(*answer, nullptr, false);
}

Task<Result<>> Applier::release(ObjectRef ref, std::shared_ptr<const SyncFacts> to) {
  const ManagedObject* object = table_.find(ref);
  if (!object) co_return Result<>{};
  const auto sync = object->sync;
  const auto found = resource(ref, object->version);
  if (!found) co_return std::unexpected(found.error());
  const std::string path = (*found)->path(ref.ns, ref.name);
  for (int attempt = 0;; ++attempt) {
    const auto permit = co_await in_flight_.acquire(sync->owner, Priority::Patient);
    if (!permit || (options_.may_write && !options_.may_write()))
      co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
    auto live = co_await client_.get(path, sync->account);
    if (!live && live.error().code == Code::ApiNotFound) co_return Result<>{};
    if (!live) co_return refused(std::move(live.error()), ref.text(), ref, *sync);
    const json patch = release_patch(*live, *sync, to.get());
    if (patch.empty()) co_return Result<>{};
    auto answer = co_await client_.patch_raw(path, kube::PatchType::Json, patch.dump(),
                                             cat("fieldManager=", url_encode(api::operator_field_manager)), sync->account);
    if (answer || answer.error().code == Code::ApiNotFound) co_return Result<>{};
    if (answer.error().code != Code::ApiConflict || attempt == 5)
      co_return refused(std::move(answer.error()), ref.text(), ref, *sync);
  }
}

Task<Result<Applier::Owned>> Applier::owned(ObjectRef ref) {
  const ManagedObject* object = table_.find(ref);
  if (!object) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
  const auto sync = object->sync;
  const auto found = resource(ref, object->version);
  if (!found) co_return std::unexpected(found.error());
  auto live = co_await client_.get((*found)->path(ref.ns, ref.name), sync->account);
  if (!live && live.error().code == Code::ApiNotFound) co_return Owned{};
  if (!live) co_return refused(std::move(live.error()), ref.text(), ref, *sync);
  const json::json_pointer at("/metadata/labels");
  const json labels = live->contains(at) ? (*live)[at] : json::object();
  const bool labelled = labels.is_object() && labels.value(std::string(api::owner_label_key), "") == sync->label;
  // A label can be copied; the ownership of fields is recorded by the server for who applied.
  if (!labelled || !apply_entry(*live, sync->manager)) co_return Owned{};
  Owned out{metadata_text(*live, "uid"), {}};
  for (const auto& finalizer : read_member(read_member(*live, "metadata"), "finalizers"))
    if (finalizer.is_string()) out.finalizers.push_back(finalizer.get<std::string>());
  co_return out;
}

Task<Result<bool>> Applier::may_write(ObjectRef ref, std::string account) {
  if (account.empty()) co_return true;
  const auto found = resource(ref, "");
  if (!found) co_return std::unexpected(found.error());
  const json review = {{"apiVersion", "authorization.k8s.io/v1"},
                       {"kind", "SelfSubjectAccessReview"},
                       {"spec",
                        {{"resourceAttributes",
                          {{"verb", "patch"},
                           {"group", (*found)->group},
                           {"resource", (*found)->plural},
                           {"namespace", ref.ns},
                           {"name", ref.name}}}}}};
  auto answer = co_await client_.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, account);
  if (!answer) co_return wrap(api::with_grant(std::move(answer.error()), account, ref.ns), ref.text());
  const auto& allowed = read_member(read_member(*answer, "status"), "allowed");
  co_return allowed.is_boolean() && allowed.get<bool>();
}

} // namespace gitsync
