// The messages between the operator and the render worker (render/worker/serve.go), as values and as JSON. Pure. Both sides
// come from the same build, so there is no versioning; what cannot be read is WorkerDied: the other side is broken.
#pragma once
#include "base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::render {

/// Expressions in CEL, each of which has to give true or false.
struct CelRequest {
  std::vector<std::string> expressions;
  /// The names that they may use. Without any: the members of `values`, whatever they are called, and `self` for all of it.
  std::vector<std::string> variables;
  /// A JSON object, their values by name; empty: the expressions are compiled, not evaluated.
  std::string values;
};

/// What became of one expression.
struct CelResult {
  std::optional<bool> value;
  std::string problem; // why there is none; empty also where it was only compiled. May quote what it was evaluated over
  bool broken = false; // no values would help; the problem begins "line:column: "
  friend bool operator==(const CelResult&, const CelResult&) = default;
};

std::string encode(uint64_t id, const CelRequest& request);

struct CelAnswer {
  uint64_t id = 0;
  std::vector<CelResult> results; // one per expression
  std::string error;              // what was wrong with the request itself
};
Result<CelAnswer> decode_cel_answer(std::string_view message);

} // namespace gitsync::render
