// Which of the objects that wait to be applied may be applied now. Pure.
#pragma once
#include "plan/managed_object.h"
#include "plan/plan.h"

#include <optional>
#include <set>

namespace gitsync {

/// For one look: what changes afterwards, the next one sees.
class Gate {
public:
  enum class Answer {
    Go,
    Wait,   // for something that is not applied or not healthy yet
    Denied, // what it depends on has failed
  };
  /// `failed`: refused by the API server in this pass.
  Gate(const DesiredSet& desired, ObjectTable& table, const std::set<ObjectRef>& failed);

  Answer ask(const ManagedObject& object) const;

private:
  bool done(const ObjectRef& ref) const;
  /// Whether it stands or falls with something that failed: its Namespace, the definition of its kind.
  bool lacks_ground(const ObjectRef& ref) const;

  ObjectTable& table_;
  const std::set<ObjectRef>& failed_;
  std::optional<int> open_wave_;   // the lowest one that is not done
  std::optional<int> failed_wave_; // the lowest one in which something failed
};

/// Applied as it is declared now, and well.
bool is_done(const ManagedObject& object);

} // namespace gitsync
