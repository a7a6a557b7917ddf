#include "api/spec_reader.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::api;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("missing and null fields have their defaults", "[api]") {
  for (const auto* text : {R"({"spec": {}})", R"({"spec": {"a": null, "b": null}})", R"({"spec": {"b": {"c": null}}})"}) {
    INFO(text);
    const auto object = json::parse(text);
    SpecReader reader(object, "GitSync shop/api");
    CHECK(reader.text("a", "x") == "x");
    CHECK(reader.flag("b.c", true));
    CHECK(reader.choice("b.d", {"One", "Two"}, 1) == 1);
    CHECK(reader.duration("b.e", "90s", 1s, 1h) == 90s);
    CHECK(reader.ok());
  }
}

TEST_CASE("one error tells all that is wrong, and each once", "[api]") {
  const auto object = json::parse(R"({"spec": {"a": 1, "b": "x", "c": "9h", "d": "Three", "e": "https://u:secretword@h"}})");
  SpecReader reader(object, "GitSync shop/api");
  reader.text("a");
  reader.flag("b.c", true);
  reader.flag("b.d", true);
  reader.duration("c", "90s", 1s, 1h);
  reader.choice("d", {"One", "Two"}, 0);
  reader.choice("e", {"One"}, 0);
  reader.required_text("f");
  REQUIRE_FALSE(reader.ok());
  const auto error = reader.error().error();
  CHECK(error.code == Code::InvalidSpec);
  CHECK(error.retry == Retry::Never);
  CHECK(error.message == "GitSync shop/api: spec.a: must be a string, not number; spec.b: must be an object, not string; "
                         "spec.c: \"9h\" must be between 1s and 1h; spec.d: must be one of One, Two, not \"Three\"; "
                         "spec.e: must be One, not \"https://***@h\"; spec.f: is required");
}

TEST_CASE("a spec that is no object is one error", "[api]") {
  for (const auto* text : {"null", "7", "{}", R"({"spec": null})", R"({"spec": []})", R"({"spec": "x"})"}) {
    INFO(text);
    const auto object = json::parse(text);
    SpecReader reader(object, "GitSync shop/api");
    CHECK(reader.text("a", "x") == "x");
    CHECK_FALSE(reader.ok());
    CHECK(reader.error().error().message == "GitSync shop/api: spec: is required and must be an object");
  }
}

TEST_CASE("an error's message stays short whatever the user wrote", "[api]") {
  const json object = {{"spec", {{"a", std::string(1 << 20, 'x')}, {"b", std::string(1 << 20, '9')}}}};
  SpecReader reader(object, "GitSync shop/api");
  reader.choice("a", {"One"}, 0);
  reader.duration("b", "1s", 1s, 1h);
  CHECK(reader.error().error().message.size() <= 1024);
  CHECK(reader.error().error().message.find("spec.b") != std::string::npos);
}

TEST_CASE("names as DNS wants them", "[api]") {
  for (const auto* good : {"a", "0", "a-b", "a1"}) {
    INFO(good);
    CHECK(is_dns_label(good));
    CHECK(is_dns_subdomain(good));
  }
  for (const auto* bad : {"", "-a", "a-", "A", "a_b", "a b", "ä"}) {
    INFO(bad);
    CHECK_FALSE(is_dns_label(bad));
    CHECK_FALSE(is_dns_subdomain(bad));
  }
  CHECK_FALSE(is_dns_label("a.b"));
  CHECK(is_dns_subdomain("a.b"));
  for (const auto* bad : {".", "a.", ".a", "a..b", "a.-b", "a-.b"}) {
    INFO(bad);
    CHECK_FALSE(is_dns_subdomain(bad));
  }
  CHECK(is_dns_label(std::string(63, 'a')));
  CHECK_FALSE(is_dns_label(std::string(64, 'a')));
  CHECK(is_dns_subdomain(std::string(253, 'a')));
  CHECK_FALSE(is_dns_subdomain(std::string(254, 'a')));
}
