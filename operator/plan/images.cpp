#include "plan/images.h"

#include "base/text.h"

#include <array>

namespace gitsync {
namespace {

using nlohmann::json;

constexpr std::array lists = {"containers", "initContainers", "ephemeralContainers"};

void set_tag(json& container, const ImageTags& tags, std::set<ImageName>& found) {
  if (!container.is_object()) return;
  const auto image = container.find("image");
  if (image == container.end() || !image->is_string()) return;
  const std::string_view written = without_tag(image->get_ref<const std::string&>());
  const auto name = parse_image_name(written);
  const auto tag = name ? tags.find(*name) : tags.end();
  if (tag == tags.end()) return;
  found.insert(*name);
  *image = cat(written, ":", tag->second);
}

} // namespace

void set_image_tags(json& body, const ImageTags& tags, std::set<ImageName>& found) {
  if (body.is_array()) {
    for (auto& entry : body) set_image_tags(entry, tags, found);
    return;
  }
  if (!body.is_object()) return;
  for (const char* list : lists)
    if (const auto it = body.find(list); it != body.end() && it->is_array())
      for (auto& container : *it) set_tag(container, tags, found);
  for (auto& [key, value] : body.items()) set_image_tags(value, tags, found);
}

} // namespace gitsync
