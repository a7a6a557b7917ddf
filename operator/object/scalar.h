// One YAML scalar → its JSON value, by the rules that Kubernetes' own reader has. Pure, any thread.
//
// Source of the rules: sigs.k8s.io/yaml v1.6 over go.yaml.in/yaml/v2 (resolve.go there) and Go's strconv and encoding/json:
// YAML 1.1 booleans (y, yes, on …), Go integer literals (0x, 0o, 0b, leading zero = octal, underscores), no base 60,
// timestamps stay strings. test/unit/object/yaml_golden_test.cpp compares it with that library.
#pragma once
#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>

namespace gitsync::yaml {

/// A resolved scalar. A string is a view into the text that was resolved. uint64_t stands only for what int64_t cannot hold.
using Scalar = std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string_view>;

/// An untagged plain scalar. Never call it for a quoted or block scalar: those are strings, whatever they look like.
Scalar resolve_plain(std::string_view text);

/// A scalar with an explicit core tag ("tag:yaml.org,2002:int" …), plain or quoted. The error says why it does not fit;
/// tags that JSON has nothing for (!!binary is for the caller) are errors as well.
std::expected<Scalar, std::string> resolve_tagged(std::string_view tag, std::string_view text);

/// What the value is in JSON. A float without a fraction becomes an integer where 64 bits hold it (1.0 → 1, 1e3 → 1000), as
/// Go writes it. NaN and infinities are errors.
std::expected<nlohmann::json, std::string> to_json(const Scalar& scalar);
/// The same rule for a float alone; `value` must be finite.
nlohmann::json number_json(double value);

/// What the value is as a mapping's key: JSON's keys are strings, so `true:` and `"true":` are the same. Null and integers
/// beyond int64 are errors, as they are for Kubernetes.
std::expected<std::string, std::string> to_key(const Scalar& scalar);

} // namespace gitsync::yaml
