// What `gitsync get` prints of the objects that it has. Pure.
#pragma once
#include "app/flags.h"
#include "base/clock.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gitsync::app {

/// Objects of both kinds as the API server shows them; `sources` are the GitRepositories that the GitSyncs may name.
struct Listed {
  std::vector<nlohmann::json> syncs, sources;
};

/// Table of GitSyncs: kubectl's columns, and CURRENT. With `namespaces` the first column is NAMESPACE; wide adds columns before
/// MESSAGE.
std::string sync_table(const Listed& listed, bool namespaces, bool wide, WallTime now);
/// Table of the GitRepositories in `listed.sources`.
std::string source_table(const Listed& listed, bool namespaces, bool wide, WallTime now);

/// The objects as -o json, yaml or name prints them, managedFields left out: one alone where `single`, else as items of a List.
std::string objects_text(std::vector<nlohmann::json> objects, bool single, Output output);

} // namespace gitsync::app
