// Tags that name the commit which an image was built from. Pure.
#pragma once
#include <string>
#include <string_view>

namespace gitsync {

/// Whether the text can be an image's tag. Source: the OCI distribution specification, "Pulling manifests".
bool is_image_tag(std::string_view text);

/// The tag that a template ("sha-{shortSha}") makes of a commit's 40 digits: {sha} becomes all of them, {shortSha} the first 7.
std::string image_tag(std::string_view form, std::string_view commit);

/// What is wrong with a template, "" where nothing is; the same rules stand in the CRD.
std::string_view image_tag_problem(std::string_view form);

} // namespace gitsync
