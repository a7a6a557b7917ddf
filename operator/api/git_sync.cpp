#include "api/git_sync.h"

#include "api/names.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/text.h"
#include "object/field_pattern.h"
#include "object/image_tag.h"
#include "object/label_selector.h"

#include <algorithm>

namespace gitsync::api {
namespace {

using namespace std::chrono_literals;

constexpr size_t most_rules = 64, most_entries = 64;

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
    rule.paths = reader.texts(cat(at, ".paths"), most_entries);
    rule.managers = reader.texts(cat(at, ".managers"), most_entries);
    reader.check(!rule.paths.empty() || !rule.managers.empty(), at, "needs paths or managers");
    for (const auto& path : rule.paths)
      if (auto pattern = FieldPattern::parse(path); !pattern) reader.check(false, cat(at, ".paths"), pattern.error().message);
    out.push_back(std::move(rule));
  }
  return out;
}

constexpr size_t most_dependencies = 32, most_checks = 32, longest_name = 253, longest_expression = 4096; // as in the CRD

std::vector<Dependency> read_dependencies(SpecReader& reader) {
  std::vector<Dependency> out;
  for (const auto* entry : reader.entries("dependsOn", most_dependencies)) {
    const std::string at = cat("dependsOn[", out.size(), "]");
    Dependency dependency{reader.entry_text(*entry, at, "name", longest_name), reader.entry_text(*entry, at, "namespace", 63),
                          reader.entry_text(*entry, at, "readyExpr", longest_expression)};
    reader.check(is_dns_subdomain(dependency.name), cat(at, ".name"),
                 "must be an object's name (lower-case letters, digits, \"-\" and \".\")");
    reader.check(dependency.ns.empty() || is_dns_label(dependency.ns), cat(at, ".namespace"),
                 "must be a namespace's name (lower-case letters, digits and \"-\")");
    out.push_back(std::move(dependency));
  }
  return out;
}

std::vector<HealthCheck> read_health_checks(SpecReader& reader) {
  std::vector<HealthCheck> out;
  for (const auto* entry : reader.entries("health.healthChecks", most_checks)) {
    const std::string at = cat("health.healthChecks[", out.size(), "]");
    const auto text = [&](std::string_view name, size_t most) { return reader.entry_text(*entry, at, name, most); };
    const std::string api_version = text("apiVersion", longest_name);
    const auto slash = api_version.find('/');
    reader.check(!api_version.empty(), cat(at, ".apiVersion"), "is required");
    HealthCheck check{.group = slash == std::string::npos ? "" : api_version.substr(0, slash),
                      .kind = text("kind", 63),
                      .name = text("name", longest_name),
                      .ns = text("namespace", 63),
                      .current = text("current", longest_expression),
                      .in_progress = text("inProgress", longest_expression),
                      .failed = text("failed", longest_expression)};
    reader.check(!check.kind.empty(), cat(at, ".kind"), "is required");
    reader.check(!check.current.empty(), cat(at, ".current"), "is required");
    out.push_back(std::move(check));
  }
  return out;
}

constexpr size_t max_images = 32, max_paths = 64;

void check_object_name(SpecReader& reader, const std::string& path, const std::string& name) {
  reader.check(name.empty() || is_dns_subdomain(name), path,
               "must be an object's name (lower-case letters, digits, \"-\" and \".\")");
}

bool is_glob(std::string_view text) {
  return !text.starts_with('/') && !text.starts_with('!') && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || std::string_view("[]{}\\").find(c) != std::string_view::npos;
  });
}

void check_globs(SpecReader& reader, std::string_view path, const std::vector<std::string>& globs) {
  for (size_t i = 0; i < globs.size(); ++i)
    reader.check(
        is_glob(globs[i]), cat(path, "[", i, "]"),
        "must be a glob from the root of the repository such as internal/** (*, ? and ** only, no leading \"/\" or \"!\")");
}

std::vector<ImageSpec> read_images(SpecReader& reader) {
  std::vector<ImageSpec> out;
  const size_t count = reader.count("images", max_images);
  for (size_t i = 0; i < count; ++i) {
    const std::string at = cat("images[", i, "].");
    ImageSpec image;
    const auto written = reader.required_text(at + "name");
    const auto name = parse_image_name(written);
    reader.check(name || written.empty(), at + "name",
                 "must be an image's name without tag and digest, such as ghcr.io/example/shop");
    if (name) image.name = *name;
    reader.check(!name || std::ranges::find(out, *name, &ImageSpec::name) == out.end(), at + "name",
                 "is there twice; remove one of the entries");
    image.tag = reader.text(at + "tag", "sha-{shortSha}");
    const auto problem = image_tag_problem(image.tag);
    reader.check(problem.empty(), at + "tag", problem);
    image.paths = reader.texts(at + "paths", max_paths);
    check_globs(reader, cat(at, "paths"), image.paths);
    image.source_name = reader.text(at + "sourceRef.name");
    check_object_name(reader, at + "sourceRef.name", image.source_name);
    image.secret = reader.text(at + "secretRef.name");
    check_object_name(reader, at + "secretRef.name", image.secret);
    image.timeout = reader.duration(at + "timeout", "30m", 1s, 168h);
    out.push_back(std::move(image));
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
  spec.source_namespace = reader.text("sourceRef.namespace");
  reader.check(spec.source_namespace.empty() || is_dns_label(spec.source_namespace), "sourceRef.namespace",
               "must be a namespace's name (lower-case letters, digits and \"-\")");
  spec.path = reader.text("path", "./");
  const auto problem = path_problem(spec.path);
  reader.check(problem.empty(), "path", problem);
  spec.paths = reader.texts("paths", max_paths);
  check_globs(reader, "paths", spec.paths);
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
  spec.health_checks = read_health_checks(reader);
  spec.target_namespace = reader.text("targetNamespace");
  reader.check(spec.target_namespace.empty() || is_dns_label(spec.target_namespace), "targetNamespace",
               "must be a namespace's name (lower-case letters, digits and \"-\")");
  spec.service_account = reader.text("serviceAccountName");
  reader.check(spec.service_account.empty() || is_dns_subdomain(spec.service_account), "serviceAccountName",
               "must be a ServiceAccount's name (lower-case letters, digits, \"-\" and \".\")");
  spec.rollback = reader.flag("rollback.enabled", false);
  spec.on_error = static_cast<OnError>(reader.choice("onError", {"Stop", "Continue"}, 0));
  spec.approval.required = reader.flag("approval.required", false);
  spec.approval.four_eyes = reader.flag("approval.fourEyes", false);
  spec.approval.expires_after = reader.duration("approval.expiresAfter", "24h", 1s, 8760h);
  spec.windows = read_windows(reader);
  spec.images = read_images(reader);
  spec.depends_on = read_dependencies(reader);
  spec.adopt = static_cast<Adopt>(reader.choice("adopt", {"IfUnowned", "Always", "Never"}, 0));
  spec.deletion_policy =
      static_cast<DeletionPolicy>(reader.choice("deletionPolicy", {"Delete", "Orphan", "WaitForTermination"}, 0));
  spec.suspend = reader.flag("suspend", false);
  return spec;
}

} // namespace

std::string GitSync::source_key() const {
  return owner_name(spec.source_namespace.empty() ? meta.ns : spec.source_namespace, spec.source_name);
}

std::string GitSync::key_of(const Dependency& dependency) const {
  return owner_name(dependency.ns.empty() ? meta.ns : dependency.ns, dependency.name);
}

std::string GitSync::source_key(const ImageSpec& image) const {
  return image.source_name.empty() ? source_key() : owner_name(meta.ns, image.source_name);
}

Result<GitSync> parse_git_sync(const nlohmann::json& object) {
  GitSync out;
  out.meta = parse_meta(object);
  SpecReader reader(object, cat(git_sync_kind, ' ', out.meta.key()));
  out.spec = read_spec(reader);
  if (!reader.ok()) return reader.error();
  out.status = parse_git_sync_status(object);
  return out;
}

std::vector<SpecExpression> expressions_of(const GitSyncSpec& spec) {
  std::vector<SpecExpression> out;
  for (size_t i = 0; i < spec.depends_on.size(); ++i)
    if (const auto& each = spec.depends_on[i]; !each.ready_expr.empty())
      out.push_back({cat("spec.dependsOn[", i, "].readyExpr"), each.ready_expr, each.name});
  for (size_t i = 0; i < spec.health_checks.size(); ++i) {
    const auto& check = spec.health_checks[i];
    const auto add = [&](std::string_view name, const std::string& text) {
      if (!text.empty()) out.push_back({cat("spec.health.healthChecks[", i, "].", name), text, {}});
    };
    add("current", check.current);
    add("inProgress", check.in_progress);
    add("failed", check.failed);
  }
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
