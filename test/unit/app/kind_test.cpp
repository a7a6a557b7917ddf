#include "app/kind.h"

#include "support/catch.h"

using namespace gitsync::app;

TEST_CASE("our kinds go by all the names that kubectl takes") {
  for (const auto* word : {"gitsync", "gitsyncs", "gs", "GitSync", "gitsyncs.gitops.volaticloud.com"})
    CHECK(parse_kind(word) == Kind::GitSync);
  for (const auto* word : {"gitrepository", "gitrepositories", "gitrepo", "GitRepository"})
    CHECK(parse_kind(word) == Kind::GitRepository);
  for (const auto* word : {"", "git", "gitsync.example.com", "all", "pods"}) CHECK(!parse_kind(word));
  for (const auto& word : kind_words()) CHECK(parse_kind(word));
  CHECK(resource_of(Kind::GitSync).path("shop", "api") == "/apis/gitops.volaticloud.com/v1alpha1/namespaces/shop/gitsyncs/api");
  CHECK(resource_of(Kind::GitRepository).path() == "/apis/gitops.volaticloud.com/v1alpha1/gitrepositories");
  CHECK(object_text(Kind::GitSync, "shop", "api") == "GitSync shop/api");
}
