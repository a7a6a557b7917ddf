#include "api/meta.h"
#include "api/names.h"
#include "support/catch.h"

#include <nlohmann/json.hpp>

using namespace gitsync::api;
using nlohmann::json;

TEST_CASE("metadata as the API server gives it", "[api]") {
  const auto meta = parse_meta(json::parse(R"({"metadata": {
    "namespace": "shop", "name": "api", "uid": "u-1", "resourceVersion": "42", "generation": 3,
    "deletionTimestamp": "2026-11-23T12:00:00Z", "finalizers": ["other", "gitops.volaticloud.com/finalizer"],
    "annotations": {"reconcile.gitops.volaticloud.com/requestedAt": "now", "kubectl.kubernetes.io/last-applied-configuration": "{}"}}})"));
  CHECK(meta.key() == "shop/api");
  CHECK(meta.uid == "u-1");
  CHECK(meta.resource_version == "42");
  CHECK(meta.generation == 3);
  CHECK(meta.deleting);
  CHECK(meta.has_finalizer(finalizer_name));
  CHECK_FALSE(meta.has_finalizer("another"));
  CHECK(meta.requested_at() == "now");
  CHECK(meta.annotations.size() == 1); // only ours
}

TEST_CASE("metadata of anything at all can be read", "[api]") {
  for (const auto* text :
       {"null", "[]", "7", "{}", R"({"metadata": null})", R"({"metadata": "x"})",
        R"({"metadata": {"name": 1, "generation": "x", "finalizers": "x", "annotations": [1], "deletionTimestamp": 5}})",
        R"({"metadata": {"finalizers": [1, null], "annotations": {"gitops.volaticloud.com/x": 1}}})"}) {
    INFO(text);
    const auto meta = parse_meta(json::parse(text));
    CHECK(meta.key() == "/");
    CHECK(meta.generation == 0);
    CHECK_FALSE(meta.deleting);
    CHECK(meta.finalizers.empty());
    CHECK(meta.annotations.empty());
  }
}
