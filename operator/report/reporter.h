// Everything that is told to the outside, in one hand: metrics and Events. Status has a writer per object (status_writer.h).
#pragma once
#include "report/events.h"
#include "report/metrics.h"

namespace gitsync::report {

struct Reporter {
  Metrics& metrics;
  EventRecorder& events;
};

} // namespace gitsync::report
