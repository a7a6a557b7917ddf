#include "object/label_selector.h"

#include "support/catch.h"

using namespace gitsync;
using nlohmann::json;

TEST_CASE("a label selector fits as kubectl -l does", "[object][labels]") {
  const json labels = {{"app", "api"}, {"tier", "back"}, {"example.com/x", ""}};
  const std::pair<std::string_view, bool> table[] = {
      {"", true},
      {" ", true},
      {"app=api", true},
      {"app==api", true},
      {"app = api", true},
      {"app=web", false},
      {"app!=web", true},
      {"app!=api", false},
      {"missing!=x", true},
      {"missing=x", false},
      {"app", true},
      {"missing", false},
      {"!missing", true},
      {"!app", false},
      {"app in (web, api)", true},
      {"app in (web)", false},
      {"app notin (web)", true},
      {"app notin (api,web)", false},
      {"missing notin (x)", true},
      {"missing in (x)", false},
      {"example.com/x=", true},
      {"app=api,tier=back", true},
      {"app=api,tier!=back", false},
      {"app in (api,web),tier,!gone", true},
  };
  for (const auto& [text, fits] : table) {
    INFO(text);
    const auto selector = LabelSelector::parse(text);
    REQUIRE(selector);
    CHECK(selector->matches(labels) == fits);
  }
  CHECK(LabelSelector::parse("!app")->matches(json()));
  CHECK_FALSE(LabelSelector::parse("app")->matches(json("odd")));
}

TEST_CASE("what is no label selector is refused with the part that is not", "[object][labels]") {
  for (const auto* text :
       {"app=a b", "=x", "app=", "a b", "app in api", "app within (a)", ",", "app=a,,b", "a(b)", "app=a/b"}) {
    INFO(text);
    if (std::string_view(text) == "app=") continue; // an empty value is one
    const auto selector = LabelSelector::parse(text);
    REQUIRE_FALSE(selector);
    CHECK(selector.error().message.starts_with('"'));
  }
}
