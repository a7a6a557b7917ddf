// What a revision changes: compared with what is declared now, never with the cluster. Pure.
#pragma once
#include "api/git_sync.h"
#include "plan/managed_object.h"
#include "plan/prepare.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gitsync {

/// The declared set of one GitSync, by file, so that a change of one file costs one file. Objects live in the ObjectTable.
struct DesiredSet {
  std::string revision; // "main@sha1:…" that was accepted
  std::string commit;
  std::string tree;     // git tree id of the path: equal means nothing to read
  std::string spec_key; // what else the bodies depend on (targetNamespace, path); another value means reading everything
  std::map<std::string, std::vector<ObjectRef>> files;
  std::set<ObjectRef> ordered; // of files: those whose annotations say something about their order
  std::set<ObjectRef> leaving; // in the inventory, not declared any more: to be pruned (or kept, where prune is off)

  size_t objects() const;
  /// Takes an object with that content in, or out again: `digest` identifies the whole set whatever the order.
  void toggle(const ObjectRef& ref, const Digest& content);
  Digest digest;
};

/// What was read of a revision.
struct RevisionDelta {
  bool full = false;           // files not named do not exist
  std::set<std::string> files; // read, or removed: their earlier objects are replaced
  std::vector<Prepared> objects;
  std::set<ObjectRef> opted_out{}; // stand in the files, and say that they are not to be applied
};

struct Plan {
  std::vector<Prepared> apply;    // new or changed
  std::vector<Prepared> moved;    // same content, another file or line
  std::vector<ObjectRef> prune;   // declared until now, not any more
  std::set<ObjectRef> given_up;   // of prune: left in the cluster, since they say so themselves
  std::vector<ObjectRef> created; // of apply: not in the inventory yet
  std::vector<ObjectRef> unasked; // left git while prune.enabled was false, and still there: deleted with this plan
};

/// Checks the delta against the declared set and the other GitSyncs; all errors at once.
/// DuplicateObject: declared in an unchanged file too. OwnedByOther: another GitSync has it. InvalidManifest: an order that
/// cannot be (order_errors()). Whether it deletes too much is asked by plan/veto.h.
std::expected<Plan, std::vector<Error>> make_plan(const DesiredSet& current, RevisionDelta delta, ObjectTable& table,
                                                  const std::string& owner);

} // namespace gitsync
