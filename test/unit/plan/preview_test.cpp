#include "plan/preview.h"
#include "support/catch.h"

using namespace gitsync;
using nlohmann::json;

namespace {

const ObjectRef map{"", "ConfigMap", "shop", "settings"}, secret{"", "Secret", "shop", "login"};

/// "path: before → after" of each field; "-" where there is none.
std::vector<std::string> changes(const json& before, const json& after) {
  ObjectPreview out;
  compare(before, after, out);
  std::vector<std::string> texts;
  for (const auto& field : out.fields)
    texts.push_back(field.path + ": " + field.before.value_or("-") + " → " + field.after.value_or("-"));
  return texts;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("fields are compared one by one, list items by their names", "[plan][preview]") {
  CHECK(changes({{"a", 1}}, {{"a", 1}}).empty());
  CHECK(changes({{"a", 1}, {"b", 2}}, {{"a", 2}, {"c", "x"}}) == Texts{"/a: 1 → 2", "/b: 2 → -", "/c: - → \"x\""});
  CHECK(changes({{"a", 1}}, {{"a", {{"b", 1}}}}) == Texts{"/a: 1 → {\"b\":1}"});
  CHECK(changes(nullptr, {{"a", {{"b", 1}, {"c", json::array({1})}}}}) == Texts{"/a/b: - → 1", "/a/c/0: - → 1"});
  CHECK(changes({{"a", json::object()}}, json::object()) == Texts{"/a: {} → -"});
  CHECK(changes({{"x/y~z", 1}}, {{"x/y~z", 2}}) == Texts{"/x~1y~0z: 1 → 2"});
  const json api = {{"name", "api"}, {"image", "api:1"}}, proxy = {{"name", "proxy"}, {"image", "proxy:1"}};
  const json newer = {{"name", "api"}, {"image", "api:2"}};
  CHECK(changes({{"containers", json::array({api, proxy})}}, {{"containers", json::array({proxy, newer})}}) ==
        Texts{"/containers[api]/image: \"api:1\" → \"api:2\""});
  CHECK(changes({{"containers", json::array({api})}}, {{"containers", json::array({api, proxy})}}) ==
        Texts{"/containers[proxy]/image: - → \"proxy:1\"", "/containers[proxy]/name: - → \"proxy\""});
  CHECK(changes({{"args", json::array({"a", "b"})}}, {{"args", json::array({"a", "c", "d"})}}) ==
        Texts{"/args/1: \"b\" → \"c\"", "/args/2: - → \"d\""});
}

TEST_CASE("nothing of a Secret but hashes is shown, and equal values have equal ones", "[plan][preview]") {
  const json object = {{"metadata",
                        {{"name", "login"},
                         {"labels", {{"app", "shop"}}},
                         {"annotations",
                          {{"kubectl.kubernetes.io/last-applied-configuration", "canary-1"},
                           {"note", "canary-2"},
                           {"gitops.volaticloud.com/sync-name", "shop/api"}}}}},
                       {"type", "Opaque"},
                       {"data", {{"password", "canary-3"}, {"again", "canary-3"}, {"other", "canary-4"}}},
                       {"stringData", {{"plain", "canary-5"}}}};
  const json out = shown(secret, object, "salt");
  CHECK(out.dump().find("canary") == std::string::npos);
  CHECK(out["data"]["password"] == out["data"]["again"]);
  CHECK(out["data"]["password"] != out["data"]["other"]);
  CHECK(out["data"]["password"].get<std::string>().starts_with("hash:"));
  CHECK(shown(secret, object, "pepper")["data"]["password"] != out["data"]["password"]); // not to be looked up in a table
  CHECK(out["type"] == "Opaque");
  CHECK(out["metadata"]["labels"]["app"] == "shop");
  CHECK(out["metadata"]["annotations"]["gitops.volaticloud.com/sync-name"] == "shop/api");
  CHECK(shown(secret, {{"data", "canary"}}, "salt").dump().find("canary") == std::string::npos); // whatever it is
  CHECK(shown(secret, {{"data", {{"a", {{"b", "canary"}}}}}}, "salt").dump().find("canary") == std::string::npos);
}

TEST_CASE("what only the server writes is not compared, and kubectl's annotation is a hash everywhere", "[plan][preview]") {
  const json object = {{"metadata",
                        {{"name", "settings"},
                         {"uid", "u"},
                         {"resourceVersion", "7"},
                         {"generation", 3},
                         {"creationTimestamp", "then"},
                         {"managedFields", json::array({1})},
                         {"annotations", {{"kubectl.kubernetes.io/last-applied-configuration", "canary"}, {"note", "kept"}}}}},
                       {"data", {{"color", "blue"}}},
                       {"status", {{"a", 1}}}};
  const json out = shown(map, object, "salt");
  CHECK(out["metadata"].size() == 2);
  CHECK(!out.contains("status"));
  CHECK(out["data"]["color"] == "blue");
  CHECK(out["metadata"]["annotations"]["note"] == "kept");
  CHECK(out.dump().find("canary") == std::string::npos);
}

TEST_CASE("a preview is bounded: values, fields of an object, and objects", "[plan][preview]") {
  json large;
  for (int i = 0; i < 150; ++i) large["key" + std::to_string(i)] = std::string(5000, 'x');
  ObjectPreview object{ObjectPreview::Action::Create, "ConfigMap shop/large", {}, 0, {}, {}};
  compare(nullptr, large, object);
  CHECK(object.fields.size() == max_fields);
  CHECK(object.more_fields == 50);
  for (const auto& field : object.fields) CHECK(field.after->size() < 300);
  Preview preview;
  size_t bytes = 0;
  for (int i = 0; i < 20'000; ++i) add(preview, object, bytes);
  CHECK(preview.objects.size() + preview.more_objects == 20'000);
  CHECK(preview.more_objects > 0);
  CHECK(bytes < 4u << 20);
  CHECK(preview.objects.back().fields.empty());
  CHECK(preview.objects.back().more_fields == 150);
  CHECK(decode_preview(encode_preview(preview)));
}

TEST_CASE("a preview comes back as it was stored, and damage is an error", "[plan][preview]") {
  Preview preview{"sha256:1", "main@sha1:2", *parse_rfc3339("2026-11-25T12:00:00Z"), {}, 0};
  size_t bytes = 0;
  add(preview,
      {ObjectPreview::Action::Change,
       "ConfigMap shop/a",
       {{"/data/x", "1", "2"}, {"/data/y", {}, "3"}, {"/data/z", "4", {}}},
       5,
       {},
       {}},
      bytes);
  add(preview, {ObjectPreview::Action::Delete, "Secret shop/b", {}, 0, "a note", {}}, bytes);
  add(preview, {ObjectPreview::Action::Create, "Pod shop/c", {}, 0, {}, "GS422 no"}, bytes);
  preview.more_objects = 7;
  const auto stored = encode_preview(preview);
  const auto back = decode_preview(stored);
  REQUIRE(back);
  CHECK(*back == preview);
  CHECK(!decode_preview(stored.substr(0, stored.size() / 2)));
  CHECK(!decode_preview(""));
  CHECK(!decode_preview("not compressed at all"));
}
