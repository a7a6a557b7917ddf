#include "apply/inventory_store.h"

#include "api/names.h"
#include "base/log.h"
#include "base/text.h"

namespace gitsync {
namespace {
using nlohmann::json;
std::string meta_name(const std::string& sync) { return api::stored_secret_name(sync, "meta", 0); }
std::string chunk_name(const std::string& sync, const std::string& kind, unsigned chunks, unsigned index) {
  return api::stored_secret_name(sync, cat(kind, "-", chunks), index);
}
const std::string objects = "objects", healthy = "healthy";
} // namespace

InventoryStore::InventoryStore(kube::Client& client, Owner owner, std::function<bool()> may_write, Semaphore& books)
    : client_(client), owner_(std::move(owner)), may_write_(std::move(may_write)), books_(books) {}

std::string InventoryStore::path(const std::string& name) const {
  return cat("/api/v1/namespaces/", owner_.ns, "/secrets/", name);
}

Task<Result<std::string>> InventoryStore::load(std::string name) {
  auto secret = co_await client_.get(path(name));
  if (!secret && secret.error().code == Code::ApiNotFound) co_return std::string();
  if (!secret) co_return std::unexpected(std::move(secret.error()));
  const json::json_pointer at("/data/content");
  if (!secret->contains(at) || !(*secret)[at].is_string())
    co_return fail(Code::InventoryCorrupt, cat("Secret ", owner_.ns, "/", name, ": data.content is missing"));
  auto bytes = base64_decode((*secret)[at].get<std::string>());
  if (!bytes || bytes->empty())
    co_return fail(Code::InventoryCorrupt, cat("Secret ", owner_.ns, "/", name, ": data.content is damaged"));
  co_return std::move(*bytes);
}

Task<Result<>> InventoryStore::save(std::string name, std::string bytes) {
  const auto permit = co_await books_.acquire();
  if (!permit || (may_write_ && !may_write_())) co_return fail(Code::Cancelled, "the lease is no longer ours");
  const json secret = {{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"type", "gitops.volaticloud.com/inventory"},
                       {"metadata",
                        {{"name", name},
                         {"labels", {{std::string(api::inventory_label_key), owner_.label}}},
                         {"ownerReferences",
                          {{{"apiVersion", api::api_group_version},
                            {"kind", api::git_sync_kind},
                            {"name", owner_.name},
                            {"uid", owner_.uid},
                            {"controller", true},
                            {"blockOwnerDeletion", false}}}}}},
                       {"data", {{"content", base64_encode(bytes)}}}};
  auto saved = co_await client_.patch_raw(path(name), kube::PatchType::Apply, secret.dump(),
                                          cat("fieldManager=", url_encode(api::operator_field_manager), "&force=true"));
  if (!saved) co_return wrap(std::move(saved.error()), "cannot store the inventory");
  co_return Result<>{};
}

Task<Result<InventoryMeta>> InventoryStore::load_meta() {
  auto bytes = co_await load(meta_name(owner_.name));
  if (!bytes) co_return std::unexpected(std::move(bytes.error()));
  if (bytes->empty()) co_return InventoryMeta{};
  auto meta = decode_meta(*bytes);
  if (!meta) co_return wrap(std::move(meta.error()), cat("Secret ", owner_.ns, "/", meta_name(owner_.name)));
  co_return std::move(*meta);
}

Task<Result<>> InventoryStore::load_parts(std::string kind, unsigned chunks, std::function<void(InventoryRecord)> sink) {
  for (unsigned i = 0; i < chunks; ++i) {
    const std::string name = chunk_name(owner_.name, kind, chunks, i);
    auto bytes = co_await load(name);
    if (!bytes) co_return std::unexpected(std::move(bytes.error()));
    if (bytes->empty()) co_return fail(Code::InventoryCorrupt, cat("Secret ", owner_.ns, "/", name, " is missing"));
    auto records = decode_chunk(*bytes);
    if (!records) co_return wrap(std::move(records.error()), cat("Secret ", owner_.ns, "/", name));
    for (auto& record : *records) sink(std::move(record));
  }
  co_return Result<>{};
}

Task<> InventoryStore::drop_parts(std::string kind, unsigned chunks) {
  if (may_write_ && !may_write_()) co_return;
  for (unsigned i = 0; i < chunks; ++i) {
    auto removed = co_await client_.remove(path(chunk_name(owner_.name, kind, chunks, i)));
    if (!removed && removed.error().code != Code::ApiNotFound)
      log::warn("cannot delete an old part of an inventory", {{"error", removed.error().text()}});
  }
}

Task<Result<>> InventoryStore::load_records(const InventoryMeta& meta, std::function<void(InventoryRecord)> sink) {
  return load_parts(objects, meta.chunks, std::move(sink));
}

Task<Result<>> InventoryStore::load_healthy(unsigned chunks, std::function<void(InventoryRecord)> sink) {
  return load_parts(healthy, chunks, std::move(sink));
}

Task<Result<>> InventoryStore::save_healthy(unsigned chunks, unsigned index, const std::vector<InventoryRecord>& records) {
  return save(chunk_name(owner_.name, healthy, chunks, index), encode_chunk(records));
}

Task<> InventoryStore::drop_healthy(unsigned chunks) { return drop_parts(healthy, chunks); }

Task<Result<>> InventoryStore::save_meta(const InventoryMeta& meta) { return save(meta_name(owner_.name), encode_meta(meta)); }

Task<Result<>> InventoryStore::save_chunk(unsigned chunks, unsigned index, const std::vector<InventoryRecord>& records) {
  return save(chunk_name(owner_.name, objects, chunks, index), encode_chunk(records));
}

Task<> InventoryStore::drop_chunks(unsigned chunks) { return drop_parts(objects, chunks); }

Task<> InventoryStore::drop(const InventoryMeta& meta) {
  co_await drop_chunks(meta.chunks);
  co_await drop_healthy(meta.healthy_chunks);
  if (may_write_ && !may_write_()) co_return;
  co_await client_.remove(path(meta_name(owner_.name)));
}

} // namespace gitsync
