#include "api/git_sync.h"

#include "api/names.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/text.h"
#include "object/field_pattern.h"
#include "object/label_selector.h"

#include <algorithm>

namespace gitsync::api {
namespace {

using namespace std::chrono_literals;

constexpr size_t most_rules = 64, most_entries = 64;

/// A list of texts inside a rule.
std::vector<std::string> read_texts(SpecReader& reader, const std::string& at, const nlohmann::json& rule, const char* name) {
  std::vector<std::string> out;
  const auto& list = read_member(rule, name);
  if (list.is_null()) return out;
  const std::string path = cat(at, ".", name);
  reader.check(list.is_array() && list.size() <= most_entries, path, cat("must be a list of at most ", most_entries, " texts"));
  if (!list.is_array()) return out;
  for (const auto& entry : list) {
    reader.check(entry.is_string() && !entry.get_ref<const std::string&>().empty(), path, "must hold texts that are not empty");
    if (entry.is_string() && out.size() < most_entries) out.push_back(entry.get<std::string>());
  }
  return out;
}

std::vector<DriftIgnore> read_drift_ignore(SpecReader& reader) {
  std::vector<DriftIgnore> out;
  const auto& rules = reader.list("drift.ignore", most_rules);
  for (size_t i = 0; i < rules.size(); ++i) {
    const std::string at = cat("drift.ignore[", i, "]");
    const auto& target = read_member(rules[i], "target");
    DriftIgnore rule;
    if (const auto& group = read_member(target, "group"); group.is_string()) rule.target.group = group.get<std::string>();
    rule.target.kind = read_text(target, "kind");
    rule.target.name = read_text(target, "name");
    rule.target.ns = read_text(target, "namespace");
    rule.target.labels = read_text(target, "labelSelector");
    if (auto selector = LabelSelector::parse(rule.target.labels); !selector)
      reader.check(false, cat(at, ".target.labelSelector"), selector.error().message);
    rule.paths = read_texts(reader, at, rules[i], "paths");
    rule.managers = read_texts(reader, at, rules[i], "managers");
    reader.check(!rule.paths.empty() || !rule.managers.empty(), at, "needs paths or managers");
    for (const auto& path : rule.paths)
      if (auto pattern = FieldPattern::parse(path); !pattern) reader.check(false, cat(at, ".paths"), pattern.error().message);
    out.push_back(std::move(rule));
  }
  return out;
}

constexpr size_t most_windows = 32;

/// IANA's names are made of these; what the name means is looked up where it is used.
bool is_zone_name(std::string_view text) {
  return text.size() <= 64 && !text.starts_with('/') && text.find("..") == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
                  c == '-' || c == '+';
         });
}

std::vector<WindowSpec> read_windows(SpecReader& reader) {
  std::vector<WindowSpec> out;
  const auto& list = reader.list("windows", most_windows);
  for (size_t i = 0; i < list.size(); ++i) {
    const auto at = [&](std::string_view field) { return cat("windows[", i, "].", field); };
    const auto& entry = list[i];
    WindowSpec window;
    const auto kind = read_text(entry, "kind");
    reader.check(kind == "allow" || kind == "deny", at("kind"), "must be allow or deny");
    window.allow = kind == "allow";
    auto schedule = Cron::parse(read_text(entry, "schedule"));
    reader.check(schedule.has_value(), at("schedule"), schedule ? "" : schedule.error().message);
    const auto duration = parse_duration(read_text(entry, "duration"));
    reader.check(duration && *duration >= 1min && *duration <= 168h, at("duration"),
                 "must be a duration such as 8h or 1h30m, from 1m to 168h");
    window.time_zone = read_text(entry, "timeZone");
    if (window.time_zone.empty()) window.time_zone = "UTC";
    reader.check(is_zone_name(window.time_zone), at("timeZone"), "must be a time zone's name such as Europe/Berlin");
    if (!schedule || !duration) continue;
    window.opens = *schedule;
    window.duration = *duration;
    out.push_back(std::move(window));
  }
  return out;
}

GitSyncSpec read_spec(SpecReader& reader) {
  GitSyncSpec spec;
  const std::vector<std::string> sources = {std::string(git_repository_kind)};
  spec.source_kind = sources[reader.choice("sourceRef.kind", sources, 0)];
  spec.source_name = reader.required_text("sourceRef.name");
  reader.check(spec.source_name.empty() || is_dns_subdomain(spec.source_name), "sourceRef.name",
               "must be an object's name (lower-case letters, digits, \"-\" and \".\")");
  spec.path = reader.text("path", "./");
  const auto problem = path_problem(spec.path);
  reader.check(problem.empty(), "path", problem);
  spec.interval = reader.duration("interval", "30m", 1s, 168h);
  spec.prune = reader.flag("prune.enabled", true);
  spec.allow_empty = reader.flag("prune.allowEmpty", false);
  spec.max_delete = reader.number("prune.maxDelete", 0, 1'000'000);
  spec.max_delete_percent = reader.number("prune.maxDeletePercent", 0, 100);
  spec.drift = static_cast<DriftMode>(reader.choice("drift.mode", {"Correct", "Report", "Ignore"}, 0));
  spec.undeclared = static_cast<Undeclared>(reader.choice("drift.undeclared", {"Keep", "Report", "Remove"}, 0));
  spec.drift_ignore = read_drift_ignore(reader);
  spec.health_wait = reader.flag("health.wait", true);
  spec.health_timeout = reader.duration("health.timeout", "5m", 1s, 24h);
  spec.target_namespace = reader.text("targetNamespace");
  reader.check(spec.target_namespace.empty() || is_dns_label(spec.target_namespace), "targetNamespace",
               "must be a namespace's name (lower-case letters, digits and \"-\")");
  spec.rollback = reader.flag("rollback.enabled", false);
  spec.on_error = static_cast<OnError>(reader.choice("onError", {"Stop", "Continue"}, 0));
  spec.approval.required = reader.flag("approval.required", false);
  spec.approval.four_eyes = reader.flag("approval.fourEyes", false);
  spec.approval.expires_after = reader.duration("approval.expiresAfter", "24h", 1s, 8760h);
  spec.windows = read_windows(reader);
  spec.depends_on = reader.names("dependsOn", 32);
  spec.deletion_policy = static_cast<DeletionPolicy>(reader.choice("deletionPolicy", {"Delete", "Orphan"}, 0));
  spec.suspend = reader.flag("suspend", false);
  return spec;
}

} // namespace

std::string GitSync::source_key() const { return owner_name(meta.ns, spec.source_name); }

Result<GitSync> parse_git_sync(const nlohmann::json& object) {
  GitSync out;
  out.meta = parse_meta(object);
  SpecReader reader(object, cat(git_sync_kind, ' ', out.meta.key()));
  out.spec = read_spec(reader);
  if (!reader.ok()) return reader.error();
  out.status = parse_git_sync_status(object);
  return out;
}

std::vector<FieldRead> git_sync_fields() {
  const auto empty = nlohmann::json::object();
  SpecReader reader(empty, {});
  read_spec(reader);
  return reader.fields();
}

std::string_view path_problem(std::string_view path) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; }; // inside a UTF-8 character
  if (path.size() - static_cast<size_t>(std::ranges::count_if(path, continues)) > 1024)
    return "must not be longer than 1024 characters";
  if (path.starts_with('/')) return "must be relative to the root of the repository, such as ./deployments/apps";
  const auto parts = split(path, '/');
  if (std::ranges::find(parts, "..") != parts.end()) return "must stay inside the repository; remove \"..\"";
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    return "must not contain control characters";
  return {};
}

} // namespace gitsync::api
