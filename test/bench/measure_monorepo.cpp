#include "base/text.h"
#include "bench/measures.h"
#include "bench/process_figures.h"
#include "support/eventually.h"

#include <atomic>
#include <set>

namespace gitsync::bench {
namespace {

constexpr size_t objects_each = 4;
constexpr std::chrono::milliseconds coalescing{1500}; // time for what is gathered (status, Events) to be written
constexpr std::chrono::seconds patience{600};
/// Of more Events than its queue takes the operator tells later, gathered: those are not what is measured.
constexpr std::chrono::seconds gathered_events{40};

std::string name_of(size_t sync) { return cat("mono-", 10'000 + sync); }

/// Its four objects, as a ServiceAccount, two ConfigMaps and a Service would be: here of the mix's first kinds.
std::vector<Object> objects_of(const std::string& ns, size_t sync) {
  std::vector<Object> out;
  for (size_t i = 0; i < objects_each; ++i) out.push_back(mixed(ns, sync * 5 + i % 3)); // ConfigMaps: number, name and all
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].name = cat("m", sync, "-", i);
    out[i].manifest["metadata"]["name"] = out[i].name;
  }
  return out;
}

void write_all(Stand& stand, const std::string& value) {
  for (size_t sync = 0; sync < stand.scale.syncs; ++sync) {
    std::string text;
    for (auto& object : objects_of(Stand::mono_ns, sync)) {
      object.manifest["data"]["value"] = value;
      text += to_yaml(object.manifest) + "---\n";
    }
    stand.repo.write(name_of(sync) + "/all.yaml", text);
  }
}

/// Says yes when all objects of all GitSyncs have been seen with that value.
std::function<bool(const Sight&)> all_with(std::string ns, std::string value, size_t count) {
  return [ns = "/namespaces/" + std::move(ns) + "/", value = std::move(value), count,
          seen = std::set<std::string, std::less<>>()](const Sight& sight) mutable {
    if (sight.collection.find(ns) == std::string_view::npos ||
        sight.object->value("data", json::object()).value("value", "") != value)
      return false;
    seen.insert(std::string(sight.name));
    return seen.size() == count;
  };
}

} // namespace

void measure_monorepo(Stand& stand, Figures& figures) {
  const size_t syncs = stand.scale.syncs, count = syncs * objects_each;
  progress(cat("creating ", syncs, " GitSyncs of ", objects_each, " objects"));
  for (const auto* ns : {Stand::mono_ns, Stand::mono_floor_ns})
    stand.onlooker->watch(cat("/api/v1/namespaces/", ns, "/configmaps"));
  write_all(stand, "begin");
  const auto first = stand.commit("a monorepo");
  {
    auto all = stand.onlooker->expect(all_with(Stand::mono_ns, "begin", count));
    stand.poll(first);
    for (size_t sync = 0; sync < syncs; ++sync) stand.declare(name_of(sync));
    all.get("all objects of the monorepo", patience);
  }
  std::this_thread::sleep_for(stand.scale.syncs > 500 ? gathered_events : std::chrono::seconds(0));
  stand.settle_down();
  figures.push_back({cat("rss_", syncs, "_gitsyncs"), memory_of(stand.op().pid()).resident, "MiB", std::nullopt, std::nullopt,
                     cat(objects_each, " objects each")});

  progress(cat(stand.scale.pushes, " commits that touch none of them"));
  auto renewals = std::make_shared<std::atomic<int>>(0);
  auto never = stand.onlooker->expect([renewals](const Sight& sight) {
    if (sight.collection.ends_with("/leases")) ++*renewals;
    return false;
  });
  const double requests = stand.operator_requests();
  const int renewed = *renewals;
  std::vector<double> cpu;
  for (unsigned round = 0; round < stand.scale.pushes; ++round) {
    stand.repo.write("elsewhere.txt", cat("round ", round, "\n"));
    const auto commit = stand.commit("elsewhere");
    const double before = processor_time_of(stand.op().pid());
    stand.poll(commit);
    std::this_thread::sleep_for(coalescing);
    cpu.push_back(processor_time_of(stand.op().pid()) - before);
  }
  const double used = (stand.operator_requests() - requests - (*renewals - renewed)) / stand.scale.pushes;
  const std::string of = cat("_of_", syncs);
  figures.push_back({"noop_commit_requests" + of, used, "requests", std::nullopt, Bar{Bar::Of::Value, 1.2},
                     "all of the operator's per commit, Lease not included: the GitRepository's status"});
  figures.push_back({"noop_commit_cpu" + of, median(cpu), "ms", std::nullopt, Bar{Bar::Of::Value, 100},
                     cat("operator and git worker; median of ", stand.scale.pushes)});

  std::vector<Object> floor_objects;
  for (size_t sync = 0; sync < syncs; ++sync)
    for (auto& object : objects_of(Stand::mono_floor_ns, sync)) floor_objects.push_back(std::move(object));
  {
    BareClient prepare(stand.kubeconfig(), floor_objects);
    prepare.apply_all(stand.scale.in_flight);
  }
  std::vector<double> ours, floor, busy;
  for (unsigned round = 0; round < std::max(1U, stand.scale.creations - 1); ++round) {
    const auto value = cat("round-", round);
    progress(cat("one push changes all ", count, " objects, round ", round + 1));
    auto changed = floor_objects;
    for (auto& object : changed) object.manifest["data"]["value"] = value;
    BareClient bare(stand.kubeconfig(), changed);
    stand.settle_down();
    auto theirs = stand.onlooker->expect(all_with(Stand::mono_floor_ns, value, count));
    const auto begin = std::chrono::steady_clock::now();
    bare.apply_all(stand.scale.in_flight);
    floor.push_back(milliseconds_between(begin, theirs.get("the bare client's objects", patience).at) / 1000);
    stand.settle_down();
    write_all(stand, value);
    const auto commit = stand.commit("all");
    auto all = stand.onlooker->expect(all_with(Stand::mono_ns, value, count));
    const double before = processor_time_of(stand.op().pid());
    const auto writes_before = stand.server_writes();
    const auto start = std::chrono::steady_clock::now();
    stand.poll(commit);
    ours.push_back(milliseconds_between(start, all.get("all objects", patience).at) / 1000);
    for (const auto& [what, n] : stand.server_writes()) {
      const auto it = writes_before.find(what);
      const auto more = static_cast<int64_t>(n - (it == writes_before.end() ? 0 : it->second));
      if (more >= static_cast<int64_t>(syncs / 10)) progress(cat("  ", what, ": ", more));
    }
    busy.push_back((processor_time_of(stand.op().pid()) - before) / 1000);
    stand.settle_down();
  }
  figures.push_back({cat("push_all_cpu", of), median(busy), "s", std::nullopt, std::nullopt, "operator and git worker"});
  figures.push_back({cat("push_all", of), median(ours), "s", median(floor), Bar{Bar::Of::Ratio, 2},
                     cat(count, " objects, from the request to the last one seen; fetch and statuses included")});
}

void measure_rollback(Stand& stand, Figures& figures) {
  progress("bad commits that are rolled back, and one that is overtaken");
  const std::string name = "rollback";
  const auto deployment = [&](int replicas) { // nobody runs pods here: one that is wanted never becomes available
    auto object = mixed(Stand::ours, 4);
    object.manifest["metadata"]["name"] = name;
    object.manifest["spec"]["replicas"] = replicas;
    return object;
  };
  const auto seen_with = [&](int replicas) {
    return stand.onlooker->expect([replicas, name](const Sight& sight) {
      return sight.name == name && sight.collection.ends_with("/deployments") &&
             sight.object->at("spec").value("replicas", -1) == replicas;
    });
  };
  const auto push = [&](int replicas) {
    stand.repo.write(name + "/d.yaml", to_yaml(deployment(replicas).manifest));
    const auto commit = stand.commit(cat(replicas, " replicas"));
    const auto start = std::chrono::steady_clock::now();
    stand.ask_for_poll();
    return std::pair(commit, start);
  };
  constexpr std::chrono::milliseconds timeout{1000};
  push(0);
  stand.declare(name, {{"health", {{"timeout", duration_text(timeout)}}}, {"rollback", {{"enabled", true}}}});
  stand.await_healthy(name);
  std::vector<double> restored, fix;
  for (unsigned round = 0; round < std::max(3U, stand.scale.pushes / 5); ++round) {
    auto bad = seen_with(static_cast<int>(round) + 1);
    push(static_cast<int>(round) + 1);
    const auto there = bad.get("the bad commit").at;
    auto back = seen_with(0);
    restored.push_back(milliseconds_between(there, back.get("the healthy state").at) - static_cast<double>(timeout.count()));
    stand.settle_down();
  }
  const auto floor = std::ranges::find(figures, "drift_p50", &Figure::name);
  figures.push_back({"rollback_after_timeout", median(restored), "ms", floor == figures.end() ? std::nullopt : floor->floor,
                     std::nullopt,
                     "from the end of health.timeout to the last healthy state seen; floor: one event and one apply"});
  // A newer commit while an unhealthy one is awaited.
  stand.merge_spec(name, {{"health", {{"timeout", "10m"}}}});
  for (unsigned round = 0; round < std::max(3U, stand.scale.pushes / 5); ++round) {
    const int bad = 100 + static_cast<int>(round) * 2;
    auto there = seen_with(bad);
    push(bad);
    there.get("the unhealthy commit");
    auto next = seen_with(bad + 1);
    const auto [commit, start] = push(bad + 1);
    fix.push_back(milliseconds_between(start, next.get("the newer commit").at));
  }
  figures.push_back({"newer_commit_starts", median(fix), "ms", std::nullopt, Bar{Bar::Of::Value, 1000},
                     "while an unhealthy one is awaited, fetch included"});
  stand.retract(name); // what comes next is measured alone
}

} // namespace gitsync::bench
