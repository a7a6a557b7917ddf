// What became of a request to reconcile. Pure.
#pragma once
#include "app/kind.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gitsync::app {

struct Outcome {
  enum class State {
    Waiting, // the operator has not finished: look at the object's next version
    Done,    // asked for and Ready
    Failed,  // asked for and not Ready, or it can never be handled
  } state = State::Waiting;
  std::string text; // Done, Failed: what to tell, without the object before it
};

/// Judges a version of the object against the request `requested_at` (the annotation's value, RFC 3339). A later request that
/// was handled covers an earlier one. A suspended object is Failed at once: nobody will handle the request.
Outcome outcome_of(Kind kind, const nlohmann::json& object, std::string_view requested_at);

} // namespace gitsync::app
