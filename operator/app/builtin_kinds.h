// Kubernetes' own kinds, for when no API server can be asked. Pure.
#pragma once
#include <optional>
#include <string_view>

namespace gitsync::app {

/// Whether objects of a kind lie in a namespace; nothing where the kind is neither one of Kubernetes' own that can be applied
/// nor ours. Source: discovery of Kubernetes 1.36 (verbs with patch), and the kinds of its alpha and beta APIs.
std::optional<bool> builtin_namespaced(std::string_view group, std::string_view kind);

/// Whether the group is one of Kubernetes' own: an unknown kind in it is most likely misspelt.
bool is_builtin_group(std::string_view group);

} // namespace gitsync::app
