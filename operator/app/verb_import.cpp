// gitsync import: Flux's or Argo CD's resources in, GitRepositories and GitSyncs out.
#include "app/cluster.h"
#include "app/import.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/text.h"
#include "object/decode.h"

#include <fstream>
#include <iostream>
#include <iterator>

namespace gitsync::app {
namespace {

using nlohmann::json;

constexpr size_t most_bytes = 64u << 20; // of a file
const GroupKind flux_kinds[] = {{"source.toolkit.fluxcd.io", "GitRepository"},
                                {"kustomize.toolkit.fluxcd.io", "Kustomization"}};
const GroupKind argo_kinds[] = {{"argoproj.io", "Application"}};

std::span<const GroupKind> kinds_of(ImportOptions::From from) {
  if (from == ImportOptions::From::Flux) return flux_kinds;
  return argo_kinds;
}

std::string_view tool_of(ImportOptions::From from) { return from == ImportOptions::From::Flux ? "Flux" : "Argo CD"; }

Result<std::string> read_all(const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file, std::ios::binary);
    if (!opened) return fail(Code::InvalidArgument, cat(file, ": cannot be opened"));
  }
  std::istream& in = file == "-" ? std::cin : opened;
  std::string text;
  for (char block[65536]; in.read(block, sizeof(block)) || in.gcount() > 0;) {
    text.append(block, static_cast<size_t>(in.gcount()));
    if (text.size() > most_bytes) return fail(Code::InvalidArgument, cat(file, ": is larger than 64 MiB"));
  }
  if (in.bad()) return fail(Code::InvalidArgument, cat(file, ": cannot be read"));
  return text;
}

/// All objects of the files; every error is printed.
std::optional<std::vector<json>> from_files(const std::vector<std::string>& files) {
  std::vector<json> out;
  bool good = true;
  for (const auto& file : files) {
    const auto text = read_all(file);
    if (!text) {
      print_error(text.error());
      good = false;
      continue;
    }
    DecodeBudget budget;
    budget.bytes = most_bytes;
    auto manifests = decode_file(file == "-" ? "stdin" : file, *text, budget);
    if (!manifests) {
      for (const auto& error : manifests.error()) print_error(error);
      good = false;
      continue;
    }
    for (auto& manifest : *manifests) out.push_back(std::move(manifest.body));
  }
  if (!good) return {};
  return out;
}

Task<Result<std::vector<json>>> from_cluster(Session& session, const ImportOptions& options) {
  const auto map = co_await session.client.discover();
  if (!map) co_return std::unexpected(map.error());
  std::vector<json> out;
  for (const auto& kind : kinds_of(options.from)) {
    const auto* resource = (*map)->find(kind);
    if (!resource)
      co_return fail(Code::UnknownKind, cat(kind.kind, ".", kind.group, ": the API server does not serve this kind of ",
                                            tool_of(options.from), "; give files instead"));
    auto listed = co_await session.client.list(resource->path(options.all_namespaces ? "" : session.ns), "", [&](json items) {
      for (auto& item : items) { // items of a list name neither
        item["apiVersion"] = resource->api_version();
        item["kind"] = kind.kind;
        out.push_back(std::move(item));
      }
    });
    if (!listed) co_return std::unexpected(std::move(listed.error()));
  }
  co_return out;
}

int write(const std::vector<json>& objects, const ImportOptions& options) {
  const auto imported = options.from == ImportOptions::From::Flux ? import_flux(objects) : import_argo(objects);
  if (imported.empty()) {
    print_error(
        fail(Code::InvalidArgument, cat("no resources of ", tool_of(options.from), " found",
                                        options.files.empty() && !options.all_namespaces ? "; -A looks in all namespaces" : ""))
            .error());
    return 1;
  }
  if (options.output == Output::Json) {
    for (const auto& each : imported)
      for (const auto& note : each.notes) print_note(cat("note: ", note, "\n"));
    print_redacted(cat(imported_list(imported).dump(2, ' ', false, json::error_handler_t::replace), "\n"));
  } else {
    print_redacted(imported_yaml(imported));
  }
  return 0;
}

} // namespace

int run_import(const ImportOptions& options) {
  if (!options.files.empty()) {
    const auto objects = from_files(options.files);
    return objects ? write(*objects, options) : 1;
  }
  return with_cluster(options.cluster, options.ns, [&](Session& session) -> Task<int> {
    const auto objects = co_await from_cluster(session, options);
    if (!objects) {
      print_error(objects.error());
      co_return 1;
    }
    co_return write(*objects, options);
  });
}

} // namespace gitsync::app
