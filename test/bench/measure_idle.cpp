#include "base/text.h"
#include "bench/measures.h"
#include "bench/process_figures.h"

#include <atomic>

namespace gitsync::bench {

namespace {

/// The largest that was seen in that time: the git worker comes and goes with the polls.
Memory largest_within(pid_t pid, std::chrono::seconds limit) {
  Memory out;
  const auto end = std::chrono::steady_clock::now() + limit;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    const auto now = memory_of(pid);
    if (now.resident > out.resident) out = now;
  } while (std::chrono::steady_clock::now() < end);
  return out;
}

} // namespace

void measure_memory(Stand& stand, Figures& figures, const std::string& name, std::optional<double> limit) {
  stand.set_poll_interval("15s"); // the default: with it the git worker is there
  stand.settle_down();
  progress(cat("watching the memory for ", stand.scale.settle.count(), " s for ", name));
  const auto memory = largest_within(stand.op().pid(), stand.scale.settle);
  figures.push_back({name, memory.resident, "MiB", std::nullopt,
                     limit ? std::optional(Bar{Bar::Of::Value, *limit}) : std::nullopt,
                     cat("largest VmRSS, summed over ", memory.processes, memory.processes == 1 ? " process" : " processes")});
  figures.push_back({name + "_peak", memory.peak, "MiB", std::nullopt, std::nullopt, "VmHWM of the same processes so far"});
  figures.push_back(
      {name + "_pss", memory.shared_out, "MiB", std::nullopt, std::nullopt, "pages that processes share counted once"});
  stand.set_poll_interval("1h"); // no poll by chance in what is timed
}

void measure_idle(Stand& stand, Figures& figures) {
  progress("the operator deletes the GitSync and its objects");
  stand.retract("mixed");
  stand.clear_floor();
  progress(cat("the operator applies ", stand.scale.many, " objects of ten kinds"));
  stand.write("many", make(ten_kinds, Stand::quiet_ns, stand.scale.many));
  const auto commit = stand.commit("many objects");
  stand.declare("many");
  const auto push = stand.reconcile("many", commit);
  figures.push_back({"create_10000", push.command, "ms", std::nullopt, std::nullopt, "`gitsync reconcile` until Ready"});
  measure_memory(stand, figures, "rss_10000", 64);
  stand.set_poll_interval("15s");
  stand.settle_down();

  progress(cat("nothing happens for ", stand.scale.idle.count(), " s"));
  const std::vector<std::string> writing{"apply", "patch", "create", "update", "delete"};
  auto renewals = std::make_shared<std::atomic<int>>(0);
  const auto dry_runs = [&] { return stand.server_requests({{"dry_run=\"All\""}}); };
  const double dry = dry_runs();
  auto seen_by_server = stand.server_writes();
  auto never = stand.onlooker->expect([renewals](const Sight& sight) {
    if (sight.collection.ends_with("/leases")) ++*renewals;
    return false;
  });
  const double requests = stand.operator_requests(), writes = stand.operator_requests(writing),
               cpu = processor_time_of(stand.op().pid());
  const int before = *renewals;
  std::this_thread::sleep_for(stand.scale.idle);
  const double seconds = static_cast<double>(stand.scale.idle.count());
  const double used = processor_time_of(stand.op().pid()) - cpu;
  const double written = stand.operator_requests(writing) - writes, asked = stand.operator_requests() - requests;
  const int renewed = *renewals - before;
  for (const auto& [what, count] : stand.server_writes()) // whoever made them; the operator is told apart by its own count
    if (count > seen_by_server[what])
      progress(cat("  the API server saw ", static_cast<int>(count - seen_by_server[what]), " x ", what));
  figures.push_back({"idle_writes", written - renewed, "writes", std::nullopt, Bar{Bar::Of::Value, 0},
                     cat("in ", stand.scale.idle.count(), " s, less ", renewed, " renewals of the Lease seen in a watch")});
  figures.push_back(
      {"idle_requests_per_second", asked / seconds, "1/s", std::nullopt, Bar{Bar::Of::Value, 1}, "all, the Lease's too"});
  figures.push_back({"idle_dry_runs", dry_runs() - dry, "requests", std::nullopt, Bar{Bar::Of::Value, 0}, "by any client"});
  figures.push_back(
      {"idle_cpu", used / seconds / 10, "%", std::nullopt, std::nullopt, "of one core, a poll of git every 15 s included"});

  progress("the operator is started again");
  const auto start = std::chrono::steady_clock::now();
  stand.restart_operator();
  const double writes_at_start = stand.operator_requests({"apply"});
  stand.reconcile("many", commit);
  figures.push_back({"restart_10000", milliseconds_between(start, std::chrono::steady_clock::now()), "ms", std::nullopt,
                     std::nullopt, "SIGTERM to reconciled again"});
  measure_memory(stand, figures, "rss_10000_restarted", std::nullopt);
  figures.push_back({"restart_10000_applies", stand.operator_requests({"apply"}) - writes_at_start, "writes"});
}

} // namespace gitsync::bench
