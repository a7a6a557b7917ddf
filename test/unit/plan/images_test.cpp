#include "plan/images.h"

#include "support/catch.h"

using namespace gitsync;
using nlohmann::json;

namespace {

const ImageTags tags = {{*parse_image_name("ghcr.io/example/shop"), "sha-1"}, {*parse_image_name("nginx"), "sha-2"}};

json pod_spec(const json& image) { return {{"containers", {{{"name", "c"}, {"image", image}}}}}; }

json tagged(json body) {
  std::set<ImageName> found;
  set_image_tags(body, tags, found);
  return body;
}

} // namespace

TEST_CASE("a container's image gets the tag, whatever tag or digest it had, and no other does", "[plan][images]") {
  const std::pair<const char*, const char*> table[] = {
      {"ghcr.io/example/shop", "ghcr.io/example/shop:sha-1"},
      {"ghcr.io/example/shop:latest", "ghcr.io/example/shop:sha-1"},
      {"ghcr.io/example/shop:1@sha256:ab", "ghcr.io/example/shop:sha-1"},
      {"nginx", "nginx:sha-2"}, // the name stays as it is written
      {"docker.io/library/nginx:1", "docker.io/library/nginx:sha-2"},
      {"ghcr.io/example/shop-worker:1", "ghcr.io/example/shop-worker:1"},
      {"ghcr.io/example:1", "ghcr.io/example:1"},
      {"example/shop:1", "example/shop:1"},
      {"quay.io/library/nginx", "quay.io/library/nginx"},
      {"", ""},
      {"not an image", "not an image"},
  };
  for (const auto& [image, expected] : table) {
    INFO(image);
    CHECK(tagged(pod_spec(image)) == pod_spec(expected));
  }
}

TEST_CASE("containers are found in pods, in every workload and in custom resources with pod templates", "[plan][images]") {
  const json before = pod_spec("nginx:1"), after = pod_spec("nginx:sha-2");
  const auto inside = [](const char* pointer, const json& spec) {
    json body = json::object();
    body[json::json_pointer(pointer)] = spec;
    return body;
  };
  for (const char* pointer : {"/spec",                                // Pod
                              "/spec/template/spec",                  // Deployment, StatefulSet, DaemonSet, Job, Argo's Rollout
                              "/spec/jobTemplate/spec/template/spec", // CronJob
                              "/template/spec",                       // PodTemplate
                              "/spec/predictor/podSpec"}) {
    INFO(pointer);
    CHECK(tagged(inside(pointer, before)) == inside(pointer, after));
  }
  for (const char* list : {"containers", "initContainers", "ephemeralContainers"}) {
    INFO(list);
    CHECK(tagged({{"spec", {{list, {{{"image", "nginx"}}, {{"image", "other"}}}}}}}) ==
          json{{"spec", {{list, {{{"image", "nginx:sha-2"}}, {{"image", "other"}}}}}}});
  }
}

TEST_CASE("what only looks like a container stays as it is", "[plan][images]") {
  for (const json& body :
       {json{{"data", {{"containers", "nginx"}}}}, json{{"spec", {{"image", "nginx"}}}},
        json{{"containers", {{"image", "nginx"}}}}, json{{"containers", {"nginx", 1, nullptr, {{"image", 1}}}}},
        json{{"volumes", {{{"image", "nginx"}}}}}, json(), json("nginx"), json::array({"nginx"})}) {
    INFO(body.dump());
    CHECK(tagged(body) == body);
  }
}

TEST_CASE("what was found is told", "[plan][images]") {
  std::set<ImageName> found;
  json body = pod_spec("docker.io/library/nginx");
  set_image_tags(body, tags, found);
  CHECK(found == std::set{*parse_image_name("nginx")});
}
