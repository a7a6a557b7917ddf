// Another tool's resources → GitRepositories and GitSyncs that say the same, as far as they can. Pure.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gitsync::app {

/// One object of ours, and what of the original it doesn't say: a note for each field that has no counterpart, or one that
/// means something else.
struct Imported {
  nlohmann::json object; // null: nothing could be written, and the notes say why
  std::vector<std::string> notes;
};

/// Flux: GitRepository (source.toolkit.fluxcd.io) and Kustomization (kustomize.toolkit.fluxcd.io); other kinds are ignored. A
/// GitSync's source lies in its own namespace: one that a Kustomization names in another is written once more beside it.
std::vector<Imported> import_flux(const std::vector<nlohmann::json>& objects);

/// Argo CD: Application (argoproj.io); other kinds are ignored. One GitRepository for each repository and revision that an
/// Application's namespace needs.
std::vector<Imported> import_argo(const std::vector<nlohmann::json>& objects);

/// YAML documents, each under its notes as comments.
std::string imported_yaml(const std::vector<Imported>& imported);
/// A List; what the notes say is left out.
nlohmann::json imported_list(const std::vector<Imported>& imported);

} // namespace gitsync::app
