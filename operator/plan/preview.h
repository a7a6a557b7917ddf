// What a plan would change in the cluster, for whoever has to consent to it: from the server's own answers (dry runs), without
// what is secret, and bounded. Pure.
#pragma once
#include "base/clock.h"
#include "base/error.h"
#include "object/manifest.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync {

/// One field. The values are JSON as text, masked and cut; nothing: the field is not there.
struct FieldChange {
  std::string path; // "/spec/template/spec/containers[api]/image"
  std::optional<std::string> before, after;
  friend bool operator==(const FieldChange&, const FieldChange&) = default;
};

struct ObjectPreview {
  enum class Action { Create, Change, Delete, Adopt }; // Adopt: exists, and wasn't managed by this GitSync
  Action action = Action::Change;
  std::string object; // ObjectRef::text()
  std::vector<FieldChange> fields;
  size_t more_fields = 0; // left out
  std::string note;       // why there was no dry run
  std::string error;      // what the server says against it
  friend bool operator==(const ObjectPreview&, const ObjectPreview&) = default;
};

struct Preview {
  std::string digest, revision;
  WallTime computed{}; // whole seconds are kept
  std::vector<ObjectPreview> objects;
  size_t more_objects = 0; // left out
  friend bool operator==(const Preview&, const Preview&) = default;
};

/// An object as it may be shown: without status and what only the server writes. The values of a Secret, and its annotations,
/// are salted hashes: equal ones are equal, and nothing else can be told. So is kubectl's last-applied-configuration of any
/// kind.
nlohmann::json shown(const ObjectRef& ref, nlohmann::json object, std::string_view salt);

/// Field by field, of two objects that were made by shown() (null: there is none). List items are told apart by their names
/// where all have one. At most `max_fields`; the rest is counted.
void compare(const nlohmann::json& before, const nlohmann::json& after, ObjectPreview& out);
inline constexpr size_t max_fields = 100;

/// Puts an object in, or only counts its fields or itself where the preview is large already: beyond 2 and 3 MiB. `bytes` is
/// what was added so far.
void add(Preview& preview, ObjectPreview object, size_t& bytes);

nlohmann::json preview_to_json(const Preview& preview);
/// Compressed, as it is stored. All texts are redacted.
std::string encode_preview(const Preview& preview);
/// An error where the bytes are damaged, or expand to more than can have been stored.
Result<Preview> decode_preview(std::string_view bytes);

} // namespace gitsync
