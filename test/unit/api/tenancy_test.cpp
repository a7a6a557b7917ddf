// Whose rights count for a GitSync, and what an operator for several teams refuses.
#include "api/tenancy.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::api;

namespace {

GitSync sync_of(const std::string& account, const std::string& source_namespace = {}) {
  GitSync out;
  out.meta.ns = "shop";
  out.meta.name = "web";
  out.spec.service_account = account;
  out.spec.source_name = "source";
  out.spec.source_namespace = source_namespace;
  return out;
}

} // namespace

TEST_CASE("a GitSync's own account goes before the default; each is one of its own namespace", "[api]") {
  Tenancy tenancy;
  CHECK(account_of(sync_of(""), tenancy).empty());
  CHECK(account_of(sync_of("deployer"), tenancy) == "system:serviceaccount:shop:deployer");
  tenancy.default_service_account = "default";
  CHECK(account_of(sync_of(""), tenancy) == "system:serviceaccount:shop:default");
  CHECK(account_of(sync_of("deployer"), tenancy) == "system:serviceaccount:shop:deployer");
}

TEST_CASE("what is not allowed is refused by field, and says what to do", "[api]") {
  const auto said = [](const GitSync& sync, const Tenancy& tenancy) {
    const auto error = not_allowed(sync, tenancy);
    if (error) {
      CHECK(error->code == Code::InvalidSpec);
      CHECK(error->retry == Retry::Never);
    }
    return error ? error->message : "";
  };
  Tenancy tenancy;
  CHECK(said(sync_of(""), tenancy).empty());
  CHECK(said(sync_of("", "shop"), tenancy).empty()); // its own namespace, said aloud
  CHECK(said(sync_of("", "other"), tenancy) ==
        "GitSync shop/web: spec.sourceRef.namespace: another namespace (other) is not allowed: use one of shop, or start the "
        "operator with --allow-cross-namespace-refs");
  auto depends = sync_of("");
  depends.spec.depends_on = {{"infra", "shop", ""}};
  CHECK(said(depends, tenancy).empty());
  CHECK(depends.key_of(depends.spec.depends_on[0]) == "shop/infra");
  depends.spec.depends_on = {{"infra", "platform", ""}};
  CHECK(
      said(depends, tenancy).starts_with("GitSync shop/web: spec.dependsOn[].namespace: another namespace (platform) is not"));
  CHECK(depends.key_of(depends.spec.depends_on[0]) == "platform/infra");
  tenancy.cross_namespace_refs = true;
  CHECK(said(depends, tenancy).empty());
  CHECK(said(sync_of("", "other"), tenancy).empty());
  CHECK(sync_of("", "other").source_key() == "other/source");
  CHECK(sync_of("").source_key() == "shop/source");
  tenancy.require_service_account = true;
  CHECK(said(sync_of(""), tenancy).starts_with("GitSync shop/web: spec.serviceAccountName: "));
  CHECK(said(sync_of("deployer"), tenancy).empty());
  tenancy.default_service_account = "default";
  CHECK(said(sync_of(""), tenancy).empty());
}
