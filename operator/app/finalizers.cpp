#include "app/finalizers.h"

#include "api/meta.h"
#include "api/names.h"
#include "app/kind.h"
#include "base/text.h"

#include <optional>
#include <vector>

namespace gitsync::app {
namespace {

using nlohmann::json;

constexpr int tries = 5; // against others who write at the same time

Task<Result<>> drop_finalizer(kube::Client& client, std::string ns, std::string name) {
  const std::string path = resource_of(Kind::GitSync).path(ns, name);
  for (int attempt = 1;; ++attempt) {
    const auto live = co_await client.get(path);
    if (!live && live.error().code == Code::ApiNotFound) co_return Result<>{};
    if (!live) co_return std::unexpected(live.error());
    const auto meta = api::parse_meta(*live);
    if (!meta.has_finalizer(api::finalizer_name)) co_return Result<>{};
    json kept = json::array();
    for (const auto& each : meta.finalizers)
      if (each != api::finalizer_name) kept.push_back(each);
    const json patch = {{"metadata", {{"finalizers", std::move(kept)}, {"resourceVersion", meta.resource_version}}}};
    auto written = co_await client.patch_raw(path, kube::PatchType::Merge, patch.dump(),
                                             cat("fieldManager=", api::operator_field_manager));
    if (written || written.error().code == Code::ApiNotFound) co_return Result<>{};
    if (written.error().code != Code::ApiConflict || attempt == tries) co_return std::unexpected(std::move(written.error()));
  }
}

} // namespace

Task<Result<size_t>> drop_finalizers(kube::Client& client, std::string ns) {
  std::vector<api::Meta> found;
  auto listed = co_await client.list(resource_of(Kind::GitSync).path(ns), "", [&](const json& items) {
    for (const auto& item : items)
      if (auto meta = api::parse_meta(item); meta.has_finalizer(api::finalizer_name)) found.push_back(std::move(meta));
  });
  if (!listed) co_return std::unexpected(std::move(listed.error()));
  std::optional<Error> failed;
  for (const auto& meta : found) {
    auto dropped = co_await drop_finalizer(client, meta.ns, meta.name);
    if (!dropped && !failed) failed = wrap(std::move(dropped.error()), object_text(Kind::GitSync, meta.ns, meta.name)).error();
  }
  if (failed) co_return std::unexpected(std::move(*failed));
  co_return found.size();
}

} // namespace gitsync::app
