// A manifest as read → the body that is applied. Pure.
#pragma once
#include "base/error.h"
#include "object/manifest.h"

namespace gitsync {

/// Changes a manifest into what server-side apply should send, in place:
/// - drops status and the metadata that only the server writes (managedFields, resourceVersion, uid, creationTimestamp,
///   deletionTimestamp, deletionGracePeriodSeconds, generation, selfLink);
/// - Secret: stringData becomes base64 data (the server's answer shows nothing of ours for stringData, so drift would stay
/// unseen);
/// - ClusterRole with an aggregationRule: rules left out (the controller fills them, so that declaring them would be drift for
/// ever);
/// - null values are dropped at every depth, as `kubectl apply` does.
/// Errors: InvalidManifest with the manifest's location.
Result<> normalise(Manifest& manifest);

/// Gives namespaced objects without a namespace `target_namespace`, or "default" where that is empty. `namespaced` is what
/// discovery says of the kind. A cluster-scoped object with a namespace is an error (InvalidScope).
Result<> set_namespace(Manifest& manifest, bool namespaced, std::string_view target_namespace);

} // namespace gitsync
