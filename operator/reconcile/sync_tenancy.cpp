// As whom the objects are written, and what one tenant cannot keep from another.
#include "api/service_account.h"
#include "base/text.h"
#include "reconcile/sync.h"

namespace gitsync::reconcile {
namespace {
constexpr size_t most_asked = 100; // in one attempt; the rest is asked in the next
} // namespace

/// Whether there is somebody in whose name to write.
bool Sync::may_act() const { return !context_.tenancy.require_service_account || !facts_->account.empty(); }

/// Where the account was refused, perhaps there is none: that is added to the errors. True where that is so.
Task<bool> Sync::explain(std::vector<Error>& errors) {
  const auto forbidden = [](const Error& error) { return error.code == Code::ApiForbidden; };
  if (facts_->account.empty() || std::ranges::none_of(errors, forbidden)) co_return false;
  const auto account = api::parse_service_account_user(facts_->account);
  auto found = co_await context_.kube.get(cat("/api/v1/namespaces/", account.ns, "/serviceaccounts/", account.name));
  if (found || found.error().code != Code::ApiNotFound) co_return false;
  for (auto& error : errors)
    if (forbidden(error))
      error.message += cat("; there is no ServiceAccount ", account.ns, "/", account.name, ": kubectl create serviceaccount ",
                           account.name, " -n ", account.ns);
  co_return true;
}

/// A claim to what its GitSync has never written and may not write is none: otherwise any tenant could keep others from theirs
/// by declaring it first. Where that is so and ours may write it, the object is taken away.
Task<> Sync::take_over(const std::vector<Prepared>& objects) {
  size_t asked = 0;
  for (const auto& wanted : objects) {
    const auto idle_claim = [&]() -> const ManagedObject* {
      const auto* known = context_.table.find(wanted.ref);
      return known && known->sync->account != facts_->account && known->uid.empty() && known->applied.empty() ? known : nullptr;
    };
    const auto* known = idle_claim();
    if (!known) continue;
    if (++asked > most_asked) co_return;
    const std::string holder = known->sync->account;
    const auto theirs = co_await context_.applier.may_write(wanted.ref, holder);
    if (!theirs || *theirs) continue;
    const auto ours = co_await context_.applier.may_write(wanted.ref, facts_->account);
    if (!ours || !*ours) continue;
    known = idle_claim();
    if (known && known->sync->account == holder && known->phase != Phase::Applying) context_.dispossess(wanted.ref);
  }
}

void Sync::lost(const ObjectRef& ref) {
  if (const auto* object = context_.table.find(ref)) {
    if (const auto file = desired_.files.find(object->at.file); file != desired_.files.end()) {
      std::erase(file->second, ref);
      if (file->second.empty()) desired_.files.erase(file);
    }
    if (object->phase != Phase::Removing && !object->content.empty()) desired_.toggle(ref, object->content);
  }
  desired_.ordered.erase(ref);
  std::erase(inventory_.pending, ref);
  forget(ref);
  // Read whole: the plan then says whose it is.
  desired_.tree.clear();
  desired_.commit.clear();
  refused_commit_.clear();
  wake_.set();
}

/// Nobody has ever seen it: our account never wrote it, and the kind's watch shows nothing with our label.
bool Sync::never_made(const ObjectRef& ref) const {
  const auto* object = context_.table.find(ref);
  return object && object->uid.empty() && object->applied.empty() && !object->present &&
         context_.watches.has_shown(object->versioned_kind());
}

} // namespace gitsync::reconcile
