#include "api/service_account.h"

#include "base/text.h"

namespace gitsync::api {

std::string service_account_user(std::string_view ns, std::string_view name) {
  return cat("system:serviceaccount:", ns, ":", name);
}

ServiceAccount parse_service_account_user(std::string_view user) {
  const auto parts = split(user, ':');
  if (parts.size() != 4 || parts[0] != "system" || parts[1] != "serviceaccount") return {};
  return {std::string(parts[2]), std::string(parts[3])};
}

Error with_grant(Error error, std::string_view user, std::string_view ns) {
  if (error.code != Code::ApiForbidden || user.empty()) return error;
  const auto account = parse_service_account_user(user);
  const auto says = [&](std::string_view part) { return error.message.find(part) != std::string::npos; };
  if (says("cannot impersonate")) {
    error.message += cat("; the operator needs the verb impersonate on serviceaccounts to act as ", user);
  } else if (!says("cannot ")) { // an admission policy, or a grant beyond the account's own rights
    error.message += cat("; it was refused to ", user);
  } else if (ns.empty()) {
    error.message += cat("; ", user, " lacks the right: kubectl create clusterrolebinding ", account.ns, "-", account.name,
                         " --clusterrole=ROLE --serviceaccount=", account.ns, ":", account.name);
  } else {
    error.message += cat("; ", user, " lacks the right: kubectl create rolebinding ", account.ns, "-", account.name, " -n ", ns,
                         " --clusterrole=ROLE --serviceaccount=", account.ns, ":", account.name);
  }
  return error;
}

} // namespace gitsync::api
