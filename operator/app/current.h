// Whether a GitSync is current as of its source's revision. Pure.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gitsync::app {

struct Current {
  enum class State {
    Yes,     // what the source's revision says of the GitSync's path is applied
    No,      // something is still to be done, or went wrong
    Unknown, // the source is missing, or has no revision for its present spec
  } state = State::Unknown;
  std::string why; // for people, one line
  friend bool operator==(const Current&, const Current&) = default;
};

/// "yes", "no", "unknown".
std::string_view current_text(Current::State state);

/// Works it out from a GitSync and its GitRepository (null: there is none), as the API server shows them.
///
/// A commit that touches nothing of a GitSync's path writes only the GitRepository's status (shared decisions, "Behaviour"), so
/// the GitSync then stays at an older lastAppliedRevision and is current all the same: that is when it is Ready for its present
/// generation, attempts nothing newer than it has applied, and nothing is under way.
Current current_as_of(const nlohmann::json& sync, const nlohmann::json& source);

/// The GitRepository that a GitSync names; an empty name where it names none.
struct SourceName {
  std::string ns, name;
};
SourceName source_of(const nlohmann::json& sync);

} // namespace gitsync::app
