// Why the pods of workloads don't run: a workload's status counts them, only they tell the reason.
//
// Pods carry no label of ours, so each workload that is not well gets a watch of its own pods, for as long as it is ill.
#pragma once
#include "kube/watch.h"
#include "object/manifest.h"
#include "runtime/task_group.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace gitsync::reconcile {

/// Of one GitSync. Control thread only. Watches as the GitSync's account, so that its status tells of no pod that this may not
/// read: who may not gets no causes, and nothing else changes.
class PodWatch {
public:
  /// `told` hears of each workload whose cause has changed; empty: nothing is wrong with its pods.
  PodWatch(kube::Client& client, asio::any_io_executor executor,
           std::function<void(const ObjectRef& workload, std::string cause)> told);
  ~PodWatch();

  /// Watches the pods of these workloads (by the label selector of their pods) and of no others, as that user.
  void follow(const std::map<ObjectRef, std::string>& selectors, const std::string& as);

  void stop();
  Task<> wait();

private:
  struct One;
  kube::Client& client_;
  asio::any_io_executor executor_;
  std::function<void(const ObjectRef&, std::string)> told_;
  std::map<ObjectRef, std::unique_ptr<One>> watches_;
  std::vector<std::unique_ptr<One>> ending_;
};

} // namespace gitsync::reconcile
