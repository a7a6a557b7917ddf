#include "object/manifest.h"

#include "base/text.h"

#include <functional>

namespace gitsync {

std::string ObjectRef::text() const { return cat(kind, group.empty() ? "" : ".", group, ' ', ns, ns.empty() ? "" : "/", name); }

size_t ObjectRefHash::operator()(const ObjectRef& ref) const {
  size_t seed = 0;
  for (const std::string* part : {&ref.group, &ref.kind, &ref.ns, &ref.name}) {
    seed ^= std::hash<std::string>{}(*part) + 0x9E3779B97F4A7C15 + (seed << 6) + (seed >> 2);
  }
  return seed;
}

std::string SourceLocation::text() const { return cat(file, ':', line); }

} // namespace gitsync
