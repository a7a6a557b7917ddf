// What an operator that serves several teams allows a GitSync. Pure.
#pragma once
#include "api/git_sync.h"

#include <optional>
#include <string>

namespace gitsync::api {

/// The operator's flags.
struct Tenancy {
  std::string default_service_account;  // of the GitSync's namespace, where it names none; empty: none
  bool require_service_account = false; // a GitSync without one is refused
  bool cross_namespace_refs = false;    // sourceRef and dependsOn may name another namespace
};

/// The user as whom a GitSync's objects are read and written; empty: the operator itself.
std::string account_of(const GitSync& sync, const Tenancy& tenancy);

/// What of the spec this operator does not allow, as InvalidSpec "GitSync ns/name: spec.…"; nothing where all is well.
std::optional<Error> not_allowed(const GitSync& sync, const Tenancy& tenancy);

} // namespace gitsync::api
