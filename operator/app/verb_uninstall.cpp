// gitsync uninstall: ends all GitSyncs of the cluster and leaves what they manage, whether an operator runs or not.
#include "api/meta.h"
#include "api/names.h"
#include "app/cluster.h"
#include "app/finalizers.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/text.h"

#include <vector>

namespace gitsync::app {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds pause{500}; // between two looks

Task<Result<std::vector<api::Meta>>> all_syncs(kube::Client& client) {
  std::vector<api::Meta> out;
  auto listed = co_await client.list(resource_of(Kind::GitSync).path(), "", [&](const json& items) {
    for (const auto& item : items) out.push_back(api::parse_meta(item));
  });
  if (!listed) co_return std::unexpected(std::move(listed.error()));
  co_return out;
}

/// Deletes a GitSync so that its objects stay. An error that it is gone is none.
Task<Result<>> orphan(kube::Client& client, const api::Meta& sync) {
  const auto path = resource_of(Kind::GitSync).path(sync.ns, sync.name);
  const auto kept = co_await client.patch(path, kube::PatchType::Merge, R"({"spec":{"deletionPolicy":"Orphan"}})",
                                          std::string(cli_field_manager));
  if (!kept && kept.error().code == Code::ApiNotFound) co_return Result<>{};
  if (!kept) co_return std::unexpected(kept.error()); // never deleted with another policy
  auto removed = co_await client.remove(path, sync.uid);
  if (!removed && removed.error().code != Code::ApiNotFound) co_return removed;
  co_return Result<>{};
}

Task<int> uninstall(Session& session, const UninstallOptions& options) {
  const auto fail_with = [](Error error) {
    print_error(about(Kind::GitSync, "", "", std::move(error)));
    return 1;
  };
  auto syncs = co_await all_syncs(session.client);
  if (!syncs) co_return fail_with(std::move(syncs.error()));
  if (!options.yes) {
    for (const auto& sync : *syncs) print_redacted(cat(object_text(Kind::GitSync, sync.ns, sync.name), "\n"));
    print_note(cat(syncs->size(), syncs->size() == 1 ? " GitSync" : " GitSyncs",
                   " would be deleted, and all that they manage would stay in the cluster; nothing was done: add --yes\n"));
    co_return 0;
  }
  int code = 0;
  for (const auto& sync : *syncs) {
    if (auto done = co_await orphan(session.client, sync); !done) {
      print_error(about(Kind::GitSync, sync.ns, sync.name, std::move(done.error())));
      code = 1;
    }
  }
  if (code != 0) co_return code; // their finalizers have to stay as well
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  while (!syncs->empty() && std::chrono::steady_clock::now() < deadline) {
    co_await sleep_for(pause);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return 1;
    syncs = co_await all_syncs(session.client);
    if (!syncs) co_return fail_with(std::move(syncs.error()));
  }
  if (!syncs->empty()) {
    print_note(cat(syncs->size(),
                   " not finished by an operator within the timeout: their finalizers are removed; labels and field "
                   "managers of gitsync stay on what they managed, and do nothing\n"));
    const auto dropped = co_await drop_finalizers(session.client, "");
    if (!dropped) co_return fail_with(dropped.error());
  }
  print("All GitSyncs are gone, and what they managed is left. Now remove the operator (helm uninstall, or kubectl delete -f), "
        "then "
        "its CustomResourceDefinitions.\n");
  co_return 0;
}

} // namespace

int run_uninstall(const UninstallOptions& options) {
  return with_cluster(options.cluster, "", [&](Session& session) -> Task<int> { return uninstall(session, options); });
}

} // namespace gitsync::app
