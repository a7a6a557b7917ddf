// All Pauses: hears of them, ends them in time, and says which objects are let go.
#pragma once
#include "api/pause.h"
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
class Pauses final : public kube::WatchSink {
public:
  /// `told` hears the "namespace/name" of each GitSync whose Pauses have changed.
  Pauses(kube::Client& client, asio::any_io_executor executor, std::function<bool()> may_write,
         std::function<void(const std::string& sync)> told);

  /// Watches until cancelled.
  Task<> watch() { return watch_.run(); }
  /// Ends those whose time is over, until cancelled.
  Task<> run();
  void stop() { marks_.stop(); }
  Task<> wait() { return marks_.wait(); }
  /// Waits until all are known, since before that nothing may be corrected that could be paused; at most for so long.
  Task<> known(std::chrono::steady_clock::duration limit);

  /// Those that hold now, of that GitSync ("namespace/name").
  std::vector<api::Pause> of(const std::string& sync) const;
  /// Says in its status whether it holds: the GitSync manages the object, or doesn't.
  void note(const api::Pause& pause, bool managed);

  void restarted() override { seen_.clear(); }
  void changed(nlohmann::json object) override;
  void deleted(nlohmann::json object) override;
  void synced() override;

private:
  void set_state(api::Pause& pause, std::string_view state);
  Task<> mark(api::Pause pause);

  kube::Client& client_;
  std::function<bool()> may_write_;
  std::function<void(const std::string&)> told_;
  std::map<std::string, api::Pause> pauses_; // by "namespace/name"
  std::set<std::string> seen_;
  Event known_, news_;
  TaskGroup marks_;
  kube::Watch watch_;
};

} // namespace gitsync::reconcile
