// Health by expressions: what the answers mean, and which of them count.
#include "health/inquiries.h"

#include "support/catch.h"

#include <deque>
#include <random>

namespace gitsync::health {
namespace {

const Answer yes{true, ""}, no{false, ""}, broken{{}, "no such key: phase"};
const ObjectRef widget{"example.com", "Widget", "shop", "one"};
const Answers well{{}, {}, yes}, ill{{}, {}, no};

Inquiries::Reply look(Inquiries& inquiries, uint64_t version, int64_t generation = 1, bool written = false) {
  return inquiries.ask(widget, {version, generation, written}, [&] { return "v" + std::to_string(version); });
}

} // namespace

TEST_CASE("what the answers of a health check mean", "[health]") {
  struct Row {
    Answers answers;
    State state;
    const char* why;
  };
  const Row rows[] = {
      {{{}, {}, yes}, State::Healthy, ""},
      {{{}, {}, no}, State::Progressing, "its health check is not true yet"},
      {{{}, {}, broken}, State::Progressing, "its health check cannot be evaluated: current: no such key: phase"},
      {{no, no, yes}, State::Healthy, ""},
      {{yes, yes, yes}, State::Progressing, "its health check says that it is in progress"},
      {{no, yes, yes}, State::Degraded, "its health check says that it has failed"},
      {{broken, yes, broken}, State::Degraded, "its health check says that it has failed"},
      {{broken, no, yes}, State::Progressing, "its health check cannot be evaluated: inProgress: no such key: phase"},
      {{no, broken, yes}, State::Progressing, "its health check cannot be evaluated: failed: no such key: phase"},
      {{no, no, no}, State::Progressing, "its health check is not true yet"},
      {{}, State::Progressing, "its health check is not true yet"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    CHECK(of_answers(row.answers) == Health{row.state, row.why});
  }
}

TEST_CASE("an object is asked about once at a time, and only about its latest state", "[health]") {
  Inquiries inquiries;
  const auto first = look(inquiries, 1);
  REQUIRE(first.question);
  CHECK(*first.question->live == "v1");
  CHECK_FALSE(first.known);
  CHECK_FALSE(look(inquiries, 2).question); // waits
  CHECK_FALSE(look(inquiries, 3).question);
  auto conclusion = inquiries.answered(*first.question, well);
  CHECK_FALSE(conclusion.health); // stale
  REQUIRE(conclusion.again);
  CHECK(*conclusion.again->live == "v3");
  CHECK_FALSE(inquiries.answered(*first.question, well).again); // that question is over
  conclusion = inquiries.answered(*conclusion.again, ill);
  REQUIRE(conclusion.health);
  CHECK(conclusion.health->state == State::Progressing);
  CHECK_FALSE(conclusion.again);
}

TEST_CASE("what was answered holds until the answer for a newer state, but not over a new generation or a write of ours",
          "[health]") {
  Inquiries inquiries;
  REQUIRE(inquiries.answered(*look(inquiries, 5).question, well).health);
  auto reply = look(inquiries, 5); // the same: nothing is asked
  CHECK_FALSE(reply.question);
  CHECK(reply.known);
  reply = look(inquiries, 4); // older
  CHECK_FALSE(reply.question);
  CHECK(reply.known);
  CHECK_FALSE(look(inquiries, 5, 1, true).question); // a write of ours that changed nothing
  reply = look(inquiries, 6);
  CHECK(reply.known);
  REQUIRE(inquiries.answered(*reply.question, well).health);
  reply = look(inquiries, 7, 2);
  CHECK_FALSE(reply.known);
  CHECK_FALSE(look(inquiries, 8, 2).known); // not before there is an answer of this generation
  reply.question = inquiries.answered(*reply.question, well).again;
  REQUIRE(inquiries.answered(*reply.question, well).health);
  CHECK_FALSE(look(inquiries, 9, 2, true).known);
}

TEST_CASE("an answer does not count for an object that was forgotten, or that another rule spoke for", "[health]") {
  Inquiries inquiries;
  auto question = *look(inquiries, 1).question;
  inquiries.forget(widget);
  CHECK_FALSE(inquiries.answered(question, well).health);
  CHECK_FALSE(inquiries.unanswered(question));
  CHECK(inquiries.size() == 0);

  question = *look(inquiries, 1).question;
  inquiries.supersede(widget);
  CHECK_FALSE(look(inquiries, 1).question); // one is still under way
  const auto conclusion = inquiries.answered(question, well);
  CHECK_FALSE(conclusion.health);
  REQUIRE(conclusion.again); // the same version is asked about again
  inquiries.supersede(widget);
  CHECK_FALSE(inquiries.answered(*conclusion.again, well).health);
  CHECK(look(inquiries, 1).question); // and after that nothing is under way any more
}

TEST_CASE("without an answer the same is asked again, or about what became of the object meanwhile", "[health]") {
  Inquiries inquiries;
  auto question = *look(inquiries, 1).question;
  auto again = inquiries.unanswered(question);
  REQUIRE(again);
  CHECK(*again->live == "v1");
  look(inquiries, 2);
  again = inquiries.unanswered(*again);
  REQUIRE(again);
  CHECK(*again->live == "v2");
  inquiries.supersede(widget);
  CHECK_FALSE(inquiries.unanswered(*again));
}

TEST_CASE("whatever happens in whatever order, the last state is what is answered in the end", "[health]") {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    Inquiries inquiries;
    std::deque<Question> under_way;
    std::optional<std::string> answered;
    uint64_t version = 1;
    const auto send = [&](std::optional<Question> question) {
      if (question) under_way.push_back(*question);
      REQUIRE(under_way.size() <= 1);
    };
    const auto reply = [&] {
      const auto question = under_way.front();
      under_way.pop_front();
      if (random() % 4 == 0) return send(inquiries.unanswered(question));
      auto conclusion = inquiries.answered(question, well);
      if (conclusion.health) answered = *question.live;
      send(std::move(conclusion.again));
    };
    for (int step = 0; step < 30; ++step) {
      const auto what = random() % 10;
      if (what < 5) ++version;
      if (what < 5)
        send(look(inquiries, version, static_cast<int64_t>(version / 3), what == 0).question);
      else if (what == 5)
        inquiries.supersede(widget);
      else if (!under_way.empty())
        reply();
    }
    send(look(inquiries, ++version).question);
    while (!under_way.empty()) reply();
    CHECK(answered == "v" + std::to_string(version));
  }
}

} // namespace gitsync::health
