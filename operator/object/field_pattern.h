// Which fields of an object are meant: a JSON pointer, or a path as jq writes it. Pure.
//
//   /spec/replicas                                             JSON pointer (RFC 6901)
//   /spec/template/spec/containers/[name=proxy]/image          a list's item by its key, as status and Events write it
//   /spec/template/spec/containers/*/image                     all items of a list, or all members of a mapping
//   .spec.template.spec.containers[] | select(.name == "proxy") | .image      the same in a part of jq's language
//
// The part of jq: .name, .["name"], [0], [], select(.a.b == VALUE), joined by | or written one after the other.
#pragma once
#include "base/error.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gitsync {

/// Immutable; cost of all functions is proportional to the values that lie on its way.
class FieldPattern {
public:
  /// InvalidSpec with what is wrong, beginning with the text in quotes. What makes an object itself (apiVersion, kind, its name
  /// and namespace) cannot be meant.
  static Result<FieldPattern> parse(std::string_view text);

  /// As it was written.
  const std::string& text() const { return text_; }

  /// Takes the fields out of an object. Returns whether there were any.
  bool erase(nlohmann::json& object) const;
  /// Takes them out of what a manager owns (FieldsV1) of that live object. What is owned only as a whole (an atomic list)
  /// stays. Returns whether anything went.
  bool disown(nlohmann::json& fields, const nlohmann::json& live) const;

private:
  using Condition = std::pair<std::vector<std::string>, nlohmann::json>; // path inside the item, its value
  struct Step {
    enum class Kind { Key, Index, All, Select } kind = Kind::Key;
    std::string key;                   // Key; a number in a pointer is a Key, too
    size_t index = 0;                  // Index
    std::vector<Condition> conditions; // Select
  };
  friend class PatternReader;

  static bool fits(const Step& step, std::string_view key, const nlohmann::json& value);
  static bool fits(const Step& step, size_t index, const nlohmann::json& value);
  bool erase_from(nlohmann::json& value, size_t at) const;
  bool disown_from(nlohmann::json& fields, const nlohmann::json* live, size_t at) const;

  std::string text_;
  std::vector<Step> steps_;
};

} // namespace gitsync
