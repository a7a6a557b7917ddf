#include "base/text.h"
#include "bench/measures.h"
#include "bench/process_figures.h"

#include <atomic>

namespace gitsync::bench {
namespace {

constexpr std::chrono::milliseconds between{1500}; // time for what is coalesced (status, Events) to be written

/// How long the git command needs for the same: the floor of the fetch.
class GitFetch {
public:
  explicit GitFetch(const Stand& stand) : mirror_(stand.directory.path() / "floor-mirror.git") {
    test::must({.argv = {"git", "clone", "--quiet", "--mirror", stand.repository_url(), mirror_}});
  }
  double fetch() {
    const auto start = std::chrono::steady_clock::now();
    test::must(
        {.argv = {"git", "-C", mirror_, "-c", "gc.auto=0", "fetch", "--quiet", "origin", "+refs/heads/main:refs/heads/main"}});
    return milliseconds_between(start, std::chrono::steady_clock::now());
  }

private:
  std::string mirror_;
};

} // namespace

void measure_push(Stand& stand, Figures& figures, std::optional<double> event_and_apply) {
  progress(cat(stand.scale.pushes, " pushes that change one object each"));
  GitFetch git(stand);
  stand.settle_down();
  auto renewals = std::make_shared<std::atomic<int>>(0);
  auto never = stand.onlooker->expect([renewals](const Sight& sight) {
    if (sight.collection.ends_with("/leases")) ++*renewals;
    return false;
  });
  const double requests = stand.operator_requests();
  const int renewed = *renewals;
  std::vector<double> total, fetch, beyond, from_request, cpu, command, command_cpu, floor_fetch;
  for (unsigned round = 0; round < stand.scale.pushes; ++round) {
    auto object = mixed(Stand::ours, round * 35 % stand.scale.objects / 5 * 5); // a ConfigMap
    const auto value = cat("push-", round);
    object.manifest["data"]["value"] = value;
    stand.repo.write("mixed/" + object.file(), to_yaml(object.manifest));
    const auto commit = stand.commit("one object");
    auto seen = stand.onlooker->expect([&object, &value](const Sight& sight) {
      return sight.name == object.name && sight.collection.ends_with("/configmaps") &&
             sight.object->at("data").at("value") == value;
    });
    const double before = processor_time_of(stand.op().pid());
    const auto push = stand.reconcile("mixed", commit);
    const auto when = seen.get("the pushed change");
    std::this_thread::sleep_for(between);
    cpu.push_back(processor_time_of(stand.op().pid()) - before);
    total.push_back(milliseconds_between(push.started, when.at));
    fetch.push_back(push.fetch);
    beyond.push_back(total.back() - push.fetch);
    from_request.push_back(std::chrono::duration<double, std::milli>(when.wall - push.requested).count() - push.fetch);
    command.push_back(push.command);
    command_cpu.push_back(push.command_cpu);
    floor_fetch.push_back(git.fetch());
  }
  const double used = stand.operator_requests() - requests - (*renewals - renewed);
  const auto runs = cat("median of ", stand.scale.pushes);
  figures.push_back(
      {"fetch", median(fetch), "ms", median(floor_fetch), std::nullopt, "status.lastFetch; floor: git fetch of the same"});
  figures.push_back({"push_one_of_1000", median(beyond), "ms", event_and_apply, Bar{Bar::Of::Ratio, 3},
                     runs + ", from `gitsync reconcile` to seen, less the fetch"});
  figures.push_back({"push_one_requests", used / stand.scale.pushes, "requests", 1, std::nullopt,
                     "all of the operator's per push, Lease not included"});
  figures.push_back({"push_one_cpu", median(cpu), "ms", std::nullopt, Bar{Bar::Of::Value, 50}, "operator and git worker"});
  figures.push_back({"push_one_from_request", median(from_request), "ms", event_and_apply, std::nullopt,
                     "from requestedAt to seen, less the fetch"});
  figures.push_back({"push_one_with_fetch", median(total), "ms",
                     event_and_apply ? std::optional(*event_and_apply + median(floor_fetch)) : std::nullopt});
  figures.push_back({"push_one_command", median(command), "ms", std::nullopt, std::nullopt,
                     "whole run of `gitsync reconcile`, until it knows the outcome"});
  figures.push_back({"push_one_command_cpu", median(command_cpu), "ms"});
}

} // namespace gitsync::bench
