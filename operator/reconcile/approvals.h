// All Approvals: hears of them, hands them out by GitSync, and writes what became of them.
#pragma once
#include "api/approval.h"
#include "kube/client.h"
#include "kube/watch.h"
#include "runtime/event.h"
#include "runtime/task_group.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gitsync::reconcile {

/// Control thread only.
class Approvals final : public kube::WatchSink {
public:
  /// `told` hears the "namespace/name" of each GitSync that has a new Approval, or one less.
  Approvals(kube::Client& client, asio::any_io_executor executor, std::function<bool()> may_write,
            std::function<void(const std::string& sync)> told);

  Task<> run() { return watch_.run(); }
  void stop() { marks_.stop(); }
  Task<> wait() { return marks_.wait(); }

  /// Those of that GitSync ("namespace/name"), as they are known now.
  std::vector<api::Approval> of(const std::string& sync) const;
  /// What one of them is worth now: written to its status where that says something else. Released is final.
  void note(const api::Approval& approval, api::ApprovalState state, std::string_view why);
  /// The plan is about to be carried out: uses up all consent to it. Returns when that is written; an error means that it
  /// is not, and that the plan has to wait.
  Task<Result<>> release(std::string sync, std::string plan_digest);

  void restarted() override { seen_.clear(); }
  void changed(nlohmann::json object) override;
  void deleted(nlohmann::json object) override;
  void synced() override;

private:
  Task<Result<>> write(api::Approval approval);
  Task<> mark(std::string key);

  kube::Client& client_;
  std::function<bool()> may_write_;
  std::function<void(const std::string&)> told_;
  std::map<std::string, api::Approval> approvals_; // by "namespace/name"
  std::set<std::string> seen_;
  Semaphore writing_; // one status after the other: a late word must not undo a final one
  TaskGroup marks_;
  kube::Watch watch_;
};

} // namespace gitsync::reconcile
