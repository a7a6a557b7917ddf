// gitsync get: asks for the objects, list_view.h prints them.
#include "api/meta.h"
#include "api/spec_reader.h"
#include "app/cluster.h"
#include "app/current.h"
#include "app/list_view.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/json_read.h"
#include "base/text.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace gitsync::app {
namespace {

using nlohmann::json;
using Objects = Result<std::vector<json>>;

Task<Objects> list_all(Session& session, Kind kind) {
  std::vector<json> out;
  const auto listed = co_await session.client.list(session.path(kind), {}, [&](json items) {
    for (auto& item : items) out.push_back(std::move(item));
  });
  if (!listed) co_return std::unexpected(about(kind, session.ns, {}, listed.error()));
  co_return out;
}

/// The one object, and for a GitSync its source where it exists.
Task<Result<Listed>> look_up(Session& session, Kind kind, std::string name) {
  Listed out;
  auto object = co_await session.client.get(session.path(kind, name));
  if (!object) co_return std::unexpected(about(kind, session.ns, name, object.error()));
  auto& objects = kind == Kind::GitSync ? out.syncs : out.sources;
  objects.push_back(std::move(*object));
  if (kind == Kind::GitRepository) co_return out;
  const auto [source_ns, source] = source_of(objects[0]);
  if (!api::is_dns_subdomain(source)) co_return out;
  auto found = co_await session.client.get(resource_of(Kind::GitRepository).path(source_ns, source));
  if (found)
    out.sources.push_back(std::move(*found));
  else if (found.error().code != Code::ApiNotFound)
    co_return std::unexpected(about(Kind::GitRepository, source_ns, source, found.error()));
  co_return out;
}

Task<Result<Listed>> fetch(Session& session, const GetOptions& options) {
  using namespace asio::experimental::awaitable_operators;
  if (!options.name.empty()) co_return co_await look_up(session, *options.kind, options.name);
  Listed out;
  if (options.kind == Kind::GitRepository) {
    auto sources = co_await list_all(session, Kind::GitRepository);
    if (!sources) co_return std::unexpected(sources.error());
    out.sources = std::move(*sources);
    co_return out;
  }
  // Of one moment, as far as two lists can be: CURRENT compares them.
  auto both = co_await (list_all(session, Kind::GitSync) && list_all(session, Kind::GitRepository));
  auto& [syncs, sources] = both;
  if (!syncs) co_return std::unexpected(syncs.error());
  if (!sources) co_return std::unexpected(sources.error());
  out.syncs = std::move(*syncs);
  out.sources = std::move(*sources);
  co_return out;
}

void show(Listed listed, const Session& session, const GetOptions& options) {
  const bool syncs = options.kind != Kind::GitRepository && !listed.syncs.empty();
  const bool sources = options.kind != Kind::GitSync && !listed.sources.empty();
  const bool table = options.output == Output::Table || options.output == Output::Wide;
  if (!table) {
    std::vector<json> objects;
    if (syncs) std::ranges::move(listed.syncs, std::back_inserter(objects));
    if (sources) std::ranges::move(listed.sources, std::back_inserter(objects));
    return print_redacted(objects_text(std::move(objects), !options.name.empty(), options.output));
  }
  if (!syncs && !sources)
    return print_note(cat("No ", options.kind ? kind_text(*options.kind) : "GitSync or GitRepository", " found",
                          session.ns.empty() ? "" : cat(" in namespace ", session.ns), ".\n"));
  const auto now = std::chrono::system_clock::now();
  const bool wide = options.output == Output::Wide;
  if (syncs) print_redacted(cat(options.kind ? "" : "GitSyncs\n", sync_table(listed, options.all_namespaces, wide, now)));
  if (sources)
    print_redacted(cat(options.kind ? ""
                       : syncs      ? "\nGitRepositories\n"
                                    : "GitRepositories\n",
                       source_table(listed, options.all_namespaces, wide, now)));
}

} // namespace

int run_get(const GetOptions& options) {
  return with_cluster(options.cluster, options.ns, [&](Session& session) -> Task<int> {
    if (options.all_namespaces) session.ns.clear();
    auto listed = co_await fetch(session, options);
    if (!listed) {
      print_error(listed.error());
      co_return 1;
    }
    show(std::move(*listed), session, options);
    co_return 0;
  });
}

} // namespace gitsync::app
