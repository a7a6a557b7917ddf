// Reads a custom resource's spec field by field, with defaults, and collects all that is wrong with it. Pure.
//
// The CRD's schema has defaulted and checked the same before; here it is done again, since an object may be older than the
// schema or have passed it by, and must then hurt nobody but itself. Source: CVE-2022-39272, where one bad interval stopped
// a whole kind.
#pragma once
#include "base/error.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::api {

/// A field that the operator knows, as it was read: what the CRD has to say of it too (test/unit/api/schema_test.cpp).
struct FieldRead {
  std::string path;        // below spec, "drift.mode"
  std::string type;        // as in the schema: string, boolean
  nlohmann::json fallback; // the default; null where there is none
  std::vector<std::string> choices;
  bool required = false;
};

class SpecReader {
public:
  /// `object` is the whole custom resource, and outlives the reader; `subject` ("GitSync shop/api") begins the error's message.
  SpecReader(const nlohmann::json& object, std::string subject);

  /// The value at a dotted path below spec ("drift.mode", "images[0].name"). Missing and null mean the default; a wrong type is
  /// noted and the default returned.
  std::string text(std::string_view path, std::string_view fallback = {});
  /// Missing, null and "" are noted as "is required".
  std::string required_text(std::string_view path);
  bool flag(std::string_view path, bool fallback);
  /// A whole number between the bounds, both included; nothing where it is missing.
  std::optional<int64_t> number(std::string_view path, int64_t least, int64_t most);
  /// One of `choices`, by its index; anything else is noted with the choices that there are.
  size_t choice(std::string_view path, const std::vector<std::string>& choices, size_t fallback);
  /// A duration between the bounds, both included; `fallback` is written as users would write it.
  std::chrono::milliseconds duration(std::string_view path, std::string_view fallback, std::chrono::milliseconds least,
                                     std::chrono::milliseconds most);

  /// A list of objects, at most `most`, for the caller to read; an empty list where there is none. Lives as long as the object.
  const nlohmann::json& list(std::string_view path, size_t most);
  /// The same entry by entry; one that is no object is noted.
  std::vector<const nlohmann::json*> entries(std::string_view path, size_t most);
  /// A text member of an entry, `at` being the entry's path ("dependsOn[0]"); at most `most` bytes. Missing is "".
  std::string entry_text(const nlohmann::json& entry, std::string_view at, std::string_view name, size_t most);

  /// How many objects the list at the path has, at most `most`; the fields of one are read as "images[0].name".
  size_t count(std::string_view path, size_t most);
  /// A list of strings, at most `most`, each of at most 1,024 bytes and not empty.
  std::vector<std::string> texts(std::string_view path, size_t most);

  /// Notes "spec.<path>: <problem>" unless it holds.
  void check(bool holds, std::string_view path, std::string_view problem);

  const std::vector<FieldRead>& fields() const { return fields_; }
  bool ok() const { return problems_.empty(); }
  /// All that was noted, as one InvalidSpec error "GitSync shop/api: spec.a: …; spec.b: …".
  std::unexpected<Error> error() const;

private:
  const nlohmann::json& find(std::string_view path);
  void note(std::string_view path, std::string_view problem);

  const nlohmann::json& object_;
  std::string subject_;
  std::vector<FieldRead> fields_;
  std::vector<std::string> problems_;
};

/// Names of a namespace ("shop", RFC 1123 label) and of an object ("shop.prod", RFC 1123 subdomain).
bool is_dns_label(std::string_view text);
bool is_dns_subdomain(std::string_view text);

} // namespace gitsync::api
