#include "reconcile/pod_watch.h"

#include "base/json_read.h"
#include "base/text.h"
#include "health/kinds.h"

namespace gitsync::reconcile {
namespace {

using nlohmann::json;

std::string name_of(const json& pod) { return read_text(read_member(pod, "metadata"), "name"); }

} // namespace

struct PodWatch::One : kube::WatchSink {
  One(PodWatch& owner, ObjectRef ref, std::string labels, std::string as)
      : self(owner), workload(std::move(ref)), selector(std::move(labels)), user(std::move(as)), group(owner.executor_),
        watch(owner.client_, {cat("/api/v1/namespaces/", workload.ns, "/pods"), selector, {}, user}, *this) {
    group.spawn("pods of " + workload.text(), watch.run());
  }

  void restarted() override { troubles.clear(); }
  void changed(json pod) override {
    auto trouble =
        read_text(read_member(pod, "metadata"), "deletionTimestamp").empty() ? health::pod_trouble(pod) : std::string();
    if (trouble.empty())
      troubles.erase(name_of(pod));
    else
      troubles[name_of(pod)] = std::move(trouble);
    tell();
  }
  void deleted(json pod) override {
    troubles.erase(name_of(pod));
    tell();
  }
  void synced() override { tell(); }

  /// What most of them suffer from.
  void tell() {
    std::map<std::string, size_t> votes;
    for (const auto& [pod, trouble] : troubles) ++votes[trouble];
    const auto most = std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
    self.told_(workload, most == votes.end() ? std::string() : most->first);
  }

  PodWatch& self;
  const ObjectRef workload;
  const std::string selector, user;
  std::map<std::string, std::string> troubles; // by pod
  TaskGroup group;
  kube::Watch watch;
};

PodWatch::PodWatch(kube::Client& client, asio::any_io_executor executor,
                   std::function<void(const ObjectRef&, std::string)> told)
    : client_(client), executor_(std::move(executor)), told_(std::move(told)) {}

PodWatch::~PodWatch() = default;

void PodWatch::follow(const std::map<ObjectRef, std::string>& selectors, const std::string& as) {
  std::erase_if(ending_, [](const auto& one) { return one->group.running() == 0; });
  for (auto it = watches_.begin(); it != watches_.end();) {
    const auto wanted = selectors.find(it->first);
    if (wanted != selectors.end() && wanted->second == it->second->selector && it->second->user == as) {
      ++it;
      continue;
    }
    it->second->group.stop();
    ending_.push_back(std::move(it->second));
    it = watches_.erase(it);
  }
  for (const auto& [workload, selector] : selectors)
    if (!selector.empty() && !watches_.contains(workload))
      watches_.emplace(workload, std::make_unique<One>(*this, workload, selector, as));
}

void PodWatch::stop() {
  for (auto& [workload, one] : watches_) one->group.stop();
}

Task<> PodWatch::wait() {
  for (auto& [workload, one] : watches_) co_await one->group.wait();
  for (auto& one : ending_) co_await one->group.wait();
}

} // namespace gitsync::reconcile
