// The book of what is not well, the verdict over a revision, and the selector of a workload's pods.
#include "health/book.h"

#include "health/kinds.h"
#include "health/verdict.h"
#include "support/catch.h"

#include <nlohmann/json.hpp>

namespace gitsync::health {

using namespace std::chrono_literals;

TEST_CASE("the book tells the worst first and counts the others", "[health]") {
  const ObjectRef api{"apps", "Deployment", "shop", "api"}, web{"apps", "Deployment", "shop", "web"},
      job{"batch", "Job", "shop", "a"};
  Book book;
  CHECK(book.well());
  CHECK(book.text().empty());
  CHECK_FALSE(book.set(api, {}));
  CHECK(book.set(api, {State::Progressing, "1/3 available"}, "app=api"));
  CHECK_FALSE(book.set(api, {State::Progressing, "1/3 available"}, "app=api"));
  CHECK(book.worst() == State::Progressing);
  CHECK(book.text() == "Deployment shop/api: 1/3 available");
  CHECK(book.set_cause(api, "ImagePullBackOff"));
  CHECK_FALSE(book.set_cause(api, "ImagePullBackOff"));
  CHECK_FALSE(book.set_cause(web, "ImagePullBackOff")); // it is well
  CHECK(book.text() == "Deployment shop/api: 1/3 available, ImagePullBackOff");
  book.set(web, {State::Suspended, "paused"}, "app=web");
  CHECK(book.text() == "Deployment shop/api: 1/3 available, ImagePullBackOff"); // a paused one is not ill
  book.set(job, {State::Degraded, "failed"});
  CHECK(book.worst() == State::Degraded);
  CHECK(book.text() == "Job shop/a: failed (and 1 more)");
  CHECK(book.troubled(5) == std::map<ObjectRef, std::string>{{api, "app=api"}});
  CHECK(book.troubled(0).empty());
  book.erase(job);
  book.erase(job);
  CHECK(book.set(api, {}));
  CHECK(book.worst() == State::Suspended);
  CHECK(book.well());
  CHECK(book.of(web) == State::Suspended);
  CHECK(book.of(api) == State::Healthy);
}

TEST_CASE("a revision is done when it is well, fails at once when something has failed, and has its time otherwise",
          "[health]") {
  const Instant start{1h};
  struct Row {
    bool wait, seen;
    State worst;
    std::chrono::seconds later;
    Verdict verdict;
  };
  for (const Row& row :
       {Row{true, true, State::Healthy, 0s, Verdict::Done}, Row{true, true, State::Suspended, 0s, Verdict::Done},
        Row{true, false, State::Healthy, 0s, Verdict::Waiting}, Row{true, false, State::Healthy, 300s, Verdict::TimedOut},
        Row{true, true, State::Progressing, 299s, Verdict::Waiting},
        Row{true, true, State::Progressing, 300s, Verdict::TimedOut}, Row{true, true, State::Degraded, 0s, Verdict::Failed},
        Row{false, true, State::Degraded, 900s, Verdict::Done}, Row{false, false, State::Healthy, 0s, Verdict::Done}})
    CHECK(judge({row.wait, row.seen, row.worst, start, 5min, start + row.later}) == row.verdict);
}

TEST_CASE("a workload's selector becomes the text of a list request", "[health]") {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"spec":{"selector":{"matchLabels":{"app":"api","tier":"web"}}}})", "app=api,tier=web"},
      {R"({"spec":{"selector":{"matchLabels":{"app":"api"},"matchExpressions":[
          {"key":"a","operator":"In","values":["x","y"]},{"key":"b","operator":"NotIn","values":["z"]},
          {"key":"c","operator":"Exists"},{"key":"d","operator":"DoesNotExist"}]}}})",
       "app=api,a in (x,y),b notin (z),c,!d"},
      {R"({"spec":{"selector":{"app":"old"}}})", "app=old"},
      {R"({"spec":{}})", ""},
      {R"(null)", ""}};
  for (const auto& [workload, text] : rows) CHECK(pod_selector(nlohmann::json::parse(workload)) == text);
}

} // namespace gitsync::health
