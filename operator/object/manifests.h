// Documents → manifests: flattens lists, checks that each object says what it is. Pure, any thread.
#pragma once
#include "base/error.h"
#include "object/manifest.h"
#include "object/tree.h"

#include <expected>
#include <string_view>
#include <vector>

namespace gitsync {

/// All objects of the documents of one file in their order, or `errors` (those of the parser) and all that is wrong with the
/// objects. Empty documents are nothing. With `json`, a document may be an array of objects.
std::expected<std::vector<Manifest>, std::vector<Error>>
to_manifests(std::string_view file, bool json, std::vector<yaml::Document> documents, std::vector<Error> errors);

} // namespace gitsync
