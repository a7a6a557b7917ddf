#include "object/image_name.h"

#include "base/text.h"

#include <algorithm>

namespace gitsync {
namespace {

constexpr size_t max_name = 255;
constexpr std::string_view default_registry = "docker.io", official = "library/";

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }

/// "host" or "host:port".
bool is_registry(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const auto port = text.substr(colon + 1);
    if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, is_digit)) return false;
    text = text.substr(0, colon);
  }
  return std::ranges::all_of(split(text, '.'), [](std::string_view label) {
    return !label.empty() && is_alnum(label.front()) && is_alnum(label.back()) &&
           std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
  });
}

/// Lower-case letters and digits, with ".", "_", "__" or hyphens between them.
bool is_path_component(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (size_t i = 0; i < text.size();) {
    if (is_lower_alnum(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (!is_lower_alnum(text[end])) ++end; // the last one is
    const auto separator = text.substr(i, end - i);
    if (separator != "." && separator != "_" && separator != "__" && separator.find_first_not_of('-') != std::string_view::npos)
      return false;
    i = end;
  }
  return true;
}

} // namespace

std::optional<ImageName> parse_image_name(std::string_view text) {
  if (text.size() > max_name) return {};
  ImageName out{std::string(default_registry), {}};
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    // What could be a directory of Docker Hub is no host.
    const auto first = text.substr(0, slash);
    const bool host = first == "localhost" || first.find_first_of(".:ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string_view::npos;
    if (host) {
      if (!is_registry(first)) return {};
      out.registry = first;
      text = text.substr(slash + 1);
    }
  }
  if (!std::ranges::all_of(split(text, '/'), is_path_component)) return {};
  if (out.registry == "index.docker.io") out.registry = default_registry;
  if (out.registry == default_registry && text.find('/') == std::string_view::npos) out.repository = official;
  out.repository += text;
  return out;
}

std::string_view without_tag(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const size_t colon = image.rfind(':'), slash = image.rfind('/');
  const bool tagged = colon != std::string_view::npos && (slash == std::string_view::npos || slash < colon);
  return tagged ? image.substr(0, colon) : image;
}

} // namespace gitsync
