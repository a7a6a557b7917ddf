// How a plan is shown to people. Pure.
#pragma once
#include "plan/preview.h"

#include <string>

namespace gitsync::app {

/// One object after the other: "+" is created, "~" changed, "-" deleted, "!" an error of the dry run; below it its fields.
/// Control characters are replaced, so that nothing from a cluster steers the terminal.
std::string plan_text(const Preview& preview);

} // namespace gitsync::app
