#include "api/condition.h"

#include "api/status_text.h"
#include "base/json_read.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gitsync::api {
namespace {

constexpr size_t max_conditions = 16;

Condition make(std::string_view type, Truth status, std::string_view reason, std::string_view message, At at) {
  return {std::string(type), status, std::string(reason), std::string(message), {}, at.generation};
}

} // namespace

std::string_view truth_text(Truth truth) {
  switch (truth) {
  case Truth::True: return "True";
  case Truth::False: return "False";
  case Truth::Unknown: break;
  }
  return "Unknown";
}

std::string_view reason_for(Code code) {
  switch (code) {
  case Code::InvalidSpec:
  case Code::InvalidArgument: return reason::invalid_spec;
  case Code::SourceNotFound: return reason::source_not_found;
  case Code::SourceNotReady: return reason::source_not_ready;
  case Code::YamlSyntax:
  case Code::YamlDuplicateKey:
  case Code::YamlBudget:
  case Code::YamlType:
  case Code::InvalidManifest:
  case Code::DuplicateObject:
  case Code::UnknownKind:
  case Code::InvalidScope:
  case Code::OwnedByOther:
  case Code::AdoptionRefused:
  case Code::UnsafePath:
  case Code::PathNotFound: return reason::revision_refused;
  case Code::EmptyRevision:
  case Code::PruneBlocked: return reason::prune_blocked;
  case Code::NotVerified: return reason::not_verified;
  case Code::HistoryRewound: return reason::history_rewound;
  case Code::GitFetch:
  case Code::GitRefNotFound:
  case Code::GitAuth:
  case Code::GitLimit:
  case Code::WorkerDied: return reason::fetch_failed;
  case Code::Timeout:
  case Code::ApiUnreachable:
  case Code::ApiUnauthorized:
  case Code::ApiForbidden:
  case Code::ApiNotFound:
  case Code::ApiConflict:
  case Code::ApiExpired:
  case Code::ApiInvalid:
  case Code::ApiThrottled:
  case Code::ApiServerError: return reason::apply_failed;
  case Code::ImageNotFound: return reason::image_not_found;
  case Code::RegistryDown:
  case Code::RegistryAuth:
  case Code::RegistryError: return reason::registry_failed;
  case Code::InventoryCorrupt: return reason::inventory_corrupt;
  case Code::Internal:
  case Code::Cancelled: break;
  }
  return reason::internal_error;
}

const Condition* find_condition(const Conditions& conditions, std::string_view type) {
  const auto it = std::ranges::find(conditions, type, &Condition::type);
  return it == conditions.end() ? nullptr : &*it;
}

bool is_true(const Conditions& conditions, std::string_view type) {
  const auto* condition = find_condition(conditions, type);
  return condition && condition->status == Truth::True;
}

bool set_condition(Conditions& conditions, Condition condition, WallTime now) {
  now = std::chrono::floor<std::chrono::seconds>(now);
  condition.message = status_text(condition.message); // as it comes back from the API server, so that a restart changes nothing
  const auto it = std::ranges::find(conditions, condition.type, &Condition::type);
  if (it == conditions.end()) {
    condition.last_transition = now;
    conditions.push_back(std::move(condition));
    return true;
  }
  condition.last_transition = it->status == condition.status ? it->last_transition : now;
  if (*it == condition) return false;
  *it = std::move(condition);
  return true;
}

bool remove_condition(Conditions& conditions, std::string_view type) {
  return std::erase_if(conditions, [&](const Condition& condition) { return condition.type == type; }) > 0;
}

bool mark_ready(Conditions& conditions, std::string_view reason, std::string_view message, At at) {
  bool changed = set_condition(conditions, make(ready_condition, Truth::True, reason, message, at), at.now);
  changed |= remove_condition(conditions, reconciling_condition);
  changed |= remove_condition(conditions, stalled_condition);
  return changed;
}

bool mark_reconciling(Conditions& conditions, std::string_view reason, std::string_view message, At at) {
  bool changed = set_condition(conditions, make(reconciling_condition, Truth::True, reason, message, at), at.now);
  changed |= remove_condition(conditions, stalled_condition);
  if (!find_condition(conditions, ready_condition))
    changed |= set_condition(conditions, make(ready_condition, Truth::Unknown, reason, message, at), at.now);
  return changed;
}

bool mark_waiting(Conditions& conditions, std::string_view reason, std::string_view message, At at) {
  bool changed = set_condition(conditions, make(ready_condition, Truth::Unknown, reason, message, at), at.now);
  changed |= set_condition(conditions, make(reconciling_condition, Truth::True, reason, message, at), at.now);
  changed |= remove_condition(conditions, stalled_condition);
  return changed;
}

bool mark_not_ready(Conditions& conditions, std::string_view reason, std::string_view message, At at) {
  bool changed = set_condition(conditions, make(ready_condition, Truth::False, reason, message, at), at.now);
  changed |= remove_condition(conditions, reconciling_condition);
  changed |= remove_condition(conditions, stalled_condition);
  return changed;
}

bool mark_retrying(Conditions& conditions, std::string_view reason, std::string_view message, At at) {
  bool changed = set_condition(conditions, make(ready_condition, Truth::False, reason, message, at), at.now);
  changed |= set_condition(conditions, make(reconciling_condition, Truth::True, reason::retrying, message, at), at.now);
  changed |= remove_condition(conditions, stalled_condition);
  return changed;
}

bool mark_stalled(Conditions& conditions, std::string_view reason, std::string_view message, At at) {
  bool changed = set_condition(conditions, make(ready_condition, Truth::False, reason, message, at), at.now);
  changed |= set_condition(conditions, make(stalled_condition, Truth::True, reason, message, at), at.now);
  changed |= remove_condition(conditions, reconciling_condition);
  return changed;
}

bool mark_failed(Conditions& conditions, const Error& error, At at) {
  const auto mark = error.retry == Retry::Never ? mark_stalled : mark_retrying;
  return mark(conditions, reason_for(error.code), error.text(), at);
}

nlohmann::json conditions_to_json(const Conditions& conditions) {
  Conditions sorted = conditions;
  std::ranges::sort(sorted, {}, &Condition::type);
  auto out = nlohmann::json::array();
  for (const auto& condition : sorted)
    out.push_back({{"type", condition.type},
                   {"status", truth_text(condition.status)},
                   {"reason", condition.reason.empty() ? "Unspecified" : condition.reason},
                   {"message", status_text(condition.message)},
                   {"lastTransitionTime", rfc3339(condition.last_transition)},
                   {"observedGeneration", condition.observed_generation}});
  return out;
}

Conditions conditions_from_json(const nlohmann::json& value) {
  Conditions out;
  if (!value.is_array()) return out;
  for (const auto& entry : value) {
    if (out.size() == max_conditions) break;
    Condition condition;
    condition.type = read_text(entry, "type");
    if (condition.type.empty() || find_condition(out, condition.type)) continue;
    const auto status = read_text(entry, "status");
    condition.status = status == "True" ? Truth::True : status == "False" ? Truth::False : Truth::Unknown;
    condition.reason = read_text(entry, "reason");
    condition.message = read_text(entry, "message");
    condition.last_transition = parse_rfc3339(read_text(entry, "lastTransitionTime")).value_or(WallTime{});
    condition.observed_generation = read_integer(entry, "observedGeneration");
    out.push_back(std::move(condition));
  }
  return out;
}

} // namespace gitsync::api
