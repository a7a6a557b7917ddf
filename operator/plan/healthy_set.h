// The last healthy revision, kept as what differs from it now: what a rollback goes back to. Pure.
//
// It takes room only between a revision's acceptance and its being healthy, and only for what the revision changes. It needs
// neither git nor a mirror, so that going back works while git is away or has forgotten the commit.
#pragma once
#include "plan/managed_object.h"
#include "plan/plan.h"

#include <functional>
#include <map>
#include <optional>
#include <set>

namespace gitsync {

/// How the last healthy revision had an object that is declared otherwise now.
struct Fallback {
  std::string version;
  SourceLocation at;
  Body body;
  Digest content;
};

class HealthySet {
public:
  struct Identity {
    std::string revision, commit, tree, spec_key; // as in DesiredSet
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  /// Nothing where the object did not exist in it.
  using Changes = std::map<ObjectRef, std::optional<Fallback>>;

  /// Whether there has been a healthy revision.
  bool known() const { return !identity_.commit.empty(); }
  const Identity& identity() const { return identity_; }
  const Changes& changes() const { return changes_; }

  /// All that is declared now is the healthy set.
  void renew(Identity identity);
  /// What was stored.
  void restore(Identity identity, Changes changes);

  /// Before the plan is adopted: keeps how the objects that it changes are now. Returns whether anything is to be stored.
  bool remember(const Plan& plan, ObjectTable& table);

private:
  Identity identity_;
  Changes changes_;
};

/// Kinds that a rollback never undoes: what they hold would be lost (Namespaces, volumes and their claims, definitions).
bool is_irreversible(const GroupKind& kind);

/// What going back takes.
struct Rollback {
  std::vector<Prepared> restore;
  std::vector<ObjectRef> prune;   // made by us after the healthy revision
  std::vector<ObjectRef> release; // taken over after it, or perhaps: given up as they are, never deleted
  std::vector<ObjectRef> kept;    // would have to be undone and never are
};
/// Where an object stands before going back.
enum class Standing {
  Declared,
  Others, // another GitSync's by now: left alone
  Absent, // not declared any more, and perhaps not deleted yet
};
/// `made_by_us`: whether it is known that our own apply made the object (ManagedObject::created).
Rollback make_rollback(const HealthySet& healthy, const std::function<Standing(const ObjectRef&)>& standing,
                       const std::function<bool(const ObjectRef&)>& made_by_us);

} // namespace gitsync
