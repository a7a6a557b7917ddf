// The spec's expressions: compiled before they are used, and evaluated over live objects as these change.
//
// Nothing of CEL is in this process: the render worker answers, and meanwhile everything else goes on. While an answer is
// awaited an object's health is what it was; after a change that makes it unknown (a write of ours, a new generation) it is
// Progressing.
#include "api/names.h"
#include "base/json_read.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "object/resource_version.h"
#include "reconcile/sync.h"
#include "runtime/parallel.h"

namespace gitsync::reconcile {
namespace {

using nlohmann::json;
constexpr size_t looks_in_flight = 8;
constexpr std::chrono::milliseconds first_pause{1'000}, longest_pause{60'000};

/// Without what nobody asks for and what is the largest part of many objects.
std::string body_of(const json& live) {
  json copy = live;
  if (auto metadata = copy.find("metadata"); metadata != copy.end() && metadata->is_object()) metadata->erase("managedFields");
  return copy.dump(-1, ' ', false, json::error_handler_t::replace);
}

health::Answer answer_of(const ObjectRef& ref, render::CelResult result) {
  const bool secret = ref.group.empty() && ref.kind == "Secret"; // a message may quote what was compared
  return {result.value, secret ? redact_quoted(result.problem) : std::move(result.problem)};
}

} // namespace

const api::HealthCheck* Sync::check_of(const ObjectRef& ref) const {
  const auto it = std::ranges::find_if(checks_, [&](const auto& check) { return check.matches(ref); });
  return it == checks_.end() ? nullptr : &*it;
}

std::string Sync::ready_expression(const std::string& dependency) const {
  if (spec_)
    for (const auto& each : spec_->spec.depends_on)
      if (spec_->key_of(each) == dependency) return each.ready_expr;
  return {};
}

/// What is wrong with them, each "spec.a: 1:5: …"; empty where nothing is.
Task<Result<std::vector<std::string>>> Sync::compile(std::vector<api::SpecExpression> expressions) {
  std::vector<std::string> problems;
  for (int round = 0; round < 2; ++round) {
    const bool ready = round == 0;
    render::CelRequest request;
    std::vector<const api::SpecExpression*> asked;
    for (const auto& each : expressions)
      if (each.dependency.empty() != ready) {
        request.expressions.push_back(each.text);
        asked.push_back(&each);
      }
    if (asked.empty()) continue;
    if (ready) request.variables = {std::string(api::ready_self), std::string(api::ready_dependency)};
    const auto results = co_await context_.render.evaluate(std::move(request));
    if (!results) co_return std::unexpected(results.error());
    for (size_t i = 0; i < asked.size(); ++i)
      if (const auto& result = (*results)[i]; result.broken)
        problems.push_back(
            cat(asked[i]->path, ready ? cat(" (dependency ", asked[i]->dependency, ")") : "", ": ", result.problem));
  }
  co_return problems;
}

/// Why the spec cannot be used: an expression that cannot be compiled, or a worker that does not answer. Asks once per change.
Task<std::optional<Error>> Sync::expressions_problem() {
  for (;;) {
    auto expressions = api::expressions_of(spec_->spec);
    if (expressions != compiled_) {
      auto problems = co_await compile(expressions);
      if (!problems) co_return wrap(std::move(problems.error()), cat("GitSync ", meta_.key(), ": its expressions")).error();
      compiled_ = std::move(expressions);
      compile_problems_ = std::move(*problems);
      if (api::expressions_of(spec_->spec) != compiled_) continue; // edited meanwhile
    }
    if (!compile_problems_.empty())
      co_return Error{Code::InvalidSpec, cat("GitSync ", meta_.key(), ": ", join(compile_problems_, "; ")), Retry::Never, {}};
    if (checks_ != spec_->spec.health_checks) use_checks(spec_->spec.health_checks);
    co_return std::nullopt;
  }
}

/// Other rules than before: whatever one of the two matches is looked at again.
void Sync::use_checks(std::vector<api::HealthCheck> checks) {
  const auto before = std::exchange(checks_, std::move(checks));
  std::vector<ObjectRef> objects;
  for (const auto& [file, refs] : desired_.files)
    for (const auto& ref : refs)
      if (check_of(ref) || std::ranges::any_of(before, [&](const auto& check) { return check.matches(ref); })) {
        if (check_of(ref))
          inquiries_.supersede(ref);
        else
          inquiries_.forget(ref);
        objects.push_back(ref);
      }
  if (!objects.empty()) group_.spawn(cat("look again ", meta_.key()), look_again(std::move(objects)));
}

/// Nothing of a live object is kept, so it is read.
Task<> Sync::look_again(std::vector<ObjectRef> objects) {
  co_await parallel_for(objects.size(), looks_in_flight, [&](size_t i) -> Task<> {
    const ObjectRef ref(objects[i]); // NOLINT(performance-unnecessary-copy-initialization): the coroutine's own
    const auto found = co_await context_.applier.read(ref);
    auto* object = context_.table.find(ref);
    if (!object || object->sync != facts_) co_return;
    if (!found) {
      if (found.error().code != Code::ApiNotFound && found.error().code != Code::Cancelled)
        log::warn("cannot look at an object", {{"object", ref.text()}, {"error", found.error().text()}});
      co_return; // gone: the watch tells
    }
    const bool settled = object->phase != Phase::Pending && object->phase != Phase::Applying; // else the write's answer comes
    if (settled && version_of(*found) >= object->resource_version) live(*object, *found, false);
  });
}

void Sync::inquire(ManagedObject& object, const json& live, bool written) {
  if (auto early = health::assess_early(live)) {
    inquiries_.supersede(object.ref);
    set_health(object, std::move(*early));
    return;
  }
  const health::Look look{version_of(live), read_integer(read_member(live, "metadata"), "generation"), written};
  auto reply = inquiries_.ask(object.ref, look, [&] { return body_of(live); });
  // Before the first answer of this process it is Unknown: all was well, or the status says what was not.
  if (!reply.known && (written || seen_ || object.health != health::State::Unknown))
    set_health(object, {health::State::Progressing, "its health check is being evaluated"});
  if (reply.question) group_.spawn(cat("health check ", object.ref.text()), pursue(std::move(*reply.question)));
}

/// Until there is an answer that counts, or nobody wants to know any more.
Task<> Sync::pursue(health::Question first) {
  auto pause = first_pause;
  for (std::optional<health::Question> question(std::move(first)); question;) {
    std::optional<health::Question> again;
    {
      const auto permit = co_await asking_.acquire();
      const auto* check = check_of(question->ref);
      if (!permit || !check) co_return;
      render::CelRequest request{{check->current}, {}, *question->live};
      const bool in_progress = !check->in_progress.empty(), failed = !check->failed.empty();
      if (in_progress) request.expressions.push_back(check->in_progress);
      if (failed) request.expressions.push_back(check->failed);
      auto results = co_await context_.render.evaluate(std::move(request));
      if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
      auto* object = context_.table.find(question->ref);
      if (!object || object->sync != facts_ || object->phase == Phase::Removing || object->paused) {
        inquiries_.forget(question->ref);
        co_return;
      }
      if (results) {
        size_t next = 0;
        const auto take = [&] { return answer_of(question->ref, std::move((*results)[next++])); };
        health::Answers answers;
        answers.current = take();
        if (in_progress) answers.in_progress = take();
        if (failed) answers.failed = take();
        auto conclusion = inquiries_.answered(*question, answers);
        if (conclusion.health) set_health(*object, std::move(*conclusion.health));
        question = std::move(conclusion.again);
        continue;
      }
      set_health(*object, {health::State::Progressing, cat("its health check cannot be evaluated: ", results.error().message)});
    }
    co_await sleep_for(pause);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
    pause = std::min(pause * 2, longest_pause);
    again = inquiries_.unanswered(*question);
    question = std::move(again);
  }
}

} // namespace gitsync::reconcile
