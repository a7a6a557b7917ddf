#include "base/text.h"
#include "bench/measures.h"

#include <set>

namespace gitsync::bench {
namespace {

/// Says yes when so many different objects of the namespace have been ADDED (or DELETED).
std::function<bool(const Sight&)> all_of_them(std::string ns, std::string type, size_t count) {
  return [ns = "/namespaces/" + std::move(ns) + "/", type = std::move(type), count,
          seen = std::set<std::string>()](const Sight& sight) mutable {
    if (sight.type != type || sight.collection.find(ns) == std::string_view::npos || !sight.name.contains('-')) return false;
    seen.insert(cat(sight.collection, sight.name));
    return seen.size() == count;
  };
}

double create_by_bare_client(Stand& stand) {
  auto all = stand.onlooker->expect(all_of_them(Stand::floor_ns, "ADDED", stand.scale.objects));
  const auto start = std::chrono::steady_clock::now();
  stand.bare->apply_all(stand.scale.in_flight);
  return milliseconds_between(start, all.get("the bare client's objects").at);
}

} // namespace

void prepare(Stand& stand) {
  progress(cat("the operator applies ", stand.scale.few, " objects"));
  stand.write("mixed", make(mixed, Stand::ours, stand.scale.few));
  const auto commit = stand.commit("a few objects");
  stand.declare("mixed");
  stand.reconcile("mixed", commit);
  stand.set_poll_interval("1h"); // no poll by chance in what is timed
}

void create_unmeasured(Stand& stand) {
  progress(cat("creating ", stand.scale.objects, " objects, for what is measured with them"));
  stand.bare->apply_all(stand.scale.in_flight);
  stand.write("mixed", make(mixed, Stand::ours, stand.scale.objects));
  stand.reconcile("mixed", stand.commit("all objects"));
}

void measure_create(Stand& stand, Figures& figures) {
  const size_t count = stand.scale.objects;
  size_t there = stand.scale.few;
  std::vector<double> floor, whole, fetch, beyond, prune;
  for (unsigned round = 0; round < stand.scale.creations; ++round) {
    progress(cat("creating ", count, " objects, round ", round + 1, " of ", stand.scale.creations));
    stand.clear_floor();
    {
      stand.write("mixed", {});
      const auto commit = stand.commit("nothing but the anchor");
      auto gone = stand.onlooker->expect(all_of_them(Stand::ours, "DELETED", there));
      const auto push = stand.reconcile("mixed", commit);
      const double took = milliseconds_between(push.started, gone.get("the pruned objects").at);
      if (round > 0) prune.push_back(took);
    }
    stand.settle_down();
    floor.push_back(create_by_bare_client(stand));
    stand.settle_down();
    stand.write("mixed", make(mixed, Stand::ours, count));
    const auto commit = stand.commit("all objects");
    auto all = stand.onlooker->expect(all_of_them(Stand::ours, "ADDED", count));
    const auto push = stand.reconcile("mixed", commit);
    whole.push_back(milliseconds_between(push.started, all.get("the operator's objects").at));
    fetch.push_back(push.fetch);
    beyond.push_back(whole.back() - push.fetch);
    there = count;
    stand.settle_down();
  }
  const auto runs = cat("median of ", stand.scale.creations, ", from `gitsync reconcile` to the last object seen");
  figures.push_back({"create_1000", median(whole), "ms", median(floor), Bar{Bar::Of::Ratio, 1.3}, runs});
  figures.push_back(
      {"create_1000_without_fetch", median(beyond), "ms", median(floor), std::nullopt, "the same, less the fetch"});
  figures.push_back({"create_1000_fetch", median(fetch), "ms", std::nullopt, std::nullopt, "1,000 new files over HTTP"});
  if (!prune.empty())
    figures.push_back(
        {"prune_1000", median(prune), "ms", std::nullopt, std::nullopt, "the same for 1,000 objects removed from git"});
}

} // namespace gitsync::bench
