// A GitSync as the operator uses it: parsed, defaulted, checked. Pure.
#pragma once
#include "api/cron.h"
#include "api/meta.h"
#include "api/spec_reader.h"
#include "api/status.h"
#include "base/error.h"
#include "object/image_name.h"
#include "object/manifest.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::api {

/// What happens to drift.
enum class DriftMode {
  Correct, // changed back at once
  Report,  // counted and named in status, metrics and Events
  Ignore,  // neither, until the next revision touches the object
};

/// What happens to fields that others add beside what is declared.
enum class Undeclared {
  Keep,   // nothing
  Report, // named in status, Events and metrics
  Remove, // taken out, where drift.mode is Correct
};

/// Objects that a rule is about. Every part that is set has to fit; one that is empty fits everything.
struct Target {
  std::optional<std::string> group; // "" is the core group
  std::string kind, name, ns;
  std::string labels; // a label selector, as written
  friend bool operator==(const Target&, const Target&) = default;
};

/// Fields that are left to somebody else: sent when the object is created, then neither applied nor owned.
struct DriftIgnore {
  Target target;
  std::vector<std::string> paths;    // object/field_pattern.h
  std::vector<std::string> managers; // whatever these field managers own
  friend bool operator==(const DriftIgnore&, const DriftIgnore&) = default;
};

/// What becomes of the managed objects when their GitSync is deleted.
enum class DeletionPolicy {
  Delete,             // deleted before the finalizer goes
  Orphan,             // left in the cluster; our label, annotation and field manager are given up
  WaitForTermination, // as Delete, and the finalizer stays until they are really gone, their own finalizers included
};

/// Whether objects that exist already are taken over by the first apply.
enum class Adopt {
  IfUnowned, // unless another tool is at work on them (plan/adoption.h)
  Always,
  Never, // only what does not exist is made
};

/// What happens when the API server refuses an object of a revision.
enum class OnError {
  Stop,     // no later stage begins
  Continue, // all goes on that does not depend on it
};

/// Another GitSync that has to be ready first: an entry of spec.dependsOn.
struct Dependency {
  std::string name;
  std::string ns;         // "": the GitSync's own
  std::string ready_expr; // CEL over `self` and `dep`; "" for none
  friend bool operator==(const Dependency&, const Dependency&) = default;
};

/// How well objects of a kind are, by expressions over their fields: an entry of spec.health.healthChecks. The first one that
/// matches an object is its rule.
struct HealthCheck {
  std::string group, kind;
  std::string name, ns;                     // "" for any
  std::string current, in_progress, failed; // CEL; only the first is always there
  bool matches(const ObjectRef& ref) const {
    return ref.group == group && ref.kind == kind && (name.empty() || ref.name == name) && (ns.empty() || ref.ns == ns);
  }
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

/// An expression of a spec, for being compiled before it is used.
struct SpecExpression {
  std::string path; // "spec.health.healthChecks[0].current"
  std::string text;
  std::string dependency; // the GitSync's name, of a readyExpr
  friend bool operator==(const SpecExpression&, const SpecExpression&) = default;
};

/// An image whose tag follows from the commit that it was built from.
struct ImageSpec {
  ImageName name;
  std::string tag;                // template, see object/image_tag.h
  std::vector<std::string> paths; // globs of what the image is built from; empty: every commit builds one
  std::string source_name;        // sourceRef.name: the GitRepository that it is built from; empty: the GitSync's own
  std::string secret;             // secretRef.name: a kubernetes.io/dockerconfigjson Secret; empty: anonymous
  std::chrono::milliseconds timeout{1'800'000}; // until a missing image counts as a failure
  friend bool operator==(const ImageSpec&, const ImageSpec&) = default;
};

/// Whether plans wait for consent, and what an Approval has to be: spec.approval.
struct ApprovalSpec {
  bool required = false;  // every plan that changes something waits, not only one that deletes too much
  bool four_eyes = false; // whoever wrote the commit may not approve it
  std::chrono::milliseconds expires_after{86'400'000};
  friend bool operator==(const ApprovalSpec&, const ApprovalSpec&) = default;
};

/// When revisions may be applied, or may not: spec.windows[].
struct WindowSpec {
  bool allow = true; // kind
  Cron opens;        // schedule
  std::chrono::milliseconds duration{0};
  std::string time_zone; // as the IANA names it; whether there is such a one is asked by reconcile/zones.h
  friend bool operator==(const WindowSpec&, const WindowSpec&) = default;
};

struct GitSyncSpec {
  std::string source_kind = "GitRepository"; // spec.sourceRef
  std::string source_name;
  std::string source_namespace;                          // "" for the GitSync's own
  std::string path = "./";                               // as written
  std::vector<std::string> paths;                        // globs of what else makes a commit one that touches it
  std::chrono::milliseconds interval{1'800'000};         // pause between two verification sweeps
  bool prune = true;                                     // spec.prune.enabled
  bool allow_empty = false;                              // spec.prune.allowEmpty
  std::optional<int64_t> max_delete, max_delete_percent; // spec.prune.…
  DriftMode drift = DriftMode::Correct;
  Undeclared undeclared = Undeclared::Keep;          // spec.drift.undeclared
  std::vector<DriftIgnore> drift_ignore;             // spec.drift.ignore
  std::string target_namespace;                      // "" for "default"
  std::string service_account;                       // spec.serviceAccountName; "" for none
  bool health_wait = true;                           // spec.health.wait
  std::chrono::milliseconds health_timeout{300'000}; // spec.health.timeout
  bool rollback = false;                             // spec.rollback.enabled
  OnError on_error = OnError::Stop;
  ApprovalSpec approval;
  std::vector<WindowSpec> windows;
  std::vector<ImageSpec> images;
  std::vector<Dependency> depends_on;     // spec.dependsOn
  std::vector<HealthCheck> health_checks; // spec.health.healthChecks
  Adopt adopt = Adopt::IfUnowned;
  DeletionPolicy deletion_policy = DeletionPolicy::Delete;
  bool suspend = false;
  friend bool operator==(const GitSyncSpec&, const GitSyncSpec&) = default;
};

struct GitSync {
  Meta meta;
  GitSyncSpec spec;
  GitSyncStatus status;

  /// "namespace/name" of the source.
  std::string source_key() const;
  /// The same of what an image is built from.
  /// Of a GitSync that it depends on: "namespace/name".
  std::string key_of(const Dependency& dependency) const;
  std::string source_key(const ImageSpec& image) const;
};

/// Never throws, whatever the JSON is. InvalidSpec with all that is wrong, beginning "GitSync ns/name: spec.path: …"; use
/// parse_meta() and parse_git_sync_status() then, and mark it Stalled.
Result<GitSync> parse_git_sync(const nlohmann::json& object);

/// The names that a readyExpr may use.
inline constexpr std::string_view ready_self = "self", ready_dependency = "dep";
/// All expressions of a spec, those of readyExpr first.
std::vector<SpecExpression> expressions_of(const GitSyncSpec& spec);

/// Every field that the parser reads, for the test that holds it against the CRD.
std::vector<FieldRead> git_sync_fields();

/// What is wrong with a path inside a repository, "" where nothing is; the same rules stand in the CRD.
std::string_view path_problem(std::string_view path);

} // namespace gitsync::api
