#include "api/git_sync.h"

#include "api/names.h"
#include "base/text.h"
#include "object/image_tag.h"

#include <algorithm>

namespace gitsync::api {
namespace {

using namespace std::chrono_literals;

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

std::vector<ImageSpec> read_images(SpecReader& reader) {
  std::vector<ImageSpec> out;
  const size_t count = reader.list("images", max_images);
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
    for (size_t k = 0; k < image.paths.size(); ++k)
      reader.check(
          is_glob(image.paths[k]), cat(at, "paths[", k, "]"),
          "must be a glob from the root of the repository such as internal/** (*, ? and ** only, no leading \"/\" or \"!\")");
    image.source_name = reader.text(at + "sourceRef.name");
    check_object_name(reader, at + "sourceRef.name", image.source_name);
    image.secret = reader.text(at + "secretRef.name");
    check_object_name(reader, at + "secretRef.name", image.secret);
    image.timeout = reader.duration(at + "timeout", "30m", 1s, 168h);
    out.push_back(std::move(image));
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
  spec.health_wait = reader.flag("health.wait", true);
  spec.health_timeout = reader.duration("health.timeout", "5m", 1s, 24h);
  spec.target_namespace = reader.text("targetNamespace");
  reader.check(spec.target_namespace.empty() || is_dns_label(spec.target_namespace), "targetNamespace",
               "must be a namespace's name (lower-case letters, digits and \"-\")");
  spec.rollback = reader.flag("rollback.enabled", false);
  spec.on_error = static_cast<OnError>(reader.choice("onError", {"Stop", "Continue"}, 0));
  spec.images = read_images(reader);
  spec.depends_on = reader.names("dependsOn", 32);
  spec.deletion_policy = static_cast<DeletionPolicy>(reader.choice("deletionPolicy", {"Delete", "Orphan"}, 0));
  spec.suspend = reader.flag("suspend", false);
  return spec;
}

} // namespace

std::string GitSync::source_key() const { return owner_name(meta.ns, spec.source_name); }

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
