// bench: what the operator needs, beside what a bare client needs in the same run. See docs/benchmarks.md.
#include "base/log.h"
#include "base/text.h"
#include "bench/measures.h"

#include <algorithm>
#include <cstring>
#include <iostream>

namespace {

using namespace gitsync;
using namespace gitsync::bench;

constexpr const char* usage = R"(usage: bench [--quick] [--only PART[,PART]] [--output FILE]
  --only PARTS   of create, drift, push, webhook, rollback, monorepo and idle; for work on one of them. No JSON is written without --output
  --quick        a small run that only shows whether all can be measured; writes build/bench-quick.json
  --output FILE  where the JSON goes (default build/bench.json)
)";

/// The names that others rely on come first, in this order.
void sort_by_contract(Figures& figures) {
  static const std::vector<std::string> contract{"drift_p50",
                                                 "drift_p99",
                                                 "delete_p50",
                                                 "delete_p99",
                                                 "drift_writes_per_object",
                                                 "fetch",
                                                 "push_one_of_1000",
                                                 "push_one_requests",
                                                 "push_one_cpu",
                                                 "create_1000",
                                                 "idle_writes",
                                                 "idle_requests_per_second",
                                                 "rss_100",
                                                 "rss_1000",
                                                 "rss_10000"};
  Figures sorted;
  for (const auto& name : contract)
    for (const auto& figure : figures)
      if (figure.name == name) sorted.push_back(figure);
  for (const auto& figure : figures)
    if (std::ranges::find(contract, figure.name) == contract.end()) sorted.push_back(figure);
  figures = std::move(sorted);
}

/// Nothing where that figure was not measured.
std::optional<double> floor_of(const Figures& figures, std::string_view name) {
  const auto found = std::ranges::find(figures, name, &Figure::name);
  return found == figures.end() ? std::nullopt : found->floor;
}

} // namespace

int main(int argc, char** argv) {
  Scale scale;
  std::string output = "build/bench.json", only;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) {
      scale = {.few = 20,
               .objects = 100,
               .many = 300,
               .drifts = 40,
               .drift_block = 20,
               .deletes = 20,
               .delete_block = 10,
               .pushes = 3,
               .creations = 1,
               .syncs = 20,
               .settle = std::chrono::seconds(1),
               .idle = std::chrono::seconds(5)};
      output = "build/bench-quick.json";
    } else if (std::strcmp(argv[i], "--output") == 0 && i + 1 < argc) {
      output = argv[++i];
    } else if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
      only = argv[++i];
      output.clear();
    } else {
      std::cerr << usage;
      return 2;
    }
  }
  log::set_level(log::Level::Error);
  std::unique_ptr<Stand> stand;
  try {
    stand = std::make_unique<Stand>(scale);
    Figures figures;
    const auto parts = split(only, ',');
    const auto wanted = [&](std::string_view part) { return only.empty() || std::ranges::find(parts, part) != parts.end(); };
    prepare(*stand);
    if (only.empty()) measure_memory(*stand, figures, "rss_100", std::nullopt);
    if (wanted("create"))
      measure_create(*stand, figures);
    else
      create_unmeasured(*stand);
    if (only.empty()) measure_memory(*stand, figures, "rss_1000", 32);
    if (wanted("drift")) measure_drift(*stand, figures);
    if (wanted("push")) measure_push(*stand, figures, floor_of(figures, "drift_p50"));
    if (wanted("push") || wanted("webhook")) measure_webhook(*stand, figures, floor_of(figures, "drift_p50"));
    if (wanted("rollback")) measure_rollback(*stand, figures);
    if (wanted("idle")) measure_idle(*stand, figures);
    if (wanted("monorepo")) measure_monorepo(*stand, figures); // last: what it leaves is no small cluster
    sort_by_contract(figures);
    std::cout << table(figures) << std::flush;
    if (!output.empty()) test::write_file(output, to_json(figures).dump(2) + "\n");
    const auto missed = std::ranges::count_if(figures, [](const Figure& figure) { return figure.kept() == false; });
    const auto kept = std::ranges::count_if(figures, [](const Figure& figure) { return figure.kept() == true; });
    std::cout << cat("\n", kept, " bars kept, ", missed, " missed", output.empty() ? "" : "; written to ", output, "\n");
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench: cannot measure: " << error.what() << "\n";
    if (stand) {
      const auto lines = test::lines_of(stand->op().log());
      std::cerr << "the operator's last words:\n";
      for (size_t i = lines.size() - std::min<size_t>(lines.size(), 10); i < lines.size(); ++i)
        std::cerr << "  " << lines[i] << "\n";
    }
    return 1;
  }
}
