// In which stage of an apply a kind belongs. Pure.
#pragma once
#include "object/manifest.h"

namespace gitsync {

/// Stages begin when the one before has ended. Deleting goes the other way round.
enum class Stage : int {
  Definitions = 0, // Namespaces and CustomResourceDefinitions; the executor waits until CRDs are Established
  Everything = 1,  // all other kinds, concurrently
  Admission = 2,   // webhook configurations, admission policies, APIServices: they could refuse what is applied beside them
};

Stage stage_of(const GroupKind& kind);

} // namespace gitsync
