#include "object/manifests.h"

#include "base/text.h"

#include <algorithm>

namespace gitsync {
namespace {

using nlohmann::json;

constexpr size_t max_errors = 100; // of one file; more help nobody

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_lower_alnum(char c) { return is_alnum(c) && !(c >= 'A' && c <= 'Z'); }

/// RFC 1123 label: what a namespace's name must be.
bool is_dns_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

/// RFC 1123 subdomain: what an API group must be.
bool is_dns_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  return std::ranges::all_of(split(text, '.'), is_dns_label);
}

/// A kind or version is a DNS label that may have capitals. Source: apiextensions' validation of names.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
}

/// The least that every kind's name must satisfy: it is a segment of a URL's path. Kinds differ beyond that (RBAC's names may
/// have colons), and the API server knows best. Source: apimachinery's IsValidPathSegmentName.
std::string_view name_problem(std::string_view name) {
  if (name.size() > 253) return "is longer than 253 characters";
  if (name == "." || name == "..") return "must not be \".\" or \"..\"";
  for (const char c : name) {
    if (c == '/' || c == '%') return "must not contain \"/\" or \"%\"";
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return "must not contain white space or control characters";
  }
  return {};
}

std::string_view type_name(const json& value) {
  switch (value.type()) {
  case json::value_t::null: return "null";
  case json::value_t::boolean: return "a boolean";
  case json::value_t::object: return "a mapping";
  case json::value_t::array: return "a list";
  case json::value_t::string: return "a string";
  default: return "a number";
  }
}

/// The value of a key of an object, or null.
const json& at(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string text_or(const json& value, std::string_view otherwise) {
  return value.is_string() ? value.get_ref<const std::string&>() : std::string(otherwise);
}

/// Turns the documents of one file into manifests, collecting what is wrong.
class Collector {
public:
  Collector(std::string_view file, std::vector<Error> errors) : file_(file), errors_(std::move(errors)) {}

  /// `where` names the item inside a list ("items[3] "), or nothing.
  void object(json body, int line, const std::string& where);
  void array(json items, int line, const std::string& where, std::string_view api_version = {}, std::string_view kind = {});

  std::vector<Manifest> manifests;
  std::vector<Error> take_errors() { return std::move(errors_); }

private:
  void refuse(int line, const std::string& where, std::string_view why) {
    if (errors_.size() < max_errors)
      errors_.push_back({.code = Code::InvalidManifest, .message = cat(file_, ':', line, ": ", where, why)});
  }
  bool need_string(const json& object, const char* key, std::string_view path, int line, const std::string& where,
                   std::string_view hint, std::string& out);
  bool strings_only(const json& metadata, const char* key, int line, const std::string& who);
  void list(json body, int line, const std::string& where);

  std::string file_;
  std::vector<Error> errors_;
};

bool is_list(const json& body) {
  const json& kind = at(body, "kind");
  if (!kind.is_string() || !kind.get_ref<const std::string&>().ends_with("List")) return false;
  if (body.contains("items")) return body["items"].is_array() || body["items"].is_null();
  return kind == "List" && at(body, "apiVersion") == "v1";
}

void Collector::list(json body, int line, const std::string& where) {
  // The items of a typed list ("ConfigMapList") may leave out what the list says already, as for kubectl.
  const std::string kind = body["kind"];
  const std::string api_version = text_or(at(body, "apiVersion"), "");
  if (api_version.empty()) return refuse(line, where, cat(kind, " has no apiVersion: add one, such as \"apiVersion: v1\""));
  if (!body.contains("items") || body["items"].is_null()) return;
  const std::string_view item_kind = std::string_view(kind).substr(0, kind.size() - 4);
  array(std::move(body["items"]), line, where + "items", item_kind.empty() ? "" : std::string_view(api_version), item_kind);
}

void Collector::array(json items, int line, const std::string& where, std::string_view api_version, std::string_view kind) {
  for (size_t i = 0; i < items.size(); ++i) {
    json& item = items[i];
    const std::string here = cat(where, '[', i, "]: ");
    if (item.is_object() && !kind.empty()) {
      if (!item.contains("kind")) item["kind"] = kind;
      if (!item.contains("apiVersion")) item["apiVersion"] = api_version;
    }
    if (item.is_null()) {
      refuse(line, here, "the item is empty: remove it");
    } else {
      object(std::move(item), line, here);
    }
  }
}

bool Collector::need_string(const json& object, const char* key, std::string_view path, int line, const std::string& where,
                            std::string_view hint, std::string& out) {
  const json& value = at(object, key);
  if (value.is_string() && !value.get_ref<const std::string&>().empty()) {
    out = value;
    return true;
  }
  if (value.is_null() || value.is_string())
    refuse(line, where, cat(path, " is missing or empty: ", hint));
  else if (value.is_primitive())
    refuse(line, where, cat(path, " is ", type_name(value), ": put the value in quotes"));
  else
    refuse(line, where, cat(path, " is ", type_name(value), ", not a string: ", hint));
  return false;
}

/// Labels and annotations: the API server's own message for `on: true` doesn't say that quotes are missing.
bool Collector::strings_only(const json& metadata, const char* key, int line, const std::string& who) {
  const json& values = at(metadata, key);
  if (values.is_null()) return true;
  if (!values.is_object()) {
    refuse(line, who, cat("metadata.", key, " is ", type_name(values), ", not a mapping of strings"));
    return false;
  }
  for (const auto& [name, value] : values.items()) {
    if (value.is_string() || value.is_null()) continue;
    refuse(line, who,
           cat("metadata.", key, ": the value of \"", shorten(name, 80), "\" is ", type_name(value), ": ",
               value.is_primitive() ? "put it in quotes" : "it must be a string"));
    return false;
  }
  return true;
}

void Collector::object(json body, int line, const std::string& where) {
  if (!body.is_object())
    return refuse(line, where,
                  cat("expected a Kubernetes object (a mapping with apiVersion, kind and metadata), found ", type_name(body)));
  if (is_list(body)) return list(std::move(body), line, where);

  std::string api_version, kind, name;
  const bool has_version =
      need_string(body, "apiVersion", "apiVersion", line, where, "add one, such as \"apiVersion: v1\"", api_version);
  const bool has_kind = need_string(body, "kind", "kind", line, where, "add one, such as \"kind: ConfigMap\"", kind);
  if (!has_version || !has_kind) return;

  const size_t slash = api_version.find('/');
  Manifest manifest;
  manifest.ref.kind = kind;
  manifest.ref.group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  manifest.version = slash == std::string::npos ? api_version : api_version.substr(slash + 1);
  if (!is_word(manifest.version) || (slash != std::string::npos && !is_dns_name(manifest.ref.group)))
    return refuse(
        line, where,
        cat("apiVersion \"", shorten(api_version, 80), "\" is neither a version (\"v1\") nor group/version (\"apps/v1\")"));
  if (!is_word(kind))
    return refuse(line, where, cat("kind \"", shorten(kind, 80), "\" is not the name of a kind: letters and digits only"));

  const json& metadata = at(body, "metadata");
  if (!metadata.is_null() && !metadata.is_object())
    return refuse(line, where, cat(kind, ": metadata is ", type_name(metadata), ", not a mapping"));
  if (text_or(at(metadata, "name"), "").empty() && at(metadata, "generateName").is_string())
    return refuse(line, where,
                  cat(kind, ": metadata.generateName makes a new object at each apply: give it a fixed metadata.name"));
  if (!need_string(metadata, "name", cat(kind, ": metadata.name"), line, where, "every object needs a name", name)) return;
  const std::string who = cat(where, kind, ' ', shorten(name, 80), ": ");
  if (const auto problem = name_problem(name); !problem.empty()) return refuse(line, who, cat("metadata.name ", problem));

  const json& ns = at(metadata, "namespace");
  if (!ns.is_null() && !ns.is_string())
    return refuse(line, who,
                  cat("metadata.namespace is ", type_name(ns), ": ",
                      ns.is_primitive() ? "put the value in quotes" : "it must be a string"));
  if (ns.is_string()) manifest.ref.ns = ns;
  if (!manifest.ref.ns.empty() && !is_dns_label(manifest.ref.ns))
    return refuse(line, who,
                  cat("metadata.namespace \"", shorten(manifest.ref.ns, 80),
                      "\" is not the name of a namespace: at most 63 lower-case letters, digits and \"-\""));
  if (!strings_only(metadata, "labels", line, who) || !strings_only(metadata, "annotations", line, who)) return;

  manifest.ref.name = std::move(name);
  manifest.body = std::move(body);
  manifest.at = {file_, line};
  manifests.push_back(std::move(manifest));
}

} // namespace

std::expected<std::vector<Manifest>, std::vector<Error>>
to_manifests(std::string_view file, bool json_file, std::vector<yaml::Document> documents, std::vector<Error> errors) {
  Collector collector(file, std::move(errors));
  collector.manifests.reserve(documents.size());
  for (auto& document : documents) {
    if (document.root.is_null()) continue;
    if (json_file && document.root.is_array())
      collector.array(std::move(document.root), document.line, "");
    else
      collector.object(std::move(document.root), document.line, "");
  }
  auto wrong = collector.take_errors();
  if (!wrong.empty()) return std::unexpected(std::move(wrong));
  return std::move(collector.manifests);
}

} // namespace gitsync
