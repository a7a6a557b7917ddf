// The names that the API and the cluster know us by: group, labels, annotations, field managers, Secrets. Pure.
#pragma once
#include <string>
#include <string_view>

namespace gitsync::api {

inline constexpr std::string_view api_group = "gitops.volaticloud.com";
inline constexpr std::string_view api_version = "v1alpha1";
inline constexpr std::string_view api_group_version = "gitops.volaticloud.com/v1alpha1"; // apiVersion of our kinds

inline constexpr std::string_view git_repository_kind = "GitRepository";
inline constexpr std::string_view git_repository_plural = "gitrepositories";
inline constexpr std::string_view git_sync_kind = "GitSync";
inline constexpr std::string_view git_sync_plural = "gitsyncs";
inline constexpr std::string_view approval_kind = "Approval";
inline constexpr std::string_view approval_plural = "approvals";
inline constexpr std::string_view pause_kind = "Pause";
inline constexpr std::string_view pause_plural = "pauses";

/// Label of every managed object: owner_label() of its GitSync. Watches select by it.
inline constexpr std::string_view owner_label_key = "gitops.volaticloud.com/sync";
/// Annotation of every managed object: owner_name(), for people and for telling two GitSyncs apart without the hash.
inline constexpr std::string_view owner_annotation_key = "gitops.volaticloud.com/sync-name";
/// Label of the Secrets that hold a GitSync's inventory: owner_label(). Another key than the managed objects' one, so that no
/// watch for drift ever sees them.
inline constexpr std::string_view inventory_label_key = "gitops.volaticloud.com/inventory-of";
/// Finalizer of a GitSync: holds it until its deletionPolicy is carried out.
inline constexpr std::string_view finalizer_name = "gitops.volaticloud.com/finalizer";
/// Annotation of a GitRepository or GitSync: a new value asks for a reconciliation at once.
inline constexpr std::string_view requested_at_annotation = "reconcile.gitops.volaticloud.com/requestedAt";

/// Whether an annotation's or label's key is one of ours ("gitops.volaticloud.com/…" or "x.gitops.volaticloud.com/…").
bool is_own_key(std::string_view key);

/// "namespace/name": value of owner_annotation_key and key of the queues.
std::string owner_name(std::string_view ns, std::string_view name);
/// Value of owner_label_key: the first 40 hex digits of the SHA-256 of "namespace/name", since a label's value may have 63
/// characters and namespace and name together 317.
std::string owner_label(std::string_view ns, std::string_view name);

/// The field manager that a GitSync applies as: "gitsync:namespace/name". The API server allows 128 bytes, all printable
/// (k8s.io/apimachinery, ValidateFieldManager); what is longer or has other bytes gets a hash of the true name at its end.
std::string field_manager(std::string_view ns, std::string_view name);
/// Whether a field manager is one that field_manager() made, for whichever GitSync.
bool is_gitsync_manager(std::string_view manager);
/// The field manager for the operator's own objects (status, finalizers, inventory Secrets, Events, Leases).
inline constexpr std::string_view operator_field_manager = "gitsync-operator";

/// Name of the Secret with one chunk of what is stored for a GitSync, in the GitSync's namespace:
/// "gitsync-<name>-<content>-<chunk>", where content is a word such as "inventory" or "applied". A name too long for a Secret
/// (253 bytes) is cut and gets a hash. Distinct arguments give distinct names.
std::string stored_secret_name(std::string_view sync_name, std::string_view content, unsigned chunk);

} // namespace gitsync::api
