#include "app/import_notes.h"
#include "base/json_read.h"
#include "base/text.h"

#include <map>
#include <set>
#include <utility>

namespace gitsync::app {
namespace {

using nlohmann::json;
using Name = std::pair<std::string, std::string>; // namespace and name

Name name_of(const json& object) {
  const auto& metadata = read_member(object, "metadata");
  return {read_text(metadata, "namespace"), read_text(metadata, "name")};
}

/// Copies the members that mean the same in both.
void copy(const json& from, json& to, std::initializer_list<const char*> names) {
  for (const auto* name : names)
    if (const auto& value = read_member(from, name); !value.is_null()) to[name] = value;
}

/// Modes have the same names; Flux's older API wrote "head".
void import_verify(const json& verify, json& mine, Notes& notes) {
  if (!verify.is_object()) return;
  const auto mode = read_text(verify, "mode"), secret = read_text(read_member(verify, "secretRef"), "name");
  mine["verify"]["mode"] = mode.empty() || mode == "head" ? "HEAD" : mode;
  mine["verify"]["secretRef"]["name"] = secret;
  notes.add("spec.verify", cat("every key of Secret ", secret,
                               " has to be an OpenPGP public key, or allowed_signers for SSH (docs/verification.md)"));
  notes.rest(verify, "spec.verify", {"mode", "secretRef", "provider"});
}

Imported repository(const json& original, const std::string& ns) {
  const auto& spec = read_member(original, "spec");
  const auto [home, name] = name_of(original);
  Imported out{new_object(api::git_repository_kind, ns, name), {}};
  Notes notes(out);
  out.notes.push_back(cat("from Flux's GitRepository ", home, "/", name));
  auto& mine = out.object["spec"];
  copy(spec, mine, {"url", "interval", "timeout", "suspend"});
  const auto& ref = read_member(spec, "ref");
  // Flux's order of precedence: one of ours is set.
  for (const auto* kind : {"commit", "name", "semver", "tag", "branch"}) {
    const auto value = read_text(ref, kind);
    if (value.empty()) continue;
    if (std::string_view(kind) == "semver") {
      notes.add("spec.ref.semver",
                cat("ranges of versions (", value, ") are not supported; name a tag or a branch in spec.ref"));
      break;
    }
    mine["ref"][kind] = value;
    break;
  }
  if (ref.is_null()) mine["ref"]["branch"] = "master"; // Flux's default; ours is the remote's HEAD
  if (const auto secret = read_text(read_member(spec, "secretRef"), "name"); !secret.empty()) {
    mine["secretRef"]["name"] = secret;
    if (ns != home) notes.add("spec.secretRef", cat("copy Secret ", home, "/", secret, " to namespace ", ns));
    notes.add("spec.secretRef", cat("the keys of Secret ", secret,
                                    " are read as Flux's (username, password, bearerToken, identity, known_hosts, ca.crt); "
                                    "others, such as tls.crt or githubAppID, are not"));
  }
  if (const auto provider = read_text(spec, "provider"); !provider.empty() && provider != "generic")
    notes.add("spec.provider", cat(provider, " has no counterpart: put credentials into a Secret"));
  import_verify(read_member(spec, "verify"), mine, notes);
  notes.rest(spec, "spec", {"url", "interval", "timeout", "suspend", "ref", "secretRef", "provider", "verify"});
  notes.rest(ref, "spec.ref", {"commit", "name", "semver", "tag", "branch"});
  notes.check();
  return out;
}

void import_health(const json& spec, json& mine, Notes& notes) {
  const bool wait = read_member(spec, "wait") == true;
  const bool checks = !read_member(spec, "healthChecks").empty();
  mine["health"]["wait"] = wait || checks;
  if (checks && !wait) notes.add("spec.healthChecks", "all objects are waited for, not only these");
  if (const auto timeout = read_text(spec, "timeout"); !timeout.empty()) mine["health"]["timeout"] = timeout;
  const auto& expressions = read_member(spec, "healthCheckExprs");
  if (expressions.is_array())
    for (size_t i = 0; i < expressions.size(); ++i) {
      json check = json::object();
      copy(expressions[i], check, {"apiVersion", "kind", "current", "inProgress", "failed"});
      mine["health"]["healthChecks"].push_back(std::move(check));
      notes.rest(expressions[i], cat("spec.healthCheckExprs[", i, "]"),
                 {"apiVersion", "kind", "current", "inProgress", "failed"});
    }
}

void import_dependencies(const json& spec, const std::string& ns, json& mine, Notes& notes) {
  const auto& list = read_member(spec, "dependsOn");
  if (!list.is_array()) return;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string at = cat("spec.dependsOn[", i, "]"), name = read_text(list[i], "name");
    const auto other = read_text(list[i], "namespace");
    notes.rest(list[i], at, {"name", "namespace", "readyExpr"});
    if (!other.empty() && other != ns) {
      notes.add(at, cat("a GitSync depends on others of its own namespace only: ", other, "/", name, " is left out"));
      continue;
    }
    json dependency = {{"name", name}};
    if (const auto expression = read_text(list[i], "readyExpr"); !expression.empty()) {
      dependency["readyExpr"] = expression;
      notes.add(at + ".readyExpr", "self and dep are GitSyncs now: look whether their fields are the ones that you mean");
    }
    mine["dependsOn"].push_back(std::move(dependency));
  }
}

Imported sync(const json& original, const std::map<Name, json>& sources) {
  const auto& spec = read_member(original, "spec");
  const auto [ns, name] = name_of(original);
  Imported out{nullptr, {cat("from Flux's Kustomization ", ns, "/", name)}};
  Notes notes(out);
  const auto& source = read_member(spec, "sourceRef");
  if (const auto kind = read_text(source, "kind"); kind != "GitRepository") {
    notes.add("spec.sourceRef.kind", cat(kind, " has no counterpart: nothing is written for this Kustomization"));
    return out;
  }
  out.object = new_object(api::git_sync_kind, ns, name);
  auto& mine = out.object["spec"];
  mine["sourceRef"]["name"] = read_text(source, "name");
  const auto home = read_text(source, "namespace");
  if (!home.empty() && home != ns && !sources.contains({home, read_text(source, "name")}))
    notes.add("spec.sourceRef.namespace", cat("a GitSync's source lies in its own namespace: make GitRepository ",
                                              read_text(source, "name"), " in ", ns, " as well"));
  auto path = read_text(spec, "path");
  while (path.starts_with('/')) path.erase(0, 1); // Flux takes "/apps" for "./apps"
  if (!path.empty()) mine["path"] = path;
  notes.add("spec.path", "a kustomization.yaml there is not built: Kustomize is not supported yet");
  copy(spec, mine, {"interval", "suspend", "targetNamespace"});
  if (mine.contains("targetNamespace"))
    notes.add("spec.targetNamespace", "is the namespace of objects that name none; Flux puts all others there, too");
  const bool prune = read_member(spec, "prune") == true;
  mine["prune"]["enabled"] = prune;
  const auto policy = read_text(spec, "deletionPolicy");
  mine["deletionPolicy"] = policy == "Orphan" || ((policy.empty() || policy == "MirrorPrune") && !prune) ? "Orphan" : "Delete";
  import_health(spec, mine, notes);
  import_dependencies(spec, ns, mine, notes);
  if (const auto account = read_text(spec, "serviceAccountName"); !account.empty()) {
    if (git_sync_has("serviceAccountName"))
      mine["serviceAccountName"] = account;
    else
      notes.add("spec.serviceAccountName", cat(account, " is not impersonated: the operator's own rights apply"));
  }
  if (read_member(spec, "force") == true)
    notes.add("spec.force",
              "annotate each object that may be deleted and made anew with gitops.volaticloud.com/recreate: enabled");
  notes.rest(spec, "spec",
             {"sourceRef", "path", "interval", "suspend", "targetNamespace", "prune", "deletionPolicy", "wait", "timeout",
              "healthChecks", "healthCheckExprs", "dependsOn", "serviceAccountName", "force"});
  notes.check();
  return out;
}

} // namespace

std::vector<Imported> import_flux(const std::vector<json>& objects) {
  std::map<Name, json> sources;
  std::vector<const json*> syncs;
  for (const auto& object : objects) {
    const auto api = read_text(object, "apiVersion"), kind = read_text(object, "kind");
    if (api.starts_with("source.toolkit.fluxcd.io/") && kind == "GitRepository") sources[name_of(object)] = object;
    if (api.starts_with("kustomize.toolkit.fluxcd.io/") && kind == "Kustomization") syncs.push_back(&object);
  }
  std::vector<Imported> out;
  for (const auto& [name, source] : sources) out.push_back(repository(source, name.first));
  std::set<Name> copied;
  for (const auto* object : syncs) {
    const auto& ref = read_member(read_member(*object, "spec"), "sourceRef");
    const auto ns = name_of(*object).first, home = read_text(ref, "namespace"), name = read_text(ref, "name");
    const auto there = sources.find({home, name});
    if (home.empty() || home == ns || there == sources.end() || read_text(ref, "kind") != "GitRepository") continue;
    if (sources.contains({ns, name})) continue; // told by sync()
    if (copied.insert({ns, name}).second) out.push_back(repository(there->second, ns));
  }
  for (const auto* object : syncs) out.push_back(sync(*object, sources));
  return out;
}

} // namespace gitsync::app
