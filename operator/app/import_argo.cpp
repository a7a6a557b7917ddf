#include "app/import_notes.h"
#include "base/json_read.h"
#include "base/text.h"
#include "object/field_pattern.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace gitsync::app {
namespace {

using nlohmann::json;

/// "https://example.com/team/Shop.git" → "shop".
std::string repository_name(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with(".git")) url.resize(url.size() - 4);
  std::string out;
  for (const char c : url.substr(url.find_last_of("/:") + 1)) { // npos + 1 is 0
    const bool upper = c >= 'A' && c <= 'Z';
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || upper)
      out += upper ? static_cast<char>(c - 'A' + 'a') : c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  out.resize(std::min<size_t>(out.size(), 50));
  while (out.ends_with('-')) out.pop_back();
  return out.empty() ? "source" : out;
}

/// The GitRepositories that were written, by namespace, URL and revision.
class Sources {
public:
  std::string name_for(const std::string& ns, const std::string& url, const std::string& revision) {
    const auto key = std::tuple{ns, url, revision};
    if (const auto it = names_.find(key); it != names_.end()) return it->second;
    const auto base = repository_name(url);
    std::string name = base;
    for (int i = 2; !taken_.insert({ns, name}).second; ++i) name = cat(base, "-", i);
    names_[key] = name;
    written_.push_back(repository(ns, name, url, revision));
    return name;
  }
  std::vector<Imported> take() { return std::move(written_); }

private:
  static Imported repository(const std::string& ns, const std::string& name, const std::string& url,
                             const std::string& revision) {
    Imported out{new_object(api::git_repository_kind, ns, name), {cat("from Argo CD's repository ", url)}};
    Notes notes(out);
    auto& spec = out.object["spec"];
    spec["url"] = url;
    const auto all = [&](std::string_view text, std::string_view of) {
      return text.find_first_not_of(of) == std::string_view::npos;
    };
    const bool version = !revision.empty() && all(revision, "v0123456789.") && std::ranges::count(revision, '.') == 2;
    if (revision.empty() || revision == "HEAD") {
      // the remote's HEAD, as without spec.ref
    } else if (revision.size() == 40 && all(revision, "0123456789abcdef")) {
      spec["ref"]["commit"] = revision;
    } else if (revision.starts_with("refs/")) {
      spec["ref"]["name"] = revision;
    } else if (revision.find_first_of("*^~<>=| ") != std::string::npos) {
      notes.add("spec.source.targetRevision",
                cat("ranges of versions (", revision, ") are not supported; name a tag or a branch in spec.ref"));
    } else {
      spec["ref"][version ? "tag" : "branch"] = revision;
      notes.add("spec.source.targetRevision",
                cat(revision, version ? " is taken for a tag; write spec.ref.branch if it is a branch"
                                      : " is taken for a branch; write spec.ref.tag if it is a tag"));
    }
    notes.add("credentials",
              "name a Secret in spec.secretRef if the repository needs them: Argo CD's own have other keys (sshPrivateKey "
              "is identity here, and known_hosts is required)");
    notes.check();
    return out;
  }

  std::map<std::tuple<std::string, std::string, std::string>, std::string> names_;
  std::set<std::pair<std::string, std::string>> taken_;
  std::vector<Imported> written_;
};

void import_policy(const json& spec, json& mine, Notes& notes) {
  const auto& policy = read_member(spec, "syncPolicy");
  const auto& automated = read_member(policy, "automated");
  const bool manual = !automated.is_object() || read_member(automated, "enabled") == false;
  const bool heal = !manual && read_member(automated, "selfHeal") == true;
  mine["drift"]["mode"] = heal ? "Correct" : "Report";
  mine["prune"]["enabled"] = !manual && read_member(automated, "prune") == true;
  if (read_member(automated, "allowEmpty") == true) mine["prune"]["allowEmpty"] = true;
  if (manual) {
    mine["approval"]["required"] = true;
    notes.add("spec.syncPolicy.automated", "is not set: every revision waits for an Approval, which is what a manual sync was");
  }
  notes.rest(automated, "spec.syncPolicy.automated", {"enabled", "selfHeal", "prune", "allowEmpty"});
  const auto& options = read_member(policy, "syncOptions");
  if (options.is_array())
    for (const auto& option : options) {
      const auto text = option.is_string() ? option.get<std::string>() : option.dump();
      if (text == "ServerSideApply=true" || text == "PruneLast=true" || text == "ApplyOutOfSyncOnly=true" ||
          text == "RespectIgnoreDifferences=true" || text == "CreateNamespace=false")
        continue; // always so
      const std::string_view why = text == "CreateNamespace=true" ? "declare the Namespace in git"
                                   : text == "Replace=true" || text == "Force=true"
                                       ? "annotate each object that may be deleted and made anew with "
                                         "gitops.volaticloud.com/recreate: enabled"
                                       : "has no counterpart";
      notes.add(cat("spec.syncPolicy.syncOptions ", text), why);
    }
  notes.rest(policy, "spec.syncPolicy", {"automated", "syncOptions"});
}

void import_ignored(const json& spec, json& mine, Notes& notes) {
  const auto& list = read_member(spec, "ignoreDifferences");
  if (!list.is_array()) return;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string at = cat("spec.ignoreDifferences[", i, "]");
    json rule = {{"target", json::object()}};
    for (const auto* name : {"group", "kind", "name", "namespace"})
      if (const auto& value = read_member(list[i], name); value.is_string() && value != "*") rule["target"][name] = value;
    if (!rule["target"].contains("group")) rule["target"]["group"] = ""; // Argo CD's core group
    if (read_member(list[i], "group") == "*") rule["target"].erase("group");
    for (const auto* kind : {"jsonPointers", "jqPathExpressions"}) {
      const auto& paths = read_member(list[i], kind);
      if (!paths.is_array()) continue;
      for (const auto& path : paths) {
        const auto text = path.is_string() ? path.get<std::string>() : path.dump();
        if (const auto pattern = FieldPattern::parse(text))
          rule["paths"].push_back(text);
        else
          notes.add(cat(at, ".", kind), pattern.error().message);
      }
    }
    const auto& managers = read_member(list[i], "managedFieldsManagers");
    if (managers.is_array() && !managers.empty()) rule["managers"] = managers;
    notes.rest(list[i], at,
               {"group", "kind", "name", "namespace", "jsonPointers", "managedFieldsManagers", "jqPathExpressions"});
    if (rule.contains("paths") || rule.contains("managers")) mine["drift"]["ignore"].push_back(std::move(rule));
  }
}

Imported sync(const json& original, Sources& sources) {
  const auto& metadata = read_member(original, "metadata");
  const auto ns = read_text(metadata, "namespace"), name = read_text(metadata, "name");
  const auto& spec = read_member(original, "spec");
  Imported out{nullptr, {cat("from Argo CD's Application ", ns, "/", name)}};
  Notes notes(out);
  const auto& list = read_member(spec, "sources");
  const bool several = list.is_array() && list.size() > 1;
  const auto& source = list.is_array() && list.size() == 1 ? list[0] : read_member(spec, "source");
  if (several || !source.is_object() || !read_text(source, "chart").empty()) {
    notes.add(several ? "spec.sources" : "spec.source.chart",
              several ? "several sources have no counterpart: nothing is written for this Application"
                      : "Helm charts are not supported yet: nothing is written for this Application");
    return out;
  }
  out.object = new_object(api::git_sync_kind, ns, name);
  auto& mine = out.object["spec"];
  mine["sourceRef"]["name"] = sources.name_for(ns, read_text(source, "repoURL"), read_text(source, "targetRevision"));
  if (const auto path = read_text(source, "path"); !path.empty()) mine["path"] = path;
  for (const auto* tool : {"helm", "kustomize", "plugin"})
    if (source.contains(tool))
      notes.add(cat("spec.source.", tool), "is not supported yet: the files are applied as they lie there");
  const auto& directory = read_member(source, "directory");
  if (read_member(directory, "recurse") != true)
    notes.add("spec.source.directory.recurse", "is off; a GitSync reads all directories below its path, and builds no "
                                               "kustomization.yaml and no chart");
  notes.rest(directory, "spec.source.directory", {"recurse"});
  notes.rest(source, "spec.source", {"repoURL", "targetRevision", "path", "helm", "kustomize", "plugin", "directory", "chart"});

  const auto& destination = read_member(spec, "destination");
  const auto server = read_text(destination, "server"), cluster = read_text(destination, "name");
  if ((!server.empty() && server != "https://kubernetes.default.svc") || (!cluster.empty() && cluster != "in-cluster"))
    notes.add("spec.destination", cat(server.empty() ? cluster : server,
                                      " is another cluster: apply this to that one, where an operator of its own runs"));
  if (const auto target = read_text(destination, "namespace"); !target.empty()) mine["targetNamespace"] = target;
  notes.rest(destination, "spec.destination", {"server", "name", "namespace"});

  import_policy(spec, mine, notes);
  import_ignored(spec, mine, notes);
  bool cascade = false;
  const auto& finalizers = read_member(metadata, "finalizers");
  if (finalizers.is_array())
    for (const auto& finalizer : finalizers)
      cascade |= finalizer.is_string() &&
                 finalizer.get_ref<const std::string&>().starts_with("resources-finalizer.argocd.argoproj.io");
  mine["deletionPolicy"] = cascade ? "Delete" : "Orphan";
  if (const auto project = read_text(spec, "project"); !project.empty() && project != "default")
    notes.add("spec.project",
              cat(project, " has no counterpart: neither its limits nor its sync windows hold (see spec.windows)"));
  notes.rest(spec, "spec", {"source", "sources", "destination", "syncPolicy", "ignoreDifferences", "project"});
  notes.check();
  return out;
}

} // namespace

std::vector<Imported> import_argo(const std::vector<json>& objects) {
  Sources sources;
  std::vector<Imported> syncs;
  for (const auto& object : objects)
    if (read_text(object, "apiVersion").starts_with("argoproj.io/") && read_text(object, "kind") == "Application")
      syncs.push_back(sync(object, sources));
  auto out = sources.take();
  std::ranges::move(syncs, std::back_inserter(out));
  return out;
}

} // namespace gitsync::app
