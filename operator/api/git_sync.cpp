#include "api/git_sync.h"

#include "api/names.h"
#include "base/text.h"

#include <algorithm>

namespace gitsync::api {
namespace {

using namespace std::chrono_literals;

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
  spec.interval = reader.duration("interval", "30m", 1s, 168h);
  spec.prune = reader.flag("prune.enabled", true);
  spec.allow_empty = reader.flag("prune.allowEmpty", false);
  spec.max_delete = reader.number("prune.maxDelete", 0, 1'000'000);
  spec.max_delete_percent = reader.number("prune.maxDeletePercent", 0, 100);
  spec.drift = static_cast<DriftMode>(reader.choice("drift.mode", {"Correct", "Report", "Ignore"}, 0));
  spec.health_wait = reader.flag("health.wait", true);
  spec.health_timeout = reader.duration("health.timeout", "5m", 1s, 24h);
  spec.target_namespace = reader.text("targetNamespace");
  reader.check(spec.target_namespace.empty() || is_dns_label(spec.target_namespace), "targetNamespace",
               "must be a namespace's name (lower-case letters, digits and \"-\")");
  spec.service_account = reader.text("serviceAccountName");
  reader.check(spec.service_account.empty() || is_dns_subdomain(spec.service_account), "serviceAccountName",
               "must be a ServiceAccount's name (lower-case letters, digits, \"-\" and \".\")");
  spec.rollback = reader.flag("rollback.enabled", false);
  spec.on_error = static_cast<OnError>(reader.choice("onError", {"Stop", "Continue"}, 0));
  spec.depends_on = reader.names("dependsOn", 32);
  spec.deletion_policy =
      static_cast<DeletionPolicy>(reader.choice("deletionPolicy", {"Delete", "Orphan", "WaitForTermination"}, 0));
  spec.suspend = reader.flag("suspend", false);
  return spec;
}

} // namespace

std::string GitSync::source_key() const {
  return owner_name(spec.source_namespace.empty() ? meta.ns : spec.source_namespace, spec.source_name);
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
