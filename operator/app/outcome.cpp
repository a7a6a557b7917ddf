#include "app/outcome.h"

#include "api/meta.h"
#include "api/status.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/text.h"

namespace gitsync::app {
namespace {

using State = Outcome::State;

bool is_handled(std::string_view handled, std::string_view requested_at) {
  if (handled == requested_at) return true;
  const auto done = parse_rfc3339(handled), asked = parse_rfc3339(requested_at);
  return done && asked && *done > *asked;
}

/// The revision that was reached, as people read it.
std::string reached(Kind kind, const nlohmann::json& object) {
  const auto& status = read_member(object, "status");
  const auto revision = api::short_revision(read_text(status, kind == Kind::GitSync ? "lastAppliedRevision" : "revision"));
  if (revision.empty()) return {};
  return cat(kind == Kind::GitSync ? "applied " : "fetched ", revision);
}

} // namespace

Outcome outcome_of(Kind kind, const nlohmann::json& object, std::string_view requested_at) {
  const auto meta = api::parse_meta(object);
  if (meta.deleting) return {State::Failed, "is being deleted"};
  if (read_member(read_member(object, "spec"), "suspend") == true)
    return {State::Failed, cat("is suspended: nothing is done until \"gitsync resume ", meta.name, " --kind ",
                               kind == Kind::GitSync ? "gitsync" : "gitrepository", " -n ", meta.ns, "\"")};
  const auto status = api::parse_git_sync_status(object); // what both kinds have in common is read the same way
  if (!is_handled(status.last_handled_reconcile_at, requested_at)) return {};
  if (status.observed_generation != meta.generation) return {}; // the spec was changed meanwhile

  const auto* ready = api::find_condition(status.conditions, api::ready_condition);
  const auto* reconciling = api::find_condition(status.conditions, api::reconciling_condition);
  // Something newer is under way; what Ready says is of the attempt before it.
  if (reconciling && reconciling->status == api::Truth::True && reconciling->reason == api::reason::progressing) return {};
  if (ready && ready->reason == api::reason::window_closed) return {State::Failed, ready->message}; // perhaps for days
  if (!ready || ready->status == api::Truth::Unknown) return {};
  if (ready->status == api::Truth::False)
    return {State::Failed, ready->message.empty() ? cat("is not ready: ", ready->reason) : ready->message};
  auto text = reached(kind, object);
  return {State::Done, text.empty() ? "ready" : text};
}

} // namespace gitsync::app
