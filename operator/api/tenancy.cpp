#include "api/tenancy.h"

#include "api/names.h"
#include "api/service_account.h"
#include "base/text.h"

namespace gitsync::api {

std::string account_of(const GitSync& sync, const Tenancy& tenancy) {
  const auto& named = sync.spec.service_account;
  const auto& name = named.empty() ? tenancy.default_service_account : named;
  return name.empty() ? std::string() : service_account_user(sync.meta.ns, name);
}

std::optional<Error> not_allowed(const GitSync& sync, const Tenancy& tenancy) {
  const auto refuse = [&](std::string text) {
    return Error{Code::InvalidSpec, cat(git_sync_kind, ' ', sync.meta.key(), ": ", text), Retry::Never, {}};
  };
  if (tenancy.require_service_account && account_of(sync, tenancy).empty())
    return refuse(
        cat("spec.serviceAccountName: this operator does nothing in its own name: name a ServiceAccount of namespace ",
            sync.meta.ns, " that may write what is declared"));
  if (tenancy.cross_namespace_refs) return {};
  const auto elsewhere = [&](std::string_view field, const std::string& ns) {
    return refuse(cat(field, ": another namespace (", ns, ") is not allowed: use one of ", sync.meta.ns,
                      ", or start the operator with --allow-cross-namespace-refs"));
  };
  if (!sync.spec.source_namespace.empty() && sync.spec.source_namespace != sync.meta.ns)
    return elsewhere("spec.sourceRef.namespace", sync.spec.source_namespace);
  for (const auto& dependency : sync.spec.depends_on)
    if (!dependency.ns.empty() && dependency.ns != sync.meta.ns) return elsewhere("spec.dependsOn[].namespace", dependency.ns);
  return {};
}

} // namespace gitsync::api
