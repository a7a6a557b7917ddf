#include "plan/managed_object.h"

#include <stdexcept>

namespace gitsync {
namespace {
constexpr size_t worth_compressing = 1024;
} // namespace

Body::Body(std::string json) : size_(static_cast<uint32_t>(json.size())) {
  if (json.size() >= worth_compressing) {
    bytes_ = deflate(json);
    compressed_ = true;
  } else {
    bytes_ = std::move(json);
    bytes_.shrink_to_fit();
  }
}

std::string Body::json() const {
  if (!compressed_) return bytes_;
  auto text = inflate(bytes_, size_);
  if (!text) throw std::runtime_error("a body in memory is damaged: " + text.error().message);
  return std::move(*text);
}

} // namespace gitsync
