#include "reconcile/approvals.h"

#include "api/names.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

namespace gitsync::reconcile {
namespace {
using nlohmann::json;
std::string collection() { return cat("/apis/", api::api_group_version, "/", api::approval_plural); }
} // namespace

Approvals::Approvals(kube::Client& client, asio::any_io_executor executor, std::function<bool()> may_write,
                     std::function<void(const std::string&)> told)
    : client_(client), may_write_(std::move(may_write)), told_(std::move(told)), marks_(std::move(executor)),
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
  const bool fresh = !approvals_.contains(key);
  if (!fresh) approval->released |= approvals_[key].released; // our own mark may not have arrived yet
  auto& known = approvals_[key] = std::move(*approval);
  if (known.meta.deleting)
    approvals_.erase(key);
  else if (fresh)
    told_(api::owner_name(known.meta.ns, known.sync));
}

void Approvals::deleted(json object) {
  const std::string key = api::parse_meta(object).key();
  seen_.erase(key);
  approvals_.erase(key);
}

void Approvals::synced() {
  std::erase_if(approvals_, [&](const auto& entry) { return !seen_.contains(entry.first); });
}

std::optional<api::Approval> Approvals::find(const std::string& sync, const std::string& plan_digest) const {
  for (const auto& [key, approval] : approvals_)
    if (!approval.released && approval.plan_digest == plan_digest && api::owner_name(approval.meta.ns, approval.sync) == sync)
      return approval;
  return {};
}

void Approvals::released(const api::Approval& approval) {
  for (auto& [key, other] : approvals_) // all of that plan: consent is for once
    if (other.meta.ns == approval.meta.ns && other.sync == approval.sync && other.plan_digest == approval.plan_digest &&
        !std::exchange(other.released, true))
      marks_.spawn("mark " + key, mark(other));
}

Task<> Approvals::mark(api::Approval approval) {
  if (!may_write_()) co_return;
  const json status = {{"status", {{"state", "Released"}, {"releasedAt", rfc3339(std::chrono::system_clock::now())}}}};
  auto written =
      co_await client_.patch_raw(cat("/apis/", api::api_group_version, "/namespaces/", approval.meta.ns, "/",
                                     api::approval_plural, "/", approval.meta.name, "/status"),
                                 kube::PatchType::Merge, status.dump(), cat("fieldManager=", api::operator_field_manager));
  if (!written && written.error().code != Code::ApiNotFound)
    log::warn("an Approval's status cannot be written", {{"approval", approval.meta.key()}, {"error", written.error().text()}});
}

} // namespace gitsync::reconcile
