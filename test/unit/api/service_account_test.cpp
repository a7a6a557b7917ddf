// ServiceAccounts as users, and what is said where one of them is refused.
#include "api/service_account.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::api;

TEST_CASE("a ServiceAccount's user name is read as it is written", "[api]") {
  const auto account = parse_service_account_user(service_account_user("shop", "deployer.prod"));
  CHECK(account.ns == "shop");
  CHECK(account.name == "deployer.prod");
  for (const char* other : {"", "admin", "system:node:a:b", "system:serviceaccount:shop", "system:serviceaccount:a:b:c"}) {
    INFO(other);
    CHECK(parse_service_account_user(other).name.empty());
  }
}

TEST_CASE("a refusal names who was refused and what grants the right; other errors stay as they are", "[api]") {
  struct Row {
    Code code;
    std::string said, user, ns, added;
  };
  const std::string user = service_account_user("shop", "deployer");
  const std::vector<Row> rows = {
      {Code::ApiForbidden, "cannot patch resource", user, "other",
       "; system:serviceaccount:shop:deployer lacks the right: kubectl create rolebinding shop-deployer -n other "
       "--clusterrole=ROLE --serviceaccount=shop:deployer"},
      {Code::ApiForbidden, "cannot patch resource", user, "",
       "; system:serviceaccount:shop:deployer lacks the right: kubectl create clusterrolebinding shop-deployer "
       "--clusterrole=ROLE --serviceaccount=shop:deployer"},
      {Code::ApiForbidden, "cannot impersonate resource", user, "other",
       "; the operator needs the verb impersonate on serviceaccounts to act as system:serviceaccount:shop:deployer"},
      {Code::ApiForbidden, "is attempting to grant RBAC permissions not currently held", user, "shop",
       "; it was refused to system:serviceaccount:shop:deployer"},
      {Code::ApiForbidden, "cannot patch resource", "", "other", ""},
      {Code::ApiInvalid, "cannot patch resource", user, "other", ""},
  };
  for (const auto& row : rows) {
    INFO(row.said);
    CHECK(with_grant({row.code, row.said, Retry::Backoff, {}}, row.user, row.ns).message == row.said + row.added);
  }
}
