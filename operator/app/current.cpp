#include "app/current.h"

#include "api/meta.h"
#include "api/status.h"
#include "base/json_read.h"
#include "base/text.h"

namespace gitsync::app {
namespace {

using State = Current::State;

} // namespace

std::string_view current_text(State state) {
  switch (state) {
  case State::Yes: return "yes";
  case State::No: return "no";
  case State::Unknown: break;
  }
  return "unknown";
}

Current current_as_of(const nlohmann::json& sync, const nlohmann::json& source) {
  const auto meta = api::parse_meta(sync);
  const auto status = api::parse_git_sync_status(sync);
  if (!source.is_object()) return {State::Unknown, "the source does not exist"};
  const auto source_meta = api::parse_meta(source);
  const auto source_status = api::parse_git_repository_status(source);
  if (source_status.revision.empty()) return {State::Unknown, "the source has no revision yet"};
  // A revision of another url or ref says nothing.
  if (source_status.observed_generation != source_meta.generation)
    return {State::Unknown, "the source's spec was changed and is not acted on yet"};
  const auto revision = api::short_revision(source_status.revision);
  if (meta.deleting) return {State::No, "is being deleted"};
  if (status.observed_generation != meta.generation) return {State::No, "the spec was changed and is not acted on yet"};
  if (status.last_applied_revision.empty()) return {State::No, "nothing was applied yet"};
  if (status.last_applied_revision == source_status.revision) return {State::Yes, cat(revision, " is applied")};

  const auto* ready = api::find_condition(status.conditions, api::ready_condition);
  if (read_member(read_member(sync, "spec"), "suspend") == true) return {State::No, "is suspended"};
  if (api::is_true(status.conditions, api::reconciling_condition)) return {State::No, cat(revision, " is under way")};
  if (status.last_attempted_revision != status.last_applied_revision)
    return {State::No, cat(api::short_revision(status.last_attempted_revision), " could not be applied")};
  if (!ready || ready->status != api::Truth::True || ready->observed_generation != meta.generation)
    return {State::No, "is not ready"};
  return {State::Yes, cat(revision, " changed nothing of it")};
}

SourceName source_of(const nlohmann::json& sync) {
  const auto& source = read_member(read_member(sync, "spec"), "sourceRef");
  auto ns = read_text(source, "namespace");
  return {ns.empty() ? api::parse_meta(sync).ns : std::move(ns), read_text(source, "name")};
}

} // namespace gitsync::app
