#include "api/status.h"

#include "api/status_text.h"
#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace gitsync::api {
namespace {

constexpr size_t max_name = 300; // bytes of revisions, managers and paths; a ref may have 255
constexpr size_t short_digits = 7;

/// Tenths: more digits than that are noise, and would be read as precision.
double tenths(double milliseconds) { return std::isfinite(milliseconds) ? std::round(milliseconds * 10) / 10 : 0; }

void put(nlohmann::json& object, const char* name, std::string_view text, size_t limit = max_status_text) {
  if (!text.empty()) object[name] = status_text(text, limit);
}

void put_conditions(nlohmann::json& object, const Conditions& conditions) {
  if (!conditions.empty()) object["conditions"] = conditions_to_json(conditions);
}

/// At most `most` texts; where there are more, the last one says how many.
nlohmann::json capped(const std::vector<std::string>& texts, size_t most, size_t limit) {
  auto out = nlohmann::json::array();
  const size_t shown = texts.size() <= most ? texts.size() : most - 1;
  for (size_t i = 0; i < shown; ++i) out.push_back(status_text(texts[i], limit));
  if (shown < texts.size()) out.push_back(cat("and ", texts.size() - shown, " more"));
  return out;
}

std::vector<std::string> read_texts(const nlohmann::json& object, std::string_view name, size_t most) {
  std::vector<std::string> out;
  const auto& value = read_member(object, name);
  if (!value.is_array()) return out;
  for (const auto& entry : value)
    if (entry.is_string() && out.size() < most) out.push_back(entry.get<std::string>());
  return out;
}

WallTime read_time(const nlohmann::json& object, std::string_view name) {
  return parse_rfc3339(read_text(object, name)).value_or(WallTime{});
}

nlohmann::json to_json(const LastCorrection& correction) {
  nlohmann::json out = {{"time", rfc3339(correction.time)},
                        {"object", status_text(correction.object)},
                        {"operation", status_text(correction.operation, max_name)},
                        {"milliseconds", tenths(correction.milliseconds)}};
  put(out, "manager", correction.manager, max_name);
  put(out, "revision", correction.revision, max_name);
  if (!correction.paths.empty()) out["paths"] = capped(correction.paths, max_status_paths, max_name);
  return out;
}

nlohmann::json to_json(const History& history) {
  auto out = nlohmann::json::array();
  for (const auto& entry : history)
    if (out.size() < max_history)
      out.push_back({{"revision", status_text(entry.revision, max_name)},
                     {"digest", status_text(entry.digest, max_name)},
                     {"time", rfc3339(entry.time)},
                     {"outcome", status_text(entry.outcome, max_name)},
                     {"objects", entry.objects}});
  return out;
}

nlohmann::json to_json(const std::vector<Difference>& differences) {
  auto out = nlohmann::json::array();
  for (const auto& difference : differences) {
    if (out.size() == max_differences) break;
    nlohmann::json one = {{"object", status_text(difference.object)},
                          {"operation", status_text(difference.operation, max_name)}};
    put(one, "manager", difference.manager, max_name);
    if (!difference.paths.empty()) one["paths"] = capped(difference.paths, max_status_paths, max_name);
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<Difference> read_differences(const nlohmann::json& status) {
  std::vector<Difference> out;
  const auto& value = read_member(status, "differences");
  if (!value.is_array()) return out;
  for (const auto& entry : value)
    if (out.size() < max_differences && !read_text(entry, "object").empty())
      out.push_back({read_text(entry, "object"), read_text(entry, "operation"), read_text(entry, "manager"),
                     read_texts(entry, "paths", max_status_paths)});
  return out;
}

History read_history(const nlohmann::json& status) {
  History out;
  const auto& value = read_member(status, "history");
  if (!value.is_array()) return out;
  for (const auto& entry : value)
    if (out.size() < max_history && !read_text(entry, "revision").empty())
      out.push_back({read_text(entry, "revision"), read_text(entry, "digest"), read_time(entry, "time"),
                     read_text(entry, "outcome"), read_integer(entry, "objects")});
  return out;
}

} // namespace

void note_revision(History& history, HistoryEntry entry) {
  entry.time = std::chrono::floor<std::chrono::seconds>(entry.time);
  history.insert(history.begin(), std::move(entry));
  if (history.size() > max_history) history.resize(max_history);
}

void note_outcome(History& history, std::string_view revision, std::string_view outcome) {
  const auto it = std::ranges::find(history, revision, &HistoryEntry::revision);
  if (it != history.end()) it->outcome = outcome;
}

nlohmann::json status_to_json(const GitRepositoryStatus& status) {
  nlohmann::json out = {{"observedGeneration", status.observed_generation}};
  put(out, "revision", status.revision, max_name);
  put(out, "lastHandledReconcileAt", status.last_handled_reconcile_at);
  if (status.last_fetch)
    out["lastFetch"] = {{"time", rfc3339(status.last_fetch->time)}, {"milliseconds", tenths(status.last_fetch->milliseconds)}};
  put_conditions(out, status.conditions);
  return out;
}

nlohmann::json status_to_json(const GitSyncStatus& status) {
  nlohmann::json out = {{"observedGeneration", status.observed_generation},
                        {"objects", std::max<int64_t>(status.objects, 0)},
                        {"health", status_text(status.health.empty() ? "Unknown" : status.health, max_name)},
                        {"drift", std::max<int64_t>(status.drift, 0)}};
  put(out, "revision", short_revision(status.last_attempted_revision), max_name);
  put(out, "lastAttemptedRevision", status.last_attempted_revision, max_name);
  put(out, "lastAppliedRevision", status.last_applied_revision, max_name);
  put(out, "planDigest", status.plan_digest, max_name);
  if (status.plan_since) out["planWaitingSince"] = rfc3339(*status.plan_since);
  put(out, "lastHealthyRevision", status.last_healthy_revision, max_name);
  put(out, "lastHandledReconcileAt", status.last_handled_reconcile_at);
  if (!status.differences.empty()) out["differences"] = to_json(status.differences);
  if (status.last_correction) out["lastCorrection"] = to_json(*status.last_correction);
  if (!status.history.empty()) out["history"] = to_json(status.history);
  if (!status.errors.empty()) out["errors"] = capped(status.errors, max_status_errors, max_status_text);
  put_conditions(out, status.conditions);
  return out;
}

GitRepositoryStatus parse_git_repository_status(const nlohmann::json& object) {
  const auto& status = read_member(object, "status");
  GitRepositoryStatus out;
  out.observed_generation = read_integer(status, "observedGeneration");
  out.revision = read_text(status, "revision");
  out.last_handled_reconcile_at = read_text(status, "lastHandledReconcileAt");
  if (const auto& fetch = read_member(status, "lastFetch"); fetch.is_object())
    out.last_fetch = LastFetch{read_time(fetch, "time"), read_number(fetch, "milliseconds")};
  out.conditions = conditions_from_json(read_member(status, "conditions"));
  return out;
}

GitSyncStatus parse_git_sync_status(const nlohmann::json& object) {
  const auto& status = read_member(object, "status");
  GitSyncStatus out;
  out.observed_generation = read_integer(status, "observedGeneration");
  out.last_attempted_revision = read_text(status, "lastAttemptedRevision");
  out.last_applied_revision = read_text(status, "lastAppliedRevision");
  out.plan_digest = read_text(status, "planDigest");
  out.plan_since = parse_rfc3339(read_text(status, "planWaitingSince"));
  out.last_healthy_revision = read_text(status, "lastHealthyRevision");
  out.last_handled_reconcile_at = read_text(status, "lastHandledReconcileAt");
  out.objects = read_integer(status, "objects");
  if (auto health = read_text(status, "health"); !health.empty()) out.health = std::move(health);
  out.drift = read_integer(status, "drift");
  if (const auto& correction = read_member(status, "lastCorrection"); correction.is_object())
    out.last_correction = LastCorrection{read_time(correction, "time"),
                                         read_text(correction, "object"),
                                         read_text(correction, "operation"),
                                         read_text(correction, "manager"),
                                         read_texts(correction, "paths", max_status_paths),
                                         read_number(correction, "milliseconds"),
                                         read_text(correction, "revision")};
  out.differences = read_differences(status);
  out.history = read_history(status);
  out.errors = read_texts(status, "errors", max_status_errors);
  out.conditions = conditions_from_json(read_member(status, "conditions"));
  return out;
}

std::string short_revision(std::string_view revision) {
  constexpr std::string_view algorithm = "sha1:";
  const size_t at = revision.rfind(algorithm);
  if (at == std::string_view::npos || (at > 0 && revision[at - 1] != '@')) return std::string(revision);
  return cat(revision.substr(0, at), revision.substr(at + algorithm.size(), short_digits));
}

} // namespace gitsync::api
