// What the operator would apply for manifests, worked out without an API server. Pure.
#pragma once
#include "app/flags.h"
#include "base/error.h"
#include "object/manifest.h"

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gitsync::app {

struct Rendered {
  struct Object {
    SourceLocation at;
    nlohmann::json body;
  };
  std::vector<Object> objects;    // in the order of applying: by stage, then by file and line
  std::vector<std::string> notes; // what had to be assumed, each beginning with file:line
};

/// The operator's own steps (plan/prepare.h) with a table of Kubernetes' kinds in the place of discovery. Kinds that neither
/// the table nor a CustomResourceDefinition among the manifests knows count as namespaced, with a note for the first of each
/// kind. Without an owner the objects have neither our label nor our annotation. Otherwise every error (at least one), as the
/// operator would refuse the revision.
std::expected<Rendered, std::vector<Error>> render(std::vector<Manifest> manifests, std::vector<Error> errors,
                                                   const RenderOptions& options);

/// Multi-document YAML, each document under a comment with its place; or (Output::Json) an array. gitsync reads both again as
/// the same.
std::string rendered_text(const Rendered& rendered, Output output);

} // namespace gitsync::app
