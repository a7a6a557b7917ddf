#include "fuzz/targets.h"

#include "api/approval.h"
#include "api/cron.h"
#include "api/git_repository.h"
#include "api/git_sync.h"
#include "api/pause.h"
#include "app/import.h"
#include "apply/inventory.h"
#include "git/name.h"
#include "git/path_glob.h"
#include "git/protocol.h"
#include "git/ref.h"
#include "git/url.h"
#include "git_worker/known_hosts.h"
#include "health/health.h"
#include "kube/event_header.h"
#include "kube/resource.h"
#include "object/additions.h"
#include "object/co_owners.h"
#include "object/decode.h"
#include "object/field_pattern.h"
#include "object/image_name.h"
#include "object/label_selector.h"
#include "object/normalise.h"
#include "object/ownership.h"
#include "plan/adoption.h"
#include "plan/object_rules.h"
#include "registry/challenge.h"
#include "registry/pull_secret.h"
#include "render/protocol.h"
#include "runtime/frame.h"

#include <cstdio>
#include <cstdlib>

namespace gitsync::fuzz {
namespace {

using nlohmann::json;

/// A broken promise ends the process: libFuzzer and the unit tests both take that for a failure.
void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "fuzz: broken promise: %s\n", what);
  std::abort();
}

json json_of(std::string_view bytes) { return json::parse(bytes, nullptr, false); }

/// What comes before the first NUL, and the rest.
std::pair<std::string_view, std::string_view> two_parts(std::string_view bytes) {
  const auto at = bytes.find('\0');
  return {bytes.substr(0, at), at == std::string_view::npos ? std::string_view() : bytes.substr(at + 1)};
}

DecodeBudget small_budget() {
  DecodeBudget budget;
  budget.bytes = 64u << 10;
  return budget;
}

void manifests(std::string_view bytes) {
  auto decoded = decode_file("f.yaml", bytes, small_budget());
  if (!decoded) {
    promise(!decoded.error().empty(), "a refusal says why");
    for (const auto& error : decoded.error()) promise(error.message.starts_with("f.yaml"), "an error begins with the file");
    return;
  }
  for (auto& manifest : *decoded) {
    promise(!manifest.ref.kind.empty() && !manifest.ref.name.empty(), "a manifest has a kind and a name");
    std::ignore = normalise(manifest);
    std::ignore = rules_of(manifest.ref, manifest.body, {});
    std::ignore = health::assess(manifest.ref.group_kind(), manifest.body);
  }
}

void yaml(std::string_view bytes) {
  const auto value = yaml_to_json("f.yaml", bytes, small_budget());
  if (!value) return;
  const auto again = yaml_to_json("f.yaml", json_to_yaml(*value));
  promise(again && *again == *value, "what we write reads back as the same");
}

void json_file(std::string_view bytes) {
  const auto ours = decode_file("f.json", bytes, small_budget());
  if (ours && !ours->empty()) promise(json::accept(bytes), "a JSON file that is taken is JSON");
}

void live_object(std::string_view bytes) {
  const json live = json_of(bytes);
  if (live.is_discarded()) return;
  static constexpr std::string_view manager = "gitsync:shop/web";
  const json desired = live.is_object() && live.contains("spec") ? json{{"spec", live["spec"]}} : json::object();
  const auto empties = empty_declarations(live, manager, desired);
  const auto owned = ownership(live, manager, "salt", empties);
  std::ignore = culprit(live, manager, desired);
  for (const auto which : {Leftovers::InPlace, Leftovers::Refused}) {
    std::ignore = claim_leftovers(live, manager, desired, std::nullopt, which);
    std::ignore =
        claim_leftovers(live, manager, desired, Known{owned ? owned->foreign : std::vector<PathHash>(), empties}, which);
  }
  std::ignore = without_wiped_owner(live);
  if (const auto alone = without_co_owners(live, manager, desired)) {
    json after = live;
    after["metadata"]["managedFields"] = alone->managed_fields;
    promise(!has_co_owner(after, manager), "after it we own alone");
  }
  const std::vector<FieldPattern> fields;
  const std::vector<std::string> managers = {"keda"};
  std::ignore = additions(live, manager, {fields, managers});
  std::ignore = claim_additions(live, manager, {fields, managers});
  json yielded = desired;
  std::ignore = yield_fields(yielded, live, manager, managers);
  std::ignore = other_owner({"apps", "Deployment", "shop", "web"}, live);
  for (const auto& kind : {GroupKind{"apps", "Deployment"},
                           {"apps", "StatefulSet"},
                           {"batch", "Job"},
                           {"", "Pod"},
                           {"", "Service"},
                           {"example.com", "Thing"},
                           {"apiextensions.k8s.io", "CustomResourceDefinition"}})
    std::ignore = health::assess(kind, live);
}

void field_pattern(std::string_view bytes) {
  const auto [text, object] = two_parts(bytes);
  const auto pattern = FieldPattern::parse(text);
  if (!pattern) return;
  promise(pattern->text() == text, "a pattern keeps its text");
  json value = json_of(
      object.empty() ? R"({"metadata":{"labels":{"a":"b"}},"spec":{"c":[{"name":"x","v":[1,2]},{"name":"y"}]}})" : object);
  if (value.is_discarded()) return;
  json fields = json{{"f:spec", {{"f:c", {{R"(k:{"name":"x"})", {{".", json::object()}, {"f:v", json::object()}}}}}}}};
  std::ignore = pattern->disown(fields, value);
  pattern->erase(value);
  const bool by_place = text.find_first_of("[0123456789*") != std::string_view::npos; // the next one has taken the place
  promise(by_place || !pattern->erase(value), "what was taken out is gone");
}

void selectors(std::string_view bytes) {
  if (const auto selector = LabelSelector::parse(bytes)) std::ignore = selector->matches(json{{"a", "b"}});
  if (const auto image = parse_image_name(bytes);
      image && image->text().size() <= 255) // with a default registry it may be longer
    promise(parse_image_name(image->text()).has_value(), "an image's name is one");
  std::ignore = without_tag(bytes);
  if (const auto cron = api::Cron::parse(bytes)) std::ignore = cron;
}

void git_names(std::string_view bytes) {
  if (const auto url = git::parse_url(bytes)) {
    const auto shown = git::display_url(bytes);
    promise(shown.find('\n') == std::string::npos, "a URL is shown on one line");
  }
  const std::string text(bytes);
  std::ignore = git::check_ref({.branch = text, .tag = {}, .commit = {}, .name = {}});
  std::ignore = git::check_ref({.branch = {}, .tag = {}, .commit = {}, .name = text});
  std::ignore = git::name_fault(bytes);
  std::ignore = git::path_components(bytes);
  const auto [glob_text, path] = two_parts(bytes);
  if (const auto glob = git::PathGlob::parse(glob_text)) {
    const auto slash = path.rfind('/');
    if (slash != std::string_view::npos && glob->matches(path))
      promise(glob->may_match_below(path.substr(0, slash)), "a directory with a match is entered");
    if (slash != std::string_view::npos && glob->matches_all_below(path.substr(0, slash)))
      promise(glob->matches(path), "all below is all below");
  }
}

void git_answer(std::string_view bytes) {
  std::ignore = git::decode_answer(bytes);
  std::ignore = git::decode_job(bytes);
  std::ignore = render::decode_head(bytes);
  std::ignore = render::decode_cel_answer(bytes);
  std::ignore = render::decode_verify_answer(bytes);
}

void frames(std::string_view bytes) {
  // In two pieces, at every place: the same messages.
  const auto read = [](std::initializer_list<std::string_view> pieces) {
    FrameParser parser(4096);
    std::vector<std::string> out;
    for (const auto piece : pieces) {
      parser.feed(piece);
      for (;;) {
        const auto message = parser.next();
        if (!message) return out;
        if (!*message) break;
        out.emplace_back(**message);
      }
    }
    return out;
  };
  const auto whole = read({bytes});
  const size_t cut = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]) % (bytes.size() + 1);
  promise(read({bytes.substr(0, cut), bytes.substr(cut)}) == whole, "frames don't depend on how they arrive");
}

void known_hosts(std::string_view bytes) {
  const auto [file, blob] = two_parts(bytes);
  const auto keys = git::known_keys(file, "git.example.com", 22);
  std::ignore = git::judge_host_key(keys, blob);
  std::ignore = git::preferred_key_type(keys);
}

void watch_line(std::string_view bytes) {
  const auto header = kube::event_header(bytes);
  const json event = json_of(bytes);
  if (!header || !event.is_object() || !event.contains("object")) return;
  std::ignore = header->version_number();
}

void discovery(std::string_view bytes) {
  kube::ResourceMap map;
  const json document = json_of(bytes);
  if (document.is_discarded()) return;
  std::ignore = map.add(document);
  std::ignore = map.add_legacy(document);
  std::ignore = map.find({"apps", "Deployment"});
  std::ignore = map.named("deployments");
}

void registry(std::string_view bytes) {
  std::ignore = registry::parse_challenges(bytes);
  const json secret = json_of(bytes);
  if (!secret.is_discarded()) std::ignore = registry::PullSecret::parse(secret);
}

void inventory(std::string_view bytes) {
  if (const auto meta = decode_meta(bytes)) std::ignore = encode_meta(*meta);
  std::ignore = decode_chunk(bytes);
}

void resources(std::string_view bytes) {
  const json object = json_of(bytes);
  if (object.is_discarded()) return;
  if (const auto sync = api::parse_git_sync(object); !sync) promise(!sync.error().message.empty(), "a refusal says why");
  std::ignore = api::parse_git_repository(object);
  if (object.is_array()) {
    std::vector<json> objects(object.begin(), object.end());
    std::ignore = app::imported_yaml(app::import_flux(objects));
    std::ignore = app::imported_yaml(app::import_argo(objects));
  }
}

constexpr Target all[] = {
    {"manifests", "files of a repository", manifests},
    {"yaml", "files of a repository", yaml},
    {"json", "files of a repository", json_file},
    {"live", "objects of the API server, with whatever others wrote into them", live_object},
    {"pattern", "spec.drift.ignore", field_pattern},
    {"selectors", "specs and manifests", selectors},
    {"names", "specs and repositories", git_names},
    {"answer", "workers, which strangers' input may have taken over", git_answer},
    {"frames", "workers", frames},
    {"hosts", "Secrets and ssh servers", known_hosts},
    {"watch", "the API server", watch_line},
    {"discovery", "the API server and those that it aggregates", discovery},
    {"registry", "container registries and pull secrets", registry},
    {"inventory", "Secrets that somebody may have edited", inventory},
    {"resources", "custom resources, ours and others'", resources},
};

} // namespace

std::span<const Target> targets() { return all; }

const Target* find(std::string_view name) {
  for (const auto& target : all)
    if (target.name == name) return &target;
  return nullptr;
}

} // namespace gitsync::fuzz
