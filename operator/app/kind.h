// The two kinds that the command line works with. Pure.
#pragma once
#include "kube/resource.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::app {

enum class Kind { GitSync, GitRepository };

/// "GitSync".
std::string_view kind_text(Kind kind);
/// "GitSync shop/api": how messages begin.
std::string object_text(Kind kind, std::string_view ns, std::string_view name);
/// Where its objects lie on the API server. Known by heart: asking the server would cost a request.
const kube::Resource& resource_of(Kind kind);

/// Every word that kubectl takes for the kind (kind, singular, plural, short name), in any case; nothing for other words.
std::optional<Kind> parse_kind(std::string_view word);
/// The words that parse_kind() knows, for suggestions.
std::vector<std::string> kind_words();

} // namespace gitsync::app
