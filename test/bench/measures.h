// What is measured, one function each, in the order in which the bench runs them; each adds its figures. They throw where
// something cannot be measured.
#pragma once
#include "bench/stand.h"

namespace gitsync::bench {

using Figures = std::vector<Figure>;

/// 100 objects are committed and applied.
void prepare(Stand& stand);
/// The same with 1,000, the bare client's too, for what is measured with them.
void create_unmeasured(Stand& stand);
/// 1,000 objects in one push, in turn with the bare client: create_1000. Leaves them.
void measure_create(Stand& stand, Figures& figures);
/// rss_100, rss_1000, rss_10000: with the objects that are there.
void measure_memory(Stand& stand, Figures& figures, const std::string& name, std::optional<double> limit);
/// 1,000 patches and 300 deletes by somebody else, block by block in turn with the bare client: drift_*, delete_*.
void measure_drift(Stand& stand, Figures& figures);
/// One of 1,000 objects changed by a push: fetch, push_one_*. `event_and_apply` is the floor where it was measured: one watch
/// event and one apply, in ms.
void measure_push(Stand& stand, Figures& figures, std::optional<double> event_and_apply);
/// The same, but told of by a webhook instead of `gitsync reconcile`: push_by_webhook*.
void measure_webhook(Stand& stand, Figures& figures, std::optional<double> event_and_apply);
/// 10,000 objects of ten kinds, and nothing happens: rss_10000, idle_*.
void measure_idle(Stand& stand, Figures& figures);

/// 1,000 GitSyncs of four objects in one repository: noop_commit_*, push_all_*.
void measure_monorepo(Stand& stand, Figures& figures);
/// A commit that never becomes healthy: rollback_after_timeout, newer_commit_starts.
void measure_rollback(Stand& stand, Figures& figures);

} // namespace gitsync::bench
