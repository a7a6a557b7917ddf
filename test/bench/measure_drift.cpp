#include "base/text.h"
#include "bench/measures.h"

#include <map>

namespace gitsync::bench {
namespace {

constexpr std::chrono::milliseconds pace{10}; // between two intrusions: each is a story of its own

/// Which object comes next: each once before any comes again, neighbours far apart.
size_t spread(size_t step, size_t count) { return step * 617 % count; } // 617 is prime

/// Somebody else does something to the object; returns the milliseconds from right before the request until it was seen as
/// declared again.
double intrude(Stand& stand, const Object& object, bool remove, unsigned round) {
  auto back = stand.onlooker->expect([&object, remove, left = false, there = object.path()](const Sight& sight) mutable {
    if (sight.name != object.name || !there.starts_with(sight.collection)) return false;
    if (remove) {
      if (left && sight.type == "ADDED") return true;
      left = left || sight.type == "DELETED";
      return false;
    }
    const bool declared = as_declared(object, *sight.object);
    left = left || !declared;
    return left && declared;
  });
  const auto start = stand.intruder->call([](ClientThread& client, std::string path, std::string patch) -> Task<Instant> {
    const auto before = std::chrono::steady_clock::now();
    if (patch.empty())
      must(co_await client.kube().remove(std::move(path)));
    else
      must(co_await client.kube().patch_raw(std::move(path), kube::PatchType::Merge, std::move(patch),
                                            "fieldManager=bench-intruder"));
    co_return before;
  }(*stand.intruder, object.path(), remove ? std::string() : intrusion(object, round).dump()));
  const double took = milliseconds_between(start, back.get(cat(object.ns, "/", object.name, " corrected")).at);
  std::this_thread::sleep_for(pace);
  return took;
}

struct Samples {
  std::vector<double> all;
  std::map<std::string, std::vector<double>> by_resource;
  void add(const Object& object, double took) {
    all.push_back(took);
    by_resource[object.plural].push_back(took);
  }
};

/// Writes to the mix's resources as the API server counts them, those by the deployment controller (updates) not included.
double writes_seen(Stand& stand) {
  std::vector<std::vector<std::string>> lines;
  for (const auto& resource : mixed_resources)
    for (const auto* verb : {"APPLY", "PATCH", "POST"})
      lines.push_back({cat("resource=\"", resource, "\""), cat("verb=\"", verb, "\""), "subresource=\"\""});
  return stand.server_requests(lines);
}

struct Both {
  Samples ours, floor;
  double writes = 0; // of the operator, to objects
};

Both run(Stand& stand, bool remove, unsigned total, unsigned block) {
  const auto ours = make(mixed, Stand::ours, stand.scale.objects), theirs = make(mixed, Stand::floor_ns, stand.scale.objects);
  Both out;
  for (unsigned done = 0; done < total; done += block) {
    progress(cat(remove ? "deletes " : "patches ", done + 1, " to ", done + block, " of ", total,
                 ", the bare client's and the operator's"));
    for (unsigned i = done; i < done + block; ++i) {
      const auto& object = theirs[spread(i, theirs.size())];
      out.floor.add(object, intrude(stand, object, remove, i));
    }
    const double before = writes_seen(stand);
    for (unsigned i = done; i < done + block; ++i) {
      const auto& object = ours[spread(i, ours.size())];
      out.ours.add(object, intrude(stand, object, remove, i));
    }
    out.writes += writes_seen(stand) - before - (remove ? 0 : block);
  }
  return out;
}

void add(Figures& figures, const std::string& name, const Both& both) {
  const auto count = cat(both.ours.all.size(), " each, in turn");
  figures.push_back(
      {name + "_p50", percentile(both.ours.all, 0.5), "ms", percentile(both.floor.all, 0.5), Bar{Bar::Of::Ratio, 1.5}, count});
  figures.push_back({name + "_p90", percentile(both.ours.all, 0.9), "ms", percentile(both.floor.all, 0.9)});
  figures.push_back(
      {name + "_p99", percentile(both.ours.all, 0.99), "ms", percentile(both.floor.all, 0.99), Bar{Bar::Of::Ratio, 4}, count});
  for (const auto& [resource, samples] : both.ours.by_resource)
    figures.push_back({cat(name, "_p50_", resource), median(samples), "ms", median(both.floor.by_resource.at(resource))});
}

} // namespace

void measure_drift(Stand& stand, Figures& figures) {
  stand.settle_down();
  stand.bare->correct();
  const double corrections = stand.op().metric("gitsync_drift_corrected_total");
  const double all = stand.operator_requests({"apply", "patch", "create", "update", "delete"});
  const auto drift = run(stand, false, stand.scale.drifts, stand.scale.drift_block);
  const auto removed = run(stand, true, stand.scale.deletes, stand.scale.delete_block);
  add(figures, "drift", drift);
  add(figures, "delete", removed);
  const double count = stand.scale.drifts + stand.scale.deletes;
  figures.push_back({"drift_writes_per_object", (drift.writes + removed.writes) / count, "writes", 1, Bar{Bar::Of::Value, 1},
                     "applies, patches and creates, as the API server counts them"});
  stand.settle_down();
  figures.push_back({"drift_all_writes_per_object",
                     (stand.operator_requests({"apply", "patch", "create", "update", "delete"}) - all) / count, "writes",
                     std::nullopt, std::nullopt, "with Events, status, inventory and Lease"});
  figures.push_back({"drift_corrected_as_told", (stand.op().metric("gitsync_drift_corrected_total") - corrections) / count, "",
                     1, std::nullopt, "the operator's own count over what was done to it"});
}

} // namespace gitsync::bench
