#include "app/list_view.h"

#include "base/json_read.h"
#include "object/decode.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::app;
using nlohmann::json;

namespace {

const auto now = *parse_rfc3339("2026-11-23T05:45:56Z");

json object(const char* kind, const char* ns, const char* name) {
  return {{"apiVersion", "gitops.volaticloud.com/v1alpha1"},
          {"kind", kind},
          {"metadata",
           {{"namespace", ns},
            {"name", name},
            {"generation", 1},
            {"creationTimestamp", "2026-11-20T05:45:56Z"},
            {"managedFields", json::array({1})}}}};
}

json condition(const char* status, const char* message) {
  return json::array(
      {{{"type", "Ready"}, {"status", status}, {"reason", "Applied"}, {"message", message}, {"observedGeneration", 1}}});
}

Listed listed() {
  const std::string a = "main@sha1:" + std::string(40, 'a'), b = "main@sha1:" + std::string(40, 'b');
  auto source = object("GitRepository", "shop", "src");
  source["spec"] = {{"url", "https://user:hunter2@git.example/x"}, {"interval", "15s"}};
  source["status"] = {{"observedGeneration", 1},
                      {"revision", b},
                      {"conditions", condition("True", "Fetched")},
                      {"lastFetch", {{"time", "2026-11-23T05:45:00Z"}, {"milliseconds", 3}}}};
  auto sync = object("GitSync", "shop", "api");
  sync["spec"] = {{"sourceRef", {{"name", "src"}}}, {"path", "./apps"}};
  sync["status"] = {{"observedGeneration", 1},
                    {"lastAppliedRevision", a},
                    {"lastAttemptedRevision", a},
                    {"objects", 23},
                    {"drift", 0},
                    {"health", "Unknown"},
                    {"conditions", condition("True", "Applied")}};
  auto fresh = object("GitSync", "shop", "new");
  fresh["spec"] = {{"sourceRef", {{"name", "none"}}}};
  return {{sync, fresh}, {source}};
}

} // namespace

TEST_CASE("the table of GitSyncs has kubectl's columns and whether each is current") {
  CHECK(sync_table(listed(), false, false, now) ==
        "NAME   READY    CURRENT   REVISION       OBJECTS   HEALTH    DRIFT    AGE   MESSAGE\n"
        "api    True     yes       main@aaaaaaa   23        Unknown   0        3d    Applied\n"
        "new    <none>   unknown   <none>         <none>    <none>    <none>   3d    <none>\n");
  CHECK(sync_table(listed(), true, false, now).starts_with("NAMESPACE   NAME"));
  const auto wide = sync_table(listed(), false, true, now);
  for (const auto* cell : {"src", "main@bbbbbbb changed nothing of it", "./apps", "the source does not exist"})
    CHECK(wide.find(cell) != std::string::npos);
}

TEST_CASE("a source of that name in another namespace is another source") {
  auto all = listed();
  all.sources[0]["metadata"]["namespace"] = "other";
  CHECK(sync_table(all, false, false, now).find("yes") == std::string::npos);
}

TEST_CASE("the table of GitRepositories shows no password") {
  CHECK(source_table(listed(), false, false, now) ==
        "NAME   READY   REVISION       URL                         AGE   MESSAGE\n"
        "src    True    main@bbbbbbb   https://***@git.example/x   3d    Fetched\n");
  const auto wide = source_table(listed(), true, true, now);
  CHECK(wide.find("56s") != std::string::npos);
  CHECK(wide.find("15s") != std::string::npos);
}

TEST_CASE("objects for programs") {
  const auto all = listed();
  CHECK(objects_text({all.syncs[0], all.sources[0]}, false, Output::Name) ==
        "gitsync.gitops.volaticloud.com/api\ngitrepository.gitops.volaticloud.com/src\n");
  const auto one = json::parse(objects_text({all.syncs[0]}, true, Output::Json));
  CHECK(one["kind"] == "GitSync");
  CHECK(!one["metadata"].contains("managedFields"));
  CHECK(one["status"] == all.syncs[0]["status"]);
  const auto list = yaml_to_json("out.yaml", objects_text(all.syncs, false, Output::Yaml));
  REQUIRE(list);
  CHECK((*list)["kind"] == "List");
  CHECK((*list)["items"].size() == 2);
  CHECK(json::parse(objects_text({}, false, Output::Json))["items"] == json::array());
}
