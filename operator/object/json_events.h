// A JSON text → the same tree as YAML's, with the same budgets and the same refusal of duplicate keys. Pure, any thread.
#pragma once
#include "object/tree.h"

#include <string_view>

namespace gitsync::yaml {

/// Reads one JSON value into `builder`. Nothing where it ended well or the builder said stop. `text` must have passed
/// check_text() and have "\n" line ends.
std::optional<SyntaxError> read_json(std::string_view text, TreeBuilder& builder);

} // namespace gitsync::yaml
