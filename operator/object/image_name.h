// Names of container images, taken apart as container runtimes do it. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gitsync {

/// An image without its tag and digest. Two names of the same image are equal: "nginx" and "docker.io/library/nginx" are.
struct ImageName {
  std::string registry;   // host[:port]; "docker.io" where none is written
  std::string repository; // "library/nginx"
  friend auto operator<=>(const ImageName&, const ImageName&) = default;

  std::string text() const { return registry + "/" + repository; }
};

/// Nothing where the text is no image's name, or has a tag or a digest. Source: github.com/distribution/reference, its grammar
/// and ParseNormalizedNamed; IPv6 addresses are left out.
std::optional<ImageName> parse_image_name(std::string_view text);

/// The name in "name", "name:tag", "name@digest" and "name:tag@digest", as it is written. Whatever else the text is, a part of
/// it from its beginning.
std::string_view without_tag(std::string_view image);

} // namespace gitsync
