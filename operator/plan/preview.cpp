#include "plan/preview.h"

#include "api/names.h"
#include "api/status_text.h"
#include "base/hash.h"
#include "base/json_read.h"
#include "base/secret.h"
#include "base/text.h"

#include <algorithm>
#include <set>

namespace gitsync {
namespace {

using nlohmann::json;
using Action = ObjectPreview::Action;

constexpr size_t max_value = 256, max_text = 1024;
constexpr size_t fields_budget = 2u << 20, objects_budget = 3u << 20; // bytes, before compression
constexpr size_t largest = 8u << 20;
constexpr const char* last_applied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr const char* of_the_server[] = {
    "managedFields",     "resourceVersion",           "uid", "creationTimestamp", "generation", "selfLink",
    "deletionTimestamp", "deletionGracePeriodSeconds"};

std::string text_of(const json& value) {
  return shorten(redact(value.dump(-1, ' ', false, json::error_handler_t::replace)), max_value);
}

/// The names by which a list's items are told apart; empty where they cannot be.
std::vector<std::string> item_names(const json& list) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const auto& item : list) {
    auto name = item.is_object() ? read_text(item, "name") : std::string();
    if (name.empty() || !seen.insert(name).second) return {};
    out.push_back(std::move(name));
  }
  return out;
}

class Comparison {
public:
  explicit Comparison(ObjectPreview& out) : out_(out) {}

  void walk(const json* before, const json* after, const std::string& path) {
    if (before && after && *before == *after) return;
    const auto is = [&](auto kind) { return (!before || (before->*kind)()) && (!after || (after->*kind)()); };
    const bool empty = (before && before->empty()) || (after && after->empty()); // {} and [] are values of their own
    if (is(&json::is_object) && (!empty || (before && after))) return walk_object(before, after, path);
    if (is(&json::is_array) && (!empty || (before && after))) return walk_list(before, after, path);
    if (out_.fields.size() == max_fields) {
      ++out_.more_fields;
      return;
    }
    FieldChange field{shorten(path, max_text), {}, {}};
    if (before) field.before = text_of(*before);
    if (after) field.after = text_of(*after);
    out_.fields.push_back(std::move(field));
  }

private:
  static const json* member(const json* object, const std::string& key) {
    if (!object) return nullptr;
    const auto it = object->find(key);
    return it == object->end() ? nullptr : &*it;
  }

  void walk_object(const json* before, const json* after, const std::string& path) {
    std::set<std::string> keys;
    for (const auto* side : {before, after})
      if (side)
        for (const auto& [key, value] : side->items()) keys.insert(key);
    for (const auto& key : keys) walk(member(before, key), member(after, key), cat(path, "/", escaped(key)));
  }

  void walk_list(const json* before, const json* after, const std::string& path) {
    const json none = json::array();
    const json& old_items = before ? *before : none;
    const json& new_items = after ? *after : none;
    const auto old_names = item_names(old_items), new_names = item_names(new_items);
    const bool named = old_names.size() == old_items.size() && new_names.size() == new_items.size();
    if (!named) {
      for (size_t i = 0; i < std::max(old_items.size(), new_items.size()); ++i)
        walk(i < old_items.size() ? &old_items[i] : nullptr, i < new_items.size() ? &new_items[i] : nullptr, cat(path, "/", i));
      return;
    }
    const auto at = [](const json& items, const std::vector<std::string>& names, const std::string& name) -> const json* {
      const auto it = std::ranges::find(names, name);
      return it == names.end() ? nullptr : &items[static_cast<size_t>(it - names.begin())];
    };
    auto names = old_names;
    for (const auto& name : new_names)
      if (std::ranges::find(old_names, name) == old_names.end()) names.push_back(name);
    for (const auto& name : names)
      walk(at(old_items, old_names, name), at(new_items, new_names, name), cat(path, "[", name, "]"));
  }

  static std::string escaped(const std::string& key) {
    std::string out;
    for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return out;
  }

  ObjectPreview& out_;
};

size_t size_of(const ObjectPreview& object) {
  size_t bytes = 100 + object.object.size() + object.note.size() + object.error.size();
  for (const auto& field : object.fields)
    bytes += 40 + field.path.size() + field.before.value_or("").size() + field.after.value_or("").size();
  return bytes;
}

std::string_view action_text(Action action) {
  switch (action) {
  case Action::Create: return "create";
  case Action::Delete: return "delete";
  case Action::Adopt: return "adopt";
  case Action::Change: break;
  }
  return "change";
}

Action action_from(const std::string& text) {
  for (const auto action : {Action::Create, Action::Delete, Action::Adopt})
    if (text == action_text(action)) return action;
  return Action::Change;
}

} // namespace

json shown(const ObjectRef& ref, json object, std::string_view salt) {
  if (!object.is_object()) return object;
  const bool secret = ref.group.empty() && ref.kind == "Secret";
  const auto mask = [&](json& value) {
    const auto text = value.dump(-1, ' ', false, json::error_handler_t::replace);
    value = cat("hash:", digest(salt, text).hex().substr(0, 16));
  };
  object.erase("status");
  if (auto metadata = object.find("metadata"); metadata != object.end() && metadata->is_object()) {
    for (const auto* name : of_the_server) metadata->erase(name);
    if (auto notes = metadata->find("annotations"); notes != metadata->end() && notes->is_object())
      for (const auto& [key, value] : notes->items())
        if (key == last_applied || (secret && !api::is_own_key(key))) mask(value);
  }
  if (!secret) return object;
  for (const char* map : {"data", "stringData"}) {
    const auto it = object.find(map);
    if (it == object.end()) continue;
    if (!it->is_object()) {
      mask(*it);
      continue;
    }
    for (const auto& [key, value] : it->items()) mask(value);
  }
  return object;
}

void compare(const json& before, const json& after, ObjectPreview& out) {
  Comparison(out).walk(before.is_null() ? nullptr : &before, after.is_null() ? nullptr : &after, "");
}

void add(Preview& preview, ObjectPreview object, size_t& bytes) {
  if (bytes > objects_budget) {
    ++preview.more_objects;
    return;
  }
  if (bytes > fields_budget) {
    object.more_fields += object.fields.size();
    object.fields.clear();
  }
  bytes += size_of(object);
  preview.objects.push_back(std::move(object));
}

json preview_to_json(const Preview& preview) {
  const auto clean = [](std::string_view text) { return api::status_text(text, max_text); };
  json objects = json::array();
  for (const auto& object : preview.objects) {
    json entry = {{"object", clean(object.object)}, {"action", action_text(object.action)}, {"fields", json::array()}};
    for (const auto& field : object.fields) {
      json change = {{"path", redact(field.path)}};
      if (field.before) change["before"] = *field.before;
      if (field.after) change["after"] = *field.after;
      entry["fields"].push_back(std::move(change));
    }
    if (object.more_fields > 0) entry["moreFields"] = object.more_fields;
    if (!object.note.empty()) entry["note"] = clean(object.note);
    if (!object.error.empty()) entry["error"] = clean(object.error);
    objects.push_back(std::move(entry));
  }
  json out = {{"digest", preview.digest},
              {"revision", preview.revision},
              {"computed", rfc3339(preview.computed)},
              {"objects", std::move(objects)}};
  if (preview.more_objects > 0) out["moreObjects"] = preview.more_objects;
  return out;
}

std::string encode_preview(const Preview& preview) {
  return deflate(preview_to_json(preview).dump(-1, ' ', false, json::error_handler_t::replace), 6);
}

Result<Preview> decode_preview(std::string_view bytes) {
  const auto text = inflate(bytes, largest);
  if (!text) return std::unexpected(text.error());
  const auto value = json::parse(*text, nullptr, false);
  if (!value.is_object()) return fail(Code::Internal, "the stored plan is damaged");
  Preview out{read_text(value, "digest"),
              read_text(value, "revision"),
              parse_rfc3339(read_text(value, "computed")).value_or(WallTime{}),
              {},
              0};
  const auto count = [](const json& object, const char* name) {
    return static_cast<size_t>(std::max<int64_t>(read_integer(object, name), 0));
  };
  out.more_objects = count(value, "moreObjects");
  for (const auto& entry : read_member(value, "objects")) {
    ObjectPreview object{action_from(read_text(entry, "action")),
                         read_text(entry, "object"),
                         {},
                         count(entry, "moreFields"),
                         read_text(entry, "note"),
                         read_text(entry, "error")};
    for (const auto& change : read_member(entry, "fields")) {
      FieldChange field{read_text(change, "path"), {}, {}};
      if (read_member(change, "before").is_string()) field.before = read_text(change, "before");
      if (read_member(change, "after").is_string()) field.after = read_text(change, "after");
      object.fields.push_back(std::move(field));
    }
    out.objects.push_back(std::move(object));
  }
  return out;
}

} // namespace gitsync
