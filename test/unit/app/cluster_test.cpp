#include "app/cluster.h"

#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::app;

TEST_CASE("where the kubeconfig is looked for") {
  struct Row {
    std::string flag, list, home;
    bool in_pod, home_has_one;
    std::string found; // "-": the pod's service account, "!": an error
  };
  const auto row = GENERATE(values<Row>({
      {"flag", "one:two", "/home/u", true, true, "flag"},
      {"", "one:two", "/home/u", true, true, "one"},
      {"", ":two", "/home/u", true, true, "two"},
      {"", ":", "/home/u", false, true, "/home/u/.kube/config"},
      {"", "", "/home/u", true, true, "/home/u/.kube/config"},
      {"", "", "/home/u", true, false, "-"},
      {"", "", "", true, true, "-"},
      {"", "", "/home/u", false, false, "!"},
      {"", "", "", false, false, "!"},
  }));
  CAPTURE(row.flag, row.list, row.home, row.in_pod, row.home_has_one);
  const auto found = find_kubeconfig(
      {row.flag, row.list, row.home, row.in_pod, [&](const std::filesystem::path&) { return row.home_has_one; }});
  if (row.found == "!") {
    REQUIRE(!found);
    CHECK(found.error().code == Code::InvalidArgument);
    CHECK(found.error().message.find("--kubeconfig") != std::string::npos);
    return;
  }
  REQUIRE(found);
  CHECK((*found ? (*found)->string() : "-") == row.found);
}

TEST_CASE("errors begin with the object, and tell a missing object from a missing kind") {
  const auto missing = fail(Code::ApiNotFound, "get /apis/…: gitsyncs.gitops.volaticloud.com \"api\" not found").error();
  CHECK(about(Kind::GitSync, "shop", "api", missing).message ==
        "GitSync shop/api: there is none of that name; \"gitsync get -A\" lists all");
  const auto unknown = fail(Code::ApiNotFound, "list /apis/…: the server could not find the requested resource").error();
  CHECK(about(Kind::GitSync, "shop", "", unknown).message ==
        "gitsyncs.gitops.volaticloud.com in shop: the API server does not know GitSyncs: install the CRDs of gitsync");
  const auto refused = fail(Code::ApiForbidden, "get /x: forbidden").error();
  CHECK(about(Kind::GitRepository, "shop", "src", refused).message == "GitRepository shop/src: get /x: forbidden");
  CHECK(about(Kind::GitRepository, "shop", "src", refused).code == Code::ApiForbidden);
}
