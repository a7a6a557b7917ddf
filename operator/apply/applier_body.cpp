// What is sent where an object's rules (plan/object_rules.h) have a say in it.
#include "apply/applier.h"
#include "base/json_read.h"
#include "base/text.h"
#include "object/co_owners.h"
#include "object/ownership.h"

namespace gitsync {
namespace {

using nlohmann::json;

constexpr int tries = 5;                          // against others who write at the same time
constexpr std::chrono::seconds patience{30};      // for a deleted object's finalizers
constexpr std::string_view trial_suffix = "-dry"; // of the name under which a new object is tried

/// managedFields in which our entry has none of the ignored fields; nothing where it has none now.
std::optional<json> without_ignored(const json& live, const SyncFacts& sync, const ObjectRules& rules) {
  const json* all = fields_v1::managed_fields(live);
  if (!all) return {};
  json kept = json::array();
  bool any = false;
  for (json entry : *all) {
    if (fields_v1::ours(entry, sync.manager) && fields_v1::fields_of(entry)) {
      for (const auto& pattern : rules.ignored) any |= pattern.disown(entry["fieldsV1"], live);
      if (entry["fieldsV1"].empty()) continue;
    }
    kept.push_back(std::move(entry));
  }
  if (!any) return {};
  if (kept.empty()) kept.push_back(json::object()); // the server's way of saying: none
  return kept;
}

} // namespace

/// `look`: also where what we know of the object would do.
Task<Result<Applier::Sent>> Applier::compose(ObjectRef ref, bool look) {
  for (int attempt = 1;; ++attempt) {
    const ManagedObject* object = table_.find(ref);
    if (!object) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
    const auto rules = object->rules;
    const auto sync = object->sync;
    Sent out;
    out.body = object->body.json();
    out.looked = false;
    if (!rules || !rules->shapes_body()) co_return out;
    json body = json::parse(out.body, nullptr, false);
    const auto shape = [&](const json* live, const std::string& uid) {
      leave_out(body, live, sync->manager, rules);
      body["metadata"]["uid"] = uid; // the server refuses it with 409 where that object is gone: it would lack what is left out
      out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
      out.whole = false;
    };
    const bool known = object->applied == object->content && !object->uid.empty();
    if (!look && known && !rules->once && rules->managers.empty()) {
      shape(nullptr, object->uid);
      co_return out;
    }
    out.looked = true;
    const auto found = resource(ref, object->version);
    if (!found) co_return std::unexpected(found.error());
    auto live = co_await client_.get((*found)->path(ref.ns, ref.name), sync->account);
    if (!live && live.error().code == Code::ApiNotFound) co_return out; // made whole
    if (!live) co_return std::unexpected(std::move(live.error()));
    if (rules->once) {
      out.body.clear();
      out.whole = false;
      out.live = std::move(*live);
      co_return out;
    }
    if (const auto fields = without_ignored(*live, *sync, *rules)) { // else the apply would remove what is ours alone
      auto given_up = co_await set_managed_fields(ref, *live, *fields);
      if (!given_up && given_up.error().code == Code::ApiConflict && attempt < tries) continue;
      if (!given_up) co_return std::unexpected(std::move(given_up.error()));
      live = std::move(*given_up);
    }
    shape(&*live, read_text(read_member(*live, "metadata"), "uid"));
    co_return out;
  }
}

/// A new object's ignored fields are nobody's from here on.
Task<Result<json>> Applier::disown_ignored(ObjectRef ref, json live) {
  for (int attempt = 1;; ++attempt) {
    const ManagedObject* object = table_.find(ref);
    if (!object || !object->rules) co_return live;
    const auto fields = without_ignored(live, *object->sync, *object->rules);
    if (!fields) co_return live;
    auto given_up = co_await set_managed_fields(ref, live, *fields);
    if (given_up || given_up.error().code != Code::ApiConflict || attempt == tries) co_return given_up;
    auto fresh = co_await read(ref);
    if (!fresh) co_return fresh;
    live = std::move(*fresh);
  }
}

/// Who declared the object before us lets go of what is ours, so that what a new body no longer names really goes.
Task<Result<>> Applier::own_alone(ObjectRef ref) {
  for (int attempt = 1;; ++attempt) {
    auto live = co_await read(ref);
    if (!live && live.error().code == Code::ApiNotFound) co_return Result<>{};
    if (!live) co_return std::unexpected(std::move(live.error()));
    const ManagedObject* object = table_.find(ref);
    const auto alone = object
                           ? without_co_owners(*live, object->sync->manager, json::parse(object->body.json(), nullptr, false))
                           : std::nullopt;
    if (!alone) co_return Result<>{};
    auto written = co_await set_managed_fields(ref, *live, alone->managed_fields, alone->drop_last_applied);
    if (written) co_return Result<>{};
    if (written.error().code != Code::ApiConflict || attempt == tries) co_return std::unexpected(std::move(written.error()));
  }
}

/// Deletes an object that cannot be changed in place, after the server has said that it would take the new one.
Task<Result<>> Applier::make_room(ObjectRef ref, const std::string& body) {
  const ManagedObject* object = table_.find(ref);
  if (!object) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
  const auto account = object->sync->account;
  const auto found = resource(ref, object->version);
  if (!found) co_return std::unexpected(found.error());
  const std::string path = (*found)->path(ref.ns, ref.name), collection = (*found)->path(ref.ns);
  json trial = json::parse(body, nullptr, false);
  trial["metadata"]["name"] = cat(ref.name.substr(0, 50), trial_suffix);
  trial["metadata"].erase("uid");
  auto tried = co_await client_.create(cat(collection, "?dryRun=All"), trial, account);
  if (!tried)
    co_return wrap(std::move(tried.error()), "it is not deleted and made anew, since the server would not take the new one");
  auto live = co_await client_.get(path, account);
  if (!live && live.error().code == Code::ApiNotFound) co_return Result<>{};
  if (!live) co_return std::unexpected(std::move(live.error()));
  if (options_.may_write && !options_.may_write())
    co_return fail(Code::Cancelled, cat(ref.text(), ": the lease is no longer ours"));
  const std::string uid = read_text(read_member(*live, "metadata"), "uid");
  auto removed = co_await client_.remove(path, uid, account);
  if (!removed && removed.error().code != Code::ApiNotFound) co_return removed;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (auto pause = std::chrono::milliseconds(10);; pause = std::min(pause * 2, std::chrono::milliseconds(1'000))) {
    auto now = co_await client_.get(path, account);
    if (!now && now.error().code == Code::ApiNotFound) co_return Result<>{};
    if (now && read_text(read_member(*now, "metadata"), "uid") != uid) co_return Result<>{};
    if (std::chrono::steady_clock::now() >= deadline)
      co_return fail(Code::Timeout, cat("was deleted to be made anew, and its finalizers still hold it after ",
                                        patience.count(), " s: look at metadata.finalizers"));
    co_await sleep_for(pause);
  }
}

/// The apply itself. The object's phase is Applying.
Task<Result<kube::Client::Applied>> Applier::send(ObjectRef ref, Sent& sent, Outcome& outcome) {
  if (const ManagedObject* object = table_.find(ref); object && object->co_owned && object->applied != object->content)
    if (auto alone = co_await own_alone(ref); !alone) co_return std::unexpected(std::move(alone.error()));
  for (int attempt = 1;; ++attempt) {
    auto composed = co_await compose(ref, attempt > 1);
    if (!composed) co_return std::unexpected(std::move(composed.error()));
    sent = std::move(*composed);
    const ManagedObject* object = table_.find(ref);
    if (!object) co_return fail(Code::Cancelled, cat(ref.text(), ": no longer wanted"));
    const auto sync = object->sync;
    kube::Client::Applied out;
    if (sent.body.empty()) {
      out.body = sent.live.dump(-1, ' ', false, json::error_handler_t::replace);
      co_return out;
    }
    const auto* found = discovery_.map().find(ref.group, object->version, ref.kind);
    if (!found)
      co_return fail(Code::UnknownKind, cat("the API server does not serve ", object->version, " of this kind"),
                     Retry::Backoff);
    const bool recreate = object->rules && object->rules->recreate && !outcome.recreated;
    const bool ignores = object->rules && !object->rules->ignored.empty();
    auto answer = co_await client_.apply(found->path(ref.ns, ref.name), sent.body,
                                         cat("fieldManager=", url_encode(sync->manager), "&force=true"), sync->account);
    if (answer && (!sent.whole || !ignores)) co_return std::move(*answer);
    if (answer) {
      out.created = answer->created;
      json live = json::parse(answer->body, nullptr, false);
      auto given_up = co_await disown_ignored(ref, std::move(live));
      if (!given_up) co_return std::unexpected(std::move(given_up.error()));
      out.body = given_up->dump(-1, ' ', false, json::error_handler_t::replace);
      co_return out;
    }
    if (answer.error().code == Code::ApiConflict && !sent.whole && attempt < tries)
      continue; // it is gone, or another one by now
    if (answer.error().code != Code::ApiInvalid || !recreate) co_return std::unexpected(std::move(answer.error()));
    if (auto room = co_await make_room(ref, sent.body); !room) {
      answer.error().message += cat("; ", room.error().message);
      co_return std::unexpected(std::move(answer.error()));
    }
    outcome.recreated = true;
  }
}

} // namespace gitsync
