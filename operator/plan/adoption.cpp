#include "plan/adoption.h"

#include "api/names.h"
#include "base/json_read.h"
#include "base/text.h"
#include "object/ownership.h"

namespace gitsync {
namespace {

using nlohmann::json;

struct Marks {
  const json& metadata;
  const json& labels = read_member(metadata, "labels");
  const json& annotations = read_member(metadata, "annotations");
};

std::optional<OtherOwner> of_flux(const Marks& marks) {
  struct Controller {
    const char *prefix, *kind, *command;
  };
  static constexpr Controller controllers[] = {{"kustomize.toolkit.fluxcd.io", "Kustomization", "kustomization"},
                                               {"helm.toolkit.fluxcd.io", "HelmRelease", "helmrelease"}};
  for (const auto& [prefix, kind, command] : controllers) {
    const auto name = read_text(marks.labels, cat(prefix, "/name")), ns = read_text(marks.labels, cat(prefix, "/namespace"));
    if (name.empty() || ns.empty()) continue;
    return OtherOwner{.tool = "Flux",
                      .object = cat(kind, " ", ns, "/", name),
                      .way_out = cat("suspend it (flux suspend ", command, " ", name, " -n ", ns, ")"),
                      .at_work = true,
                      .witness = {prefix, kind},
                      .ns = ns,
                      .name = name};
  }
  return {};
}

/// "shop", or "<namespace of the Application>_shop".
OtherOwner of_application(std::string name) {
  std::string ns;
  if (const auto at = name.find('_'); at != std::string::npos) {
    ns = name.substr(0, at);
    name.erase(0, at + 1);
  }
  return {.tool = "Argo CD",
          .object = cat("Application ", ns.empty() ? "" : ns + "/", name),
          .way_out = cat("delete the Application and keep its objects (argocd app delete ", name, " --cascade=false)"),
          .at_work = true,
          .witness = {"argoproj.io", "Application"},
          .ns = ns,
          .name = name};
}

std::optional<OtherOwner> of_argo(const ObjectRef& ref, const Marks& marks) {
  // "<application>:<group>/<kind>:<namespace>/<name>"; one that names another object was copied with a template.
  const auto id = read_text(marks.annotations, "argocd.argoproj.io/tracking-id");
  const auto colon = id.find(':');
  if (colon != std::string::npos && colon > 0) {
    const auto rest = id.substr(colon + 1), self = cat(ref.group, "/", ref.kind, ":");
    // Of a cluster-scoped object Argo CD writes the Application's destination namespace.
    const bool same =
        ref.ns.empty() ? rest.starts_with(self) && rest.ends_with("/" + ref.name) : rest == cat(self, ref.ns, "/", ref.name);
    if (same) return of_application(id.substr(0, colon));
  }
  if (auto instance = read_text(marks.labels, "argocd.argoproj.io/instance"); !instance.empty())
    return of_application(std::move(instance));
  return {};
}

std::optional<OtherOwner> of_config_sync(const Marks& marks) {
  if (read_text(marks.annotations, "configmanagement.gke.io/managed") != "enabled") return {};
  return OtherOwner{.tool = "Config Sync",
                    .object = {},
                    .way_out = "annotate it there with configmanagement.gke.io/managed: disabled",
                    .at_work = true,
                    .witness = {"configsync.gke.io", "RootSync"},
                    .ns = {},
                    .name = {}};
}

std::optional<OtherOwner> of_controller(const Marks& marks) {
  const auto& references = read_member(marks.metadata, "ownerReferences");
  if (!references.is_array()) return {};
  for (const auto& reference : references) {
    if (read_member(reference, "controller") != true) continue;
    return OtherOwner{.tool = "a controller",
                      .object = cat(read_text(reference, "kind"), " ", read_text(reference, "name")),
                      .way_out = "declare that one instead of what it makes",
                      .at_work = true,
                      .witness = {},
                      .ns = {},
                      .name = {}};
  }
  return {};
}

std::optional<OtherOwner> of_helm(const Marks& marks) {
  const auto release = read_text(marks.annotations, "meta.helm.sh/release-name");
  if (release.empty() || read_text(marks.labels, "app.kubernetes.io/managed-by") != "Helm") return {};
  return OtherOwner{.tool = "Helm",
                    .object = cat("release ", read_text(marks.annotations, "meta.helm.sh/release-namespace"), "/", release),
                    .way_out = {},
                    .at_work = false,
                    .witness = {},
                    .ns = {},
                    .name = {}};
}

} // namespace

std::optional<OtherOwner> other_owner(const ObjectRef& ref, const json& live) {
  const Marks marks{read_member(live, "metadata")};
  if (auto owner = of_controller(marks)) return owner;
  if (auto owner = of_flux(marks)) return owner;
  if (auto owner = of_argo(ref, marks)) return owner;
  if (auto owner = of_config_sync(marks)) return owner;
  return of_helm(marks);
}

bool is_at_rest(const json& witness) { return read_member(read_member(witness, "spec"), "suspend") == true; }

bool is_own_already(const json& live, const std::string& label, const std::string& manager) {
  const auto& labels = read_member(read_member(live, "metadata"), "labels");
  return read_text(labels, api::owner_label_key) == label && apply_entry(live, manager);
}

Error refuse_owned(const SourceLocation& at, const ObjectRef& ref, const OtherOwner& owner) {
  return fail(Code::AdoptionRefused,
              cat(at.text(), ": ", ref.text(), " belongs to ", owner.text(), ", and two would fight over it: ", owner.way_out,
                  ", or take it over all the same with spec.adopt: Always"),
              Retry::Backoff)
      .error();
}

Error refuse_existing(const SourceLocation& at, const ObjectRef& ref) {
  return fail(Code::AdoptionRefused,
              cat(at.text(), ": ", ref.text(),
                  " exists already, and spec.adopt is Never: delete it or take it out of git, or set spec.adopt: IfUnowned"),
              Retry::Backoff)
      .error();
}

} // namespace gitsync
