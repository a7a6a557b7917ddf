#include "object/manifest.h"
#include "support/catch.h"

#include <unordered_set>

using namespace gitsync;

TEST_CASE("references read as messages begin", "[manifest]") {
  CHECK(ObjectRef{"apps", "Deployment", "shop", "api"}.text() == "Deployment.apps shop/api");
  CHECK(ObjectRef{"", "Namespace", "", "shop"}.text() == "Namespace shop");
  CHECK(SourceLocation{"apps/api.yaml", 12}.text() == "apps/api.yaml:12");
  Manifest manifest;
  manifest.ref.group = "apps";
  manifest.version = "v1";
  CHECK(manifest.api_version() == "apps/v1");
  manifest.ref.group = "";
  CHECK(manifest.api_version() == "v1");
}

TEST_CASE("the hash tells parts apart", "[manifest]") {
  std::unordered_set<size_t> hashes;
  const ObjectRefHash hash;
  for (const auto& ref : {ObjectRef{"a", "b", "c", "d"}, ObjectRef{"b", "a", "c", "d"}, ObjectRef{"a", "b", "d", "c"},
                          ObjectRef{"", "ab", "c", "d"}})
    hashes.insert(hash(ref));
  CHECK(hashes.size() == 4);
  CHECK(hash(ObjectRef{"a", "b", "c", "d"}) == hash(ObjectRef{"a", "b", "c", "d"}));
}
