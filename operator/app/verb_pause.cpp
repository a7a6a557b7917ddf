// gitsync pause: break-glass, recorded. Lets go of one managed object for a while.
#include "api/names.h"
#include "api/pause.h"
#include "app/cluster.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/text.h"

namespace gitsync::app {
namespace {

using nlohmann::json;

struct Found {
  kube::Resource resource;
  std::string ns; // empty for cluster-scoped kinds
  std::string sync_ns, sync;
};

/// The object, and the GitSync that manages it: its annotation says so.
Task<Result<Found>> find(Session& session, const PauseOptions& options) {
  auto map = co_await session.client.discover();
  if (!map) co_return std::unexpected(std::move(map.error()));
  const auto kinds = (*map)->named(options.kind);
  if (kinds.empty()) co_return fail(Code::UnknownKind, cat("the API server serves no kind \"", options.kind, '"'));
  if (kinds.size() > 1) {
    std::vector<std::string> names;
    for (const auto* kind : kinds) names.push_back(kind->text());
    co_return fail(Code::InvalidArgument,
                   cat("\"", options.kind, "\" may be any of ", join(names, ", "), ": name one of them"));
  }
  Found out{*kinds.front(), kinds.front()->namespaced ? session.ns : std::string(), {}, {}};
  auto live = co_await session.client.get(out.resource.path(out.ns, options.name));
  if (!live) co_return std::unexpected(std::move(live.error()));
  const auto owner = read_text(read_member(read_member(*live, "metadata"), "annotations"), api::owner_annotation_key);
  const auto slash = owner.find('/');
  if (slash == std::string::npos) co_return fail(Code::InvalidArgument, "no GitSync manages it, so there is nothing to pause");
  out.sync_ns = owner.substr(0, slash);
  out.sync = owner.substr(slash + 1);
  co_return out;
}

std::string pauses_path(const std::string& ns, const std::string& name = {}) {
  return cat("/apis/", api::api_group_version, "/namespaces/", ns, "/", api::pause_plural, name.empty() ? "" : "/", name);
}

Task<Result<std::string>> begin(Session& session, const PauseOptions& options, const Found& found) {
  constexpr size_t longest = 200;
  const auto now = std::chrono::system_clock::now();
  const auto stamp = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::string name = cat(options.name.substr(0, longest), "-", stamp);
  json object = {{"kind", found.resource.kind}, {"name", options.name}};
  if (!found.resource.group.empty()) object["group"] = found.resource.group;
  if (!found.ns.empty()) object["namespace"] = found.ns;
  const json pause = {
      {"apiVersion", api::api_group_version},
      {"kind", api::pause_kind},
      {"metadata", {{"name", name}}},
      {"spec", {{"syncRef", {{"name", found.sync}}}, {"object", object}, {"for", options.length}, {"reason", options.reason}}}};
  auto made = co_await session.client.create(cat(pauses_path(found.sync_ns), "?", cli_field_manager), pause);
  if (!made) co_return std::unexpected(std::move(made.error()));
  const auto parsed = api::parse_pause(*made);
  co_return cat("paused until ", parsed ? rfc3339(parsed->until) : options.length, " (Pause ", found.sync_ns, "/", name,
                " of GitSync ", found.sync_ns, "/", found.sync, ")");
}

Task<Result<std::string>> end(Session& session, const PauseOptions& options, const Found& found) {
  auto list = co_await session.client.get(pauses_path(found.sync_ns));
  if (!list) co_return std::unexpected(std::move(list.error()));
  const ObjectRef wanted{found.resource.group, found.resource.kind, found.ns, options.name};
  size_t ended = 0;
  for (const auto& item : read_member(*list, "items")) {
    const auto pause = api::parse_pause(item);
    if (!pause || pause->object != wanted || pause->sync != found.sync || pause->state == api::pause_state::ended) continue;
    if (auto removed = co_await session.client.remove(pauses_path(found.sync_ns, pause->meta.name)); !removed)
      co_return std::unexpected(std::move(removed.error()));
    ++ended;
  }
  if (ended == 0) co_return fail(Code::InvalidArgument, "it is not paused");
  co_return std::string("its pause has ended");
}

} // namespace

int run_pause(const PauseOptions& options) {
  return with_cluster(options.cluster, options.ns, [&](Session& session) -> Task<int> {
    const std::string who = cat(options.kind, "/", options.name, " in namespace ", session.ns);
    auto found = co_await find(session, options);
    Result<std::string> said = fail(Code::Internal, {});
    if (!found)
      said = std::unexpected(std::move(found.error()));
    else if (options.end)
      said = co_await end(session, options, *found);
    else
      said = co_await begin(session, options, *found);
    if (!said) {
      print_error(wrap(std::move(said.error()), who).error());
      co_return 1;
    }
    print_redacted(cat(who, ": ", *said, "\n"));
    co_return 0;
  });
}

} // namespace gitsync::app
