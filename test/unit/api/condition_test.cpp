#include "api/condition.h"
#include "support/catch.h"

#include <nlohmann/json.hpp>

using namespace gitsync;
using namespace gitsync::api;
using namespace std::chrono_literals;

namespace {
const WallTime noon = *parse_rfc3339("2026-11-23T12:00:00Z");

/// "Ready=False Stalled=True", sorted: the three conditions at a glance.
std::string states(const Conditions& conditions) {
  std::string out;
  for (const auto& entry : conditions_to_json(conditions))
    out += (out.empty() ? "" : " ") + entry["type"].get<std::string>() + "=" + entry["status"].get<std::string>();
  return out;
}
} // namespace

TEST_CASE("lastTransitionTime moves only when status changes", "[api]") {
  Conditions conditions;
  CHECK(set_condition(conditions, {"Ready", Truth::True, "Applied", "main@1", {}, 1}, noon + 400ms));
  CHECK(conditions[0].last_transition == noon);

  CHECK_FALSE(set_condition(conditions, {"Ready", Truth::True, "Applied", "main@1", {}, 1}, noon + 1h));
  CHECK(conditions[0].last_transition == noon);

  CHECK(set_condition(conditions, {"Ready", Truth::True, "Applied", "main@2", {}, 1}, noon + 1h));
  CHECK(conditions[0].last_transition == noon);
  CHECK(set_condition(conditions, {"Ready", Truth::True, "Applied", "main@2", {}, 2}, noon + 1h));
  CHECK(conditions[0].last_transition == noon);

  CHECK(set_condition(conditions, {"Ready", Truth::False, "ApplyFailed", "main@2", {}, 2}, noon + 2h));
  CHECK(conditions[0].last_transition == noon + 2h);
  CHECK(conditions.size() == 1);
}

TEST_CASE("each state sets all three conditions, from whichever state it comes", "[api]") {
  using Mark = bool (*)(Conditions&, std::string_view, std::string_view, At);
  struct Row {
    const char* name;
    Mark mark;
    const char* from_nothing;
  };
  const Row rows[] = {{"ready", mark_ready, "Ready=True"},
                      {"reconciling", mark_reconciling, "Ready=Unknown Reconciling=True"},
                      {"not ready", mark_not_ready, "Ready=False"},
                      {"retrying", mark_retrying, "Ready=False Reconciling=True"},
                      {"stalled", mark_stalled, "Ready=False Stalled=True"}};
  for (const auto& row : rows) {
    INFO(row.name);
    Conditions fresh;
    CHECK(row.mark(fresh, "Reason", "message", {1, noon}));
    CHECK(states(fresh) == row.from_nothing);
    CHECK_FALSE(row.mark(fresh, "Reason", "message", {1, noon + 1h})); // saying the same again changes nothing

    for (const auto& before : rows) {
      INFO("after " << before.name);
      Conditions conditions;
      before.mark(conditions, "Before", "before", {1, noon});
      row.mark(conditions, "Reason", "message", {2, noon});
      CHECK_FALSE((is_true(conditions, reconciling_condition) && is_true(conditions, stalled_condition)));
      if (row.mark != mark_reconciling) CHECK(states(conditions) == row.from_nothing);
    }
  }
}

TEST_CASE("work under way does not hide that the last good revision is enforced", "[api]") {
  Conditions conditions;
  mark_ready(conditions, reason::applied, "main@1", {1, noon});
  mark_reconciling(conditions, reason::progressing, "main@2", {1, noon + 1h});
  CHECK(states(conditions) == "Ready=True Reconciling=True");
  CHECK(find_condition(conditions, "Ready")->message == "main@1");
}

TEST_CASE("an error decides between retrying and stalled", "[api]") {
  struct Row {
    Error error;
    const char* states;
    std::string_view reason;
  };
  const Row rows[] = {
      {fail(Code::InvalidSpec, "x").error(), "Ready=False Stalled=True", reason::invalid_spec},
      {fail(Code::YamlSyntax, "x").error(), "Ready=False Stalled=True", reason::revision_refused},
      {fail(Code::EmptyRevision, "x").error(), "Ready=False Stalled=True", reason::prune_blocked},
      {fail(Code::GitFetch, "x").error(), "Ready=False Reconciling=True", reason::fetch_failed},
      {fail(Code::SourceNotReady, "x").error(), "Ready=False Reconciling=True", reason::source_not_ready},
      {fail(Code::ApiForbidden, "x").error(), "Ready=False Reconciling=True", reason::apply_failed},
      {fail(Code::ApiInvalid, "x", Retry::Backoff).error(), "Ready=False Reconciling=True", reason::apply_failed}};
  for (const auto& row : rows) {
    INFO(row.error.text());
    Conditions conditions;
    CHECK(mark_failed(conditions, row.error, {3, noon}));
    CHECK(states(conditions) == row.states);
    CHECK(find_condition(conditions, "Ready")->reason == row.reason);
    CHECK(find_condition(conditions, "Ready")->message == row.error.text());
    CHECK(find_condition(conditions, "Ready")->observed_generation == 3);
  }
}

TEST_CASE("conditions survive the way through the API server", "[api]") {
  Conditions conditions;
  mark_retrying(conditions, reason::fetch_failed, std::string(5000, 'x') + "\n\xFF", {7, noon + 250ms});
  const auto json = conditions_to_json(conditions);
  CHECK(json[0]["type"] == "Ready");
  CHECK(json[0]["status"] == "False");
  CHECK(json[0]["lastTransitionTime"] == "2026-11-23T12:00:00Z");
  CHECK(json[0]["observedGeneration"] == 7);
  CHECK(json[0]["message"].get<std::string>().size() <= 1024);
  CHECK_NOTHROW(json.dump());

  auto again = conditions_from_json(json);
  CHECK(conditions_to_json(again) == json);
  // After a restart the same finding is no change, hence no write.
  CHECK_FALSE(mark_retrying(again, reason::fetch_failed, std::string(5000, 'x') + "\n\xFF", {7, noon + 1h}));
}

TEST_CASE("whatever stands in a status is read without harm", "[api]") {
  for (const auto* text : {"null", "1", "\"x\"", "{}", "[]", "[1, null, [], {}]", R"([{"type": 1}])"}) {
    INFO(text);
    CHECK(conditions_from_json(nlohmann::json::parse(text)).empty());
  }
  const auto odd = conditions_from_json(nlohmann::json::parse(
      R"([{"type": "Ready", "status": "Maybe", "lastTransitionTime": "yesterday", "observedGeneration": "2"}, {"type": "Ready"}])"));
  REQUIRE(odd.size() == 1);
  CHECK(odd[0].status == Truth::Unknown);
  CHECK(odd[0].last_transition == WallTime{});
  CHECK(odd[0].observed_generation == 0);
  auto many = nlohmann::json::array();
  for (int i = 0; i < 1000; ++i) many.push_back({{"type", std::to_string(i)}});
  CHECK(conditions_from_json(many).size() == 16);
}
