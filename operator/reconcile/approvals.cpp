#include "reconcile/approvals.h"

#include "api/names.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

namespace gitsync::reconcile {
namespace {
using api::ApprovalState;
using nlohmann::json;

std::string collection() { return cat("/apis/", api::api_group_version, "/", api::approval_plural); }
std::string sync_of(const api::Approval& approval) { return api::owner_name(approval.meta.ns, approval.sync); }
} // namespace

Approvals::Approvals(kube::Client& client, asio::any_io_executor executor, std::function<bool()> may_write,
                     std::function<void(const std::string&)> told)
    : client_(client), may_write_(std::move(may_write)), told_(std::move(told)), writing_(executor, 1), marks_(executor),
      watch_(client, {collection(), "", {}}, *this) {}

void Approvals::changed(json object) {
  const std::string key = api::parse_meta(object).key();
  seen_.insert(key);
  auto approval = api::parse_approval(object);
  if (!approval) { // one that slipped past the schema approves nothing
    log::warn("an Approval cannot be used", {{"approval", key}, {"error", approval.error().text()}});
    approvals_.erase(key);
    return;
  }
  if (approval->meta.deleting) return deleted(std::move(object));
  const auto known = approvals_.find(key);
  const bool fresh = known == approvals_.end() || known->second.meta.uid != approval->meta.uid;
  // Our own mark may not have arrived yet.
  if (!fresh && known->second.state == ApprovalState::Released) approval->state = ApprovalState::Released;
  const auto sync = sync_of(*approval);
  approvals_[key] = std::move(*approval);
  if (fresh) told_(sync);
}

void Approvals::deleted(json object) {
  const std::string key = api::parse_meta(object).key();
  seen_.erase(key);
  const auto it = approvals_.find(key);
  if (it == approvals_.end()) return;
  const auto sync = sync_of(it->second);
  approvals_.erase(it);
  told_(sync);
}

void Approvals::synced() {
  std::set<std::string> syncs;
  std::erase_if(approvals_, [&](const auto& entry) {
    if (seen_.contains(entry.first)) return false;
    syncs.insert(sync_of(entry.second));
    return true;
  });
  for (const auto& sync : syncs) told_(sync);
}

std::vector<api::Approval> Approvals::of(const std::string& sync) const {
  std::vector<api::Approval> out;
  for (const auto& [key, approval] : approvals_)
    if (sync_of(approval) == sync) out.push_back(approval);
  return out;
}

void Approvals::note(const api::Approval& approval, ApprovalState state, std::string_view why) {
  const auto it = approvals_.find(approval.meta.key());
  if (it == approvals_.end() || it->second.meta.uid != approval.meta.uid) return;
  auto& known = it->second;
  if (known.state == ApprovalState::Released || (known.told && known.state == state && known.message == why)) return;
  known.state = state;
  known.message = why;
  known.told = true;
  marks_.spawn("mark " + it->first, mark(it->first));
}

Task<Result<>> Approvals::release(std::string sync, std::string plan_digest) {
  std::vector<api::Approval> used;
  for (const auto& approval : of(sync))
    if (approval.plan_digest == plan_digest && approval.state == ApprovalState::Pending) used.push_back(approval);
  if (used.empty()) co_return Result<>{};
  const auto permit = co_await writing_.acquire();
  if (!permit) co_return fail(Code::Cancelled, "no longer wanted");
  for (auto& approval : used) {
    approval.state = ApprovalState::Released;
    approval.message = "the plan was carried out";
    if (auto written = co_await write(approval); !written) co_return written;
    if (const auto it = approvals_.find(approval.meta.key());
        it != approvals_.end() && it->second.meta.uid == approval.meta.uid)
      it->second.state = ApprovalState::Released;
  }
  co_return Result<>{};
}

/// Its status as it stands here. One that is gone needs none.
Task<Result<>> Approvals::write(api::Approval approval) {
  if (!may_write_()) co_return fail(Code::Cancelled, "the lease is no longer ours");
  json patch = {{"metadata", {{"uid", approval.meta.uid}}}, // another one by that name is not meant
                {"status", api::approval_status(approval.state, approval.message, std::chrono::system_clock::now())}};
  auto written =
      co_await client_.patch_raw(cat("/apis/", api::api_group_version, "/namespaces/", approval.meta.ns, "/",
                                     api::approval_plural, "/", approval.meta.name, "/status"),
                                 kube::PatchType::Merge, patch.dump(), cat("fieldManager=", api::operator_field_manager));
  if (!written && written.error().code != Code::ApiNotFound)
    co_return wrap(std::move(written.error()), cat("Approval ", approval.meta.key(), ": cannot write its status"));
  co_return Result<>{};
}

Task<> Approvals::mark(std::string key) {
  const auto permit = co_await writing_.acquire();
  const auto it = approvals_.find(key);
  if (!permit || it == approvals_.end() || it->second.state == ApprovalState::Released) co_return;
  auto written = co_await write(it->second);
  if (!written && written.error().code != Code::Cancelled)
    log::warn("an Approval's status cannot be written", {{"error", written.error().text()}});
}

} // namespace gitsync::reconcile
