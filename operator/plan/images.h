// The tags that spec.images computes → the containers of manifests. Pure.
#pragma once
#include "object/image_name.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace gitsync {

/// Which tag each image gets.
using ImageTags = std::map<ImageName, std::string>;

/// Gives each container whose image has one of the names, whatever its tag or digest, the tag: "name:tag", the name as it is
/// written there. A container is an entry with an image in a list `containers`, `initContainers` or `ephemeralContainers`, at
/// any depth: so pods, every workload's template and custom resources with pod templates are covered by one rule. Adds the
/// names that were found to `found`.
void set_image_tags(nlohmann::json& body, const ImageTags& tags, std::set<ImageName>& found);

} // namespace gitsync
