// metadata.resourceVersion, as far as it can be compared. Pure.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

namespace gitsync {

/// A resourceVersion as a number: comparable for what the API server itself stores (KEP-5504); 0 where it is not one.
uint64_t version_number(std::string_view resource_version);

/// Of an object; 0 where it has none. Takes any JSON.
uint64_t version_of(const nlohmann::json& object);

} // namespace gitsync
