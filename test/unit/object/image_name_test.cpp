#include "object/image_name.h"

#include "object/image_tag.h"
#include "support/catch.h"

using namespace gitsync;

TEST_CASE("names of images, as container runtimes read them", "[object][images]") {
  const std::pair<const char*, const char*> good[] = {
      {"nginx", "docker.io/library/nginx"},           {"library/nginx", "docker.io/library/nginx"},
      {"docker.io/nginx", "docker.io/library/nginx"}, {"index.docker.io/library/nginx", "docker.io/library/nginx"},
      {"team/shop", "docker.io/team/shop"},           {"ghcr.io/example/shop", "ghcr.io/example/shop"},
      {"ghcr.io/a/b/c/d", "ghcr.io/a/b/c/d"},         {"localhost/shop", "localhost/shop"},
      {"localhost:5000/shop", "localhost:5000/shop"}, {"registry:5000/shop", "registry:5000/shop"},
      {"127.0.0.1:5000/shop", "127.0.0.1:5000/shop"}, {"Registry/shop", "Registry/shop"}, // a capital letter is no repository's
      {"a.b/c__d/e-f--g.h_i", "a.b/c__d/e-f--g.h_i"},
  };
  for (const auto& [text, normal] : good) {
    INFO(text);
    const auto name = parse_image_name(text);
    REQUIRE(name);
    CHECK(name->text() == normal);
    CHECK(parse_image_name(name->text()) == name);
  }
  for (const char* bad : {"",
                          "/",
                          "nginx:1",
                          "nginx@sha256:0",
                          "ghcr.io/",
                          "ghcr.io/shop:1",
                          "Shop",
                          "ghcr.io/Shop",
                          "a//b",
                          "ghcr.io/a/",
                          "-a",
                          "a-",
                          "a..b",
                          "a___b",
                          "a._b",
                          "a b",
                          "a/../b",
                          "host:/x",
                          "host:port/x",
                          "https://ghcr.io/a",
                          "[::1]:5000/a",
                          "-x.y/a",
                          "x.y-/a",
                          "ghcr.io:123456/a",
                          "a\n"}) {
    INFO(bad);
    CHECK_FALSE(parse_image_name(bad));
  }
  CHECK_FALSE(parse_image_name("a/" + std::string(254, 'b')));
}

TEST_CASE("a tag and a digest are no part of the name", "[object][images]") {
  const std::pair<const char*, const char*> table[] = {
      {"nginx", "nginx"},
      {"nginx:1.25", "nginx"},
      {"nginx@sha256:ab", "nginx"},
      {"nginx:1@sha256:ab", "nginx"},
      {"localhost:5000/shop", "localhost:5000/shop"},
      {"localhost:5000/shop:1", "localhost:5000/shop"},
      {"", ""},
      {":", ""},
  };
  for (const auto& [image, name] : table) {
    INFO(image);
    CHECK(without_tag(image) == name);
  }
}

TEST_CASE("a template becomes a tag", "[object][images]") {
  const std::string commit = "1f3c9a2b00000000000000000000000000000000";
  CHECK(image_tag("sha-{shortSha}", commit) == "sha-1f3c9a2");
  CHECK(image_tag("{sha}", commit) == commit);
  CHECK(image_tag("v1-{shortSha}-{sha}.{shortSha}", commit) == "v1-1f3c9a2-" + commit + ".1f3c9a2");
  for (const char* good : {"{sha}", "{shortSha}", "sha-{shortSha}", "_{sha}", "main-{sha}-amd64", "A.b_c-{shortSha}"}) {
    INFO(good);
    CHECK(image_tag_problem(good).empty());
    CHECK(is_image_tag(image_tag(good, commit)));
  }
  for (const char* bad : {"", "latest", "{SHA}", "{sha", "-{sha}", ".{sha}", "{sha}/x", "{sha}:x", "{branch}-{sha}", "{sha} ",
                          "{sha}{sha}{sha}{sha}"}) {
    INFO(bad);
    CHECK_FALSE(image_tag_problem(bad).empty());
  }
}
