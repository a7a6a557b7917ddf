// All Approvals: hears of them, and says whether a plan has one.
#pragma once
#include "api/approval.h"
#include "kube/client.h"
#include "kube/watch.h"
#include "runtime/task_group.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace gitsync::reconcile {

/// Control thread only.
class Approvals final : public kube::WatchSink {
public:
  /// `told` hears the "namespace/name" of each GitSync that has a new Approval.
  Approvals(kube::Client& client, asio::any_io_executor executor, std::function<bool()> may_write,
            std::function<void(const std::string& sync)> told);

  Task<> run() { return watch_.run(); }
  void stop() { marks_.stop(); }
  Task<> wait() { return marks_.wait(); }

  /// The Approval of that plan of that GitSync ("namespace/name"), by its own "namespace/name".
  std::optional<api::Approval> find(const std::string& sync, const std::string& plan_digest) const;
  /// The plan was carried out on the strength of it: says so in its status.
  void released(const api::Approval& approval);

  void restarted() override { seen_.clear(); }
  void changed(nlohmann::json object) override;
  void deleted(nlohmann::json object) override;
  void synced() override;

private:
  Task<> mark(api::Approval approval);

  kube::Client& client_;
  std::function<bool()> may_write_;
  std::function<void(const std::string&)> told_;
  std::map<std::string, api::Approval> approvals_; // by "namespace/name"
  std::set<std::string> seen_;
  TaskGroup marks_;
  kube::Watch watch_;
};

} // namespace gitsync::reconcile
