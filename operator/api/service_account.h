// ServiceAccounts as users of the API server: how they are named, and what grants them a right. Pure.
#pragma once
#include "base/error.h"

#include <string>
#include <string_view>

namespace gitsync::api {

/// "system:serviceaccount:shop:deployer". Source: k8s.io/apiserver/pkg/authentication/serviceaccount.
std::string service_account_user(std::string_view ns, std::string_view name);

/// Its two parts; both empty where the user is no ServiceAccount.
struct ServiceAccount {
  std::string ns, name;
};
ServiceAccount parse_service_account_user(std::string_view user);

/// A refusal (ApiForbidden) of a request that was sent as `user`, with who was refused and what grants it. `ns`: where the
/// object lies, empty for a cluster-scoped one. Any other error, and one of a request without impersonation, stays as it is.
Error with_grant(Error error, std::string_view user, std::string_view ns);

} // namespace gitsync::api
