#include "health/inquiries.h"

#include "base/text.h"

#include <utility>

namespace gitsync::health {

Health of_answers(const Answers& answers) {
  const auto is_true = [](const std::optional<Answer>& answer) { return answer && answer->value.value_or(false); };
  if (is_true(answers.in_progress)) return {State::Progressing, "its health check says that it is in progress"};
  if (is_true(answers.failed)) return {State::Degraded, "its health check says that it has failed"};
  const std::pair<const std::optional<Answer>*, std::string_view> all[] = {
      {&answers.in_progress, "inProgress"}, {&answers.failed, "failed"}, {&answers.current, "current"}};
  for (const auto& [answer, name] : all)
    if (*answer && !(*answer)->value)
      return {State::Progressing, cat("its health check cannot be evaluated: ", name, ": ", (*answer)->problem)};
  if (is_true(answers.current)) return {};
  return {State::Progressing, "its health check is not true yet"};
}

/// The object's latest look becomes a question.
std::optional<Question> Inquiries::next(const ObjectRef& ref, Entry& entry) {
  entry.busy = entry.waiting != nullptr;
  if (!entry.busy) return {};
  entry.ticket = ++last_ticket_;
  return Question{ref, entry.ticket, std::exchange(entry.waiting, nullptr)};
}

Inquiries::Entry* Inquiries::under_way(const Question& question) {
  const auto it = entries_.find(question.ref);
  return it == entries_.end() || !it->second.busy || it->second.ticket != question.ticket ? nullptr : &it->second;
}

Inquiries::Conclusion Inquiries::answered(const Question& question, const Answers& answers) {
  Entry* entry = under_way(question);
  if (!entry) return {};
  const bool superseded = std::exchange(entry->superseded, false);
  if (auto again = next(question.ref, *entry)) return {{}, std::move(again)};
  if (superseded) return {};
  entry->answered = true;
  return {of_answers(answers), {}};
}

std::optional<Question> Inquiries::unanswered(const Question& question) {
  Entry* entry = under_way(question);
  if (!entry) return {};
  if (!std::exchange(entry->superseded, false) && !entry->waiting) entry->waiting = question.live;
  return next(question.ref, *entry);
}

void Inquiries::supersede(const ObjectRef& ref) {
  const auto it = entries_.find(ref);
  if (it == entries_.end()) return;
  auto& entry = it->second;
  entry.superseded = entry.busy;
  entry.answered = false;
  entry.latest = 0;
  entry.waiting.reset();
}

} // namespace gitsync::health
