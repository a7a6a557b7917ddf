#include "object/resource_version.h"

#include "base/json_read.h"

#include <charconv>

namespace gitsync {

uint64_t version_number(std::string_view resource_version) {
  uint64_t value = 0;
  const char* const last = resource_version.data() + resource_version.size();
  const auto [end, error] = std::from_chars(resource_version.data(), last, value);
  return error == std::errc{} && end == last ? value : 0;
}

uint64_t version_of(const nlohmann::json& object) {
  return version_number(read_text(read_member(object, "metadata"), "resourceVersion"));
}

} // namespace gitsync
