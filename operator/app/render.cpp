#include "app/render.h"

#include "api/names.h"
#include "app/builtin_kinds.h"
#include "base/text.h"
#include "object/decode.h"
#include "object/order.h"
#include "plan/prepare.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace gitsync::app {
namespace {

using nlohmann::json;

std::optional<KindFacts> builtin_facts(const std::string& group, const std::string&, const std::string& kind) {
  const auto namespaced = builtin_namespaced(group, kind);
  return namespaced ? std::optional(KindFacts{*namespaced}) : std::nullopt;
}

Stamp stamp_of(const RenderOptions& options) {
  Stamp stamp{.owner = options.owner, .label = {}, .target_namespace = options.target_namespace, .salt = {}};
  const auto slash = options.owner.find('/');
  if (slash != std::string::npos)
    stamp.label = api::owner_label(options.owner.substr(0, slash), options.owner.substr(slash + 1));
  return stamp;
}

/// Takes out what Preparer put in; an emptied mapping goes too.
void remove_stamp(json& body) {
  auto& metadata = body["metadata"];
  for (const auto& [field, key] :
       {std::pair{"labels", api::owner_label_key}, std::pair{"annotations", api::owner_annotation_key}}) {
    metadata[field].erase(std::string(key));
    if (metadata[field].empty()) metadata.erase(field);
  }
}

std::string note_of(const Prepared& object, bool builtin_group) {
  const auto where = cat(object.at.text(), ": ", object.ref.text(), ": ");
  if (builtin_group)
    return cat(where, "Kubernetes has no ", object.ref.kind, " in ", object.ref.group.empty() ? "v1" : object.ref.group,
               " that can be applied, as far as is known offline: check the spelling");
  return cat(where, "no CustomResourceDefinition for it was read: taken as namespaced");
}

} // namespace

std::expected<Rendered, std::vector<Error>> render(std::vector<Manifest> manifests, std::vector<Error> errors,
                                                   const RenderOptions& options) {
  Preparer preparer(stamp_of(options), builtin_facts);
  for (auto& error : errors) preparer.add_error(std::move(error));
  for (auto& manifest : manifests) preparer.add(std::move(manifest));
  // Now all CustomResourceDefinitions are known; what is left is assumed.
  std::set<std::tuple<std::string, std::string, std::string>> assumed;
  preparer.set_lookup([&](const std::string& group, const std::string& version, const std::string& kind) {
    if (const auto facts = builtin_facts(group, version, kind)) return facts;
    assumed.insert({group, version, kind});
    return std::optional(KindFacts{true});
  });
  auto prepared = preparer.finish();
  if (!prepared) return std::unexpected(std::move(prepared.error()));

  std::vector<size_t> order(prepared->size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) {
    const Prepared& object = (*prepared)[i];
    return std::tuple<int, const std::string&, int, size_t>(static_cast<int>(stage_of(object.ref.group_kind())), object.at.file,
                                                            object.at.line, i);
  });
  Rendered out;
  for (const size_t i : order) {
    Prepared& object = (*prepared)[i];
    if (assumed.erase({object.ref.group, object.version, object.ref.kind}) != 0)
      out.notes.push_back(note_of(object, is_builtin_group(object.ref.group)));
    auto body = json::parse(object.body.json());
    if (options.owner.empty()) remove_stamp(body);
    out.objects.push_back({std::move(object.at), std::move(body)});
  }
  return out;
}

std::string rendered_text(const Rendered& rendered, Output output) {
  if (output == Output::Json) {
    auto array = json::array();
    for (const auto& object : rendered.objects) array.push_back(object.body);
    return array.dump(2) + '\n';
  }
  std::string out;
  for (const auto& object : rendered.objects) out += cat("---\n# ", object.at.text(), "\n", json_to_yaml(object.body));
  return out;
}

} // namespace gitsync::app
