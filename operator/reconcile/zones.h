// Time zones of the system's database (package tzdata), by their IANA names. The one place that knows where they come from.
#pragma once
#include "api/git_sync.h"
#include "plan/window.h"

#include <memory>
#include <string>
#include <vector>

namespace gitsync::reconcile {

/// Reads small local files at its first use and once per zone. InvalidSpec where there is no such zone.
Result<std::shared_ptr<const Zone>> find_zone(const std::string& name);

/// spec.windows with their zones. InvalidSpec: "GitSync ns/name: spec.windows[0].timeZone: …".
Result<std::vector<Window>> windows_of(const std::vector<api::WindowSpec>& specs, const std::string& owner);

} // namespace gitsync::reconcile
