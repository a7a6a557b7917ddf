#include "object/fields_v1.h"

#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace gitsync::fields_v1 {

using nlohmann::json;

PathHash extend(PathHash path, std::string_view step) {
  for (const char c : step) path = (path ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return (path ^ '/') * 1099511628211ull;
}

const json* member(const json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

const json* managed_fields(const json& object) {
  const json* metadata = member(object, "metadata");
  const json* fields = metadata ? member(*metadata, "managedFields") : nullptr;
  return fields && fields->is_array() ? fields : nullptr;
}

const json* fields_of(const json& entry) {
  const json* fields = member(entry, "fieldsV1");
  return fields && fields->is_object() ? fields : nullptr;
}

bool ours(const json& entry, std::string_view manager) {
  return read_text(entry, "operation") == "Apply" && read_text(entry, "manager") == manager &&
         read_text(entry, "subresource").empty();
}

bool has_keys(const json& item, const json& keys, bool lenient) {
  if (!item.is_object() || !keys.is_object()) return false;
  bool any = false;
  for (const auto& [name, value] : keys.items()) {
    const json* found = member(item, name);
    if (!found && lenient) continue;
    if (!found || *found != value) return false;
    any = true;
  }
  return any;
}

const json* child(const json& value, const std::string& step, bool lenient) {
  if (step.starts_with("f:")) return member(value, std::string_view(step).substr(2));
  if (!value.is_array()) return nullptr;
  if (step.starts_with("k:")) {
    const json keys = json::parse(step.begin() + 2, step.end(), nullptr, false);
    for (const auto& item : value)
      if (has_keys(item, keys, lenient)) return &item;
    return nullptr;
  }
  if (step.starts_with("v:")) {
    const json wanted = json::parse(step.begin() + 2, step.end(), nullptr, false);
    for (const auto& item : value)
      if (item == wanted) return &item;
    return nullptr;
  }
  if (step.starts_with("i:")) {
    size_t index = 0;
    const auto [end, error] = std::from_chars(step.data() + 2, step.data() + step.size(), index);
    return error == std::errc{} && index < value.size() ? &value[index] : nullptr;
  }
  return nullptr;
}

bool is_leaf(const json& fields) {
  return !fields.is_object() || fields.empty() || (fields.size() == 1 && fields.contains("."));
}

std::string pointer_step(const std::string& step) {
  if (step.starts_with("f:")) {
    std::string out;
    for (const char c : std::string_view(step).substr(2)) {
      if (c == '~')
        out += "~0";
      else if (c == '/')
        out += "~1";
      else
        out += c;
    }
    return out;
  }
  if (step.starts_with("k:")) {
    const json keys = json::parse(step.begin() + 2, step.end(), nullptr, false);
    std::string text = "[";
    if (keys.is_object())
      for (const auto& [name, value] : keys.items())
        text += cat(text.size() > 1 ? "," : "", name, "=", value.is_string() ? value.get<std::string>() : value.dump());
    return text + "]";
  }
  return step.starts_with("v:") ? "[*]" : step;
}

std::string masked_path(std::string_view path) {
  static constexpr std::array free_keys = {"data",        "binaryData",  "stringData",   "labels",
                                           "annotations", "matchLabels", "nodeSelector", "parameters"};
  std::string out, before;
  for (size_t at = 0; at < path.size();) {
    size_t end = at + 1;                                                                // behind the slash
    for (bool inside = false; end < path.size() && (inside || path[end] != '/'); ++end) // a key may hold slashes
      inside = path[end] == '[' || (inside && path[end] != ']');
    const std::string step(path.substr(at + 1, end - at - 1));
    const bool chosen = std::ranges::find(free_keys, before) != free_keys.end();
    out += step.starts_with('[') ? "/[*]" : chosen ? "/*" : cat("/", step);
    before = chosen ? "" : step;
    at = end;
  }
  return out;
}

} // namespace gitsync::fields_v1
