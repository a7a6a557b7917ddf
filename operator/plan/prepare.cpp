#include "plan/prepare.h"

#include "api/names.h"
#include "base/json_read.h"
#include "base/text.h"
#include "object/normalise.h"

namespace gitsync {
namespace {

using nlohmann::json;

/// What a CustomResourceDefinition of the revision will make known. Lenient: what is odd here, the API server refuses.
void note_definition(const Manifest& manifest,
                     std::map<std::tuple<std::string, std::string, std::string>, KindFacts>& defined) {
  if (manifest.ref.kind != "CustomResourceDefinition" || manifest.ref.group != "apiextensions.k8s.io") return;
  const json& spec = read_member(manifest.body, "spec");
  const json& names = read_member(spec, "names");
  const KindFacts facts{read_text(spec, "scope") != "Cluster"};
  const json& versions = read_member(spec, "versions");
  if (!names.is_object() || !versions.is_array()) return;
  for (const auto& version : versions)
    if (version.is_object()) defined[{read_text(spec, "group"), read_text(version, "name"), read_text(names, "kind")}] = facts;
}

} // namespace

std::optional<KindFacts> Preparer::facts_of(const Manifest& manifest) const {
  const auto it = defined_.find({manifest.ref.group, manifest.version, manifest.ref.kind});
  if (it != defined_.end()) return it->second;
  return lookup_(manifest.ref.group, manifest.version, manifest.ref.kind);
}

void Preparer::add(Manifest manifest) {
  if (auto normal = normalise(manifest); !normal) {
    errors_.push_back(std::move(normal.error()));
    return;
  }
  note_definition(manifest, defined_);
  if (const auto facts = facts_of(manifest))
    prepare(std::move(manifest), *facts);
  else
    unknown_.push_back(std::move(manifest));
}

void Preparer::prepare(Manifest manifest, const KindFacts& facts) {
  if (auto placed = set_namespace(manifest, facts.namespaced, stamp_.target_namespace); !placed) {
    errors_.push_back(std::move(placed.error()));
    return;
  }
  auto& metadata = manifest.body["metadata"];
  for (const auto& [field, key, value] :
       {std::tuple<const char*, std::string_view, const std::string&>{"labels", api::owner_label_key, stamp_.label},
        {"annotations", api::owner_annotation_key, stamp_.owner}}) {
    auto& map = metadata[field];
    if (map.is_null()) map = json::object();
    if (!map.is_object()) {
      errors_.push_back(fail(Code::InvalidManifest,
                             cat(manifest.at.text(), ": ", manifest.ref.text(), ": metadata.", field, " must be a mapping"))
                            .error());
      return;
    }
    map[std::string(key)] = value;
  }
  if (!stamp_.images.empty()) set_image_tags(manifest.body, stamp_.images, images_);
  auto hints = order_hints(manifest.body);
  if (!hints) {
    errors_.push_back(wrap(std::move(hints.error()), cat(manifest.at.text(), ": ", manifest.ref.text())).error());
    return;
  }
  auto rules = rules_of(manifest.ref, manifest.body, stamp_.ignore);
  if (!rules) {
    errors_.push_back(wrap(std::move(rules.error()), cat(manifest.at.text(), ": ", manifest.ref.text())).error());
    return;
  }
  Prepared out;
  if (!hints->empty()) out.order = std::make_shared<const OrderHints>(std::move(*hints));
  std::string text = manifest.body.dump(-1, ' ', false, json::error_handler_t::replace);
  out.content = content_of(stamp_.salt, text, *rules);
  out.rules = std::move(*rules);
  out.body = Body(std::move(text));
  out.ref = std::move(manifest.ref);
  out.version = std::move(manifest.version);
  out.at = std::move(manifest.at);
  prepared_.push_back(std::move(out));
}

bool Preparer::has_unknown_kinds() const {
  return std::ranges::any_of(unknown_, [&](const Manifest& manifest) { return !facts_of(manifest); });
}

std::expected<std::vector<Prepared>, std::vector<Error>> Preparer::finish() {
  for (auto& manifest : unknown_) {
    if (const auto facts = facts_of(manifest)) {
      prepare(std::move(manifest), *facts);
      continue;
    }
    errors_.push_back(
        fail(Code::UnknownKind,
             cat(manifest.at.text(), ": ", manifest.ref.text(), ": the API server does not serve ", manifest.api_version(), " ",
                 manifest.ref.kind, ", and no CustomResourceDefinition in this revision defines it"),
             Retry::Backoff)
            .error());
  }
  unknown_.clear();
  std::map<ObjectRef, const Prepared*> seen;
  for (const auto& object : prepared_) {
    const auto [it, fresh] = seen.emplace(object.ref, &object);
    if (!fresh)
      errors_.push_back(fail(Code::DuplicateObject, cat(object.at.text(), ": ", object.ref.text(), " is declared already at ",
                                                        it->second->at.text(), ": remove one of them"))
                            .error());
  }
  if (!errors_.empty()) return std::unexpected(std::move(errors_));
  std::erase_if(prepared_, [&](const Prepared& object) {
    if (!object.rules || !object.rules->never) return false;
    opted_out_.insert(object.ref);
    return true;
  });
  return std::move(prepared_);
}

} // namespace gitsync
