#include "object/normalise.h"

#include "base/text.h"

namespace gitsync {
namespace {

using nlohmann::json;

constexpr const char* server_metadata[] = {"managedFields",     "resourceVersion",   "uid",
                                           "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                                           "generation",        "selfLink"};

/// A null in a mapping means "not declared". In a list it has a place, so it stays for the API server to judge.
/// Recursion is bounded by the decoder's depth budget.
void drop_nulls(json& value) {
  if (value.is_object()) {
    for (auto entry = value.begin(); entry != value.end();) {
      if (entry->is_null()) {
        entry = value.erase(entry);
      } else {
        drop_nulls(*entry);
        ++entry;
      }
    }
  } else if (value.is_array()) {
    for (auto& item : value) drop_nulls(item);
  }
}

std::unexpected<Error> refuse(const Manifest& manifest, std::string_view why) {
  return fail(Code::InvalidManifest, cat(manifest.at.text(), ": ", manifest.ref.text(), ": ", why));
}

/// Go's decoder of []byte skips line ends inside base64; nothing else.
bool is_base64(std::string_view text) {
  if (text.find_first_of("\r\n") == std::string_view::npos) return base64_decode(text).has_value();
  std::string packed;
  for (const char c : text)
    if (c != '\r' && c != '\n') packed += c;
  return base64_decode(packed).has_value();
}

/// Messages name keys only: what stands beside them is secret.
Result<> normalise_secret(Manifest& manifest) {
  json& body = manifest.body;
  for (const char* field : {"data", "stringData"}) {
    if (!body.contains(field)) continue;
    if (!body[field].is_object()) return refuse(manifest, cat(field, " must be a mapping"));
    for (const auto& [key, value] : body[field].items()) {
      if (!value.is_string())
        return refuse(manifest, cat(field, '.', shorten(key, 80), " is not a string: put the value in quotes"));
      if (field[0] == 'd' && !is_base64(value.get_ref<const std::string&>()))
        return refuse(manifest,
                      cat("data.", shorten(key, 80), " is not base64: encode it, or move it to stringData as plain text"));
    }
  }
  if (!body.contains("stringData")) return {};
  json& data = body["data"];
  if (data.is_null()) data = json::object();
  for (const auto& [key, value] : body["stringData"].items()) data[key] = base64_encode(value.get_ref<const std::string&>());
  body.erase("stringData");
  if (data.empty()) body.erase("data");
  return {};
}

} // namespace

Result<> normalise(Manifest& manifest) {
  json& body = manifest.body;
  if (!body.is_object() || !body.contains("metadata") || !body["metadata"].is_object())
    return refuse(manifest, "expected a mapping with metadata");
  drop_nulls(body);
  body.erase("status");
  for (const char* key : server_metadata) body["metadata"].erase(key);
  if (manifest.ref.group.empty() && manifest.ref.kind == "Secret") return normalise_secret(manifest);
  if (manifest.ref.group == "rbac.authorization.k8s.io" && manifest.ref.kind == "ClusterRole" &&
      body.contains("aggregationRule"))
    body.erase("rules");
  return {};
}

Result<> set_namespace(Manifest& manifest, bool namespaced, std::string_view target_namespace) {
  json& metadata = manifest.body["metadata"];
  if (!namespaced) {
    if (!manifest.ref.ns.empty())
      return fail(Code::InvalidScope, cat(manifest.at.text(), ": ", manifest.ref.text(),
                                          ": the kind is cluster-scoped: remove metadata.namespace"));
    metadata.erase("namespace"); // an empty or null one
    return {};
  }
  if (!manifest.ref.ns.empty()) return {};
  manifest.ref.ns = target_namespace.empty() ? "default" : std::string(target_namespace);
  metadata["namespace"] = manifest.ref.ns;
  return {};
}

} // namespace gitsync
