// Text of one file → manifests, as Kubernetes reads YAML. Pure; runs in the git worker, where hostile input can be killed.
#pragma once
#include "base/error.h"
#include "object/manifest.h"

#include <string_view>
#include <vector>

namespace gitsync {

/// What one file may cost. The figures follow the caps of Argo CD, Flux and Helm.
struct DecodeBudget {
  size_t bytes = 10u << 20;          // of one file
  size_t nodes = 1'000'000;          // after aliases are expanded, of one file
  size_t expanded_bytes = 32u << 20; // of scalars after aliases are expanded, of one file
  int depth = 100;
  size_t documents = 10'000;
};

/// All manifests of a file, or all that is wrong with it (each message begins "file:line: ").
/// - A JSON file (name ends in .json) may hold one object, or an array of objects; YAML is a stream of documents.
/// - Empty and comment-only documents are nothing; `kind: List` and other *List kinds with items are flattened.
/// - Duplicate keys, unknown tags, self-containing aliases, non-finite numbers and invalid UTF-8 are errors.
/// - Scalars resolve exactly as sigs.k8s.io/yaml does (YAML 1.1): test/object/yaml_golden_test.cpp proves it against that
/// library.
std::expected<std::vector<Manifest>, std::vector<Error>> decode_file(std::string_view file, std::string_view text,
                                                                     const DecodeBudget& budget = {});

/// Any YAML text as JSON, first document only (kubeconfig files). `file` is for messages.
Result<nlohmann::json> yaml_to_json(std::string_view file, std::string_view text, const DecodeBudget& budget = {});

/// JSON → YAML, for `gitsync render -o yaml`: keys sorted, strings quoted where YAML 1.1 would read something else.
std::string json_to_yaml(const nlohmann::json& value);

} // namespace gitsync
