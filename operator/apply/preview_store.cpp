#include "apply/preview_store.h"

#include "api/names.h"
#include "base/json_read.h"
#include "base/log.h"
#include "base/text.h"

namespace gitsync {
namespace {
using nlohmann::json;
constexpr size_t bytes_a_part = 512u << 10; // a ConfigMap holds 1 MiB, and base64 takes a third more
constexpr size_t most_parts = 32;
} // namespace

std::string PreviewStore::path(size_t index) const {
  return cat("/api/v1/namespaces/", owner_.ns, "/configmaps/",
             api::stored_secret_name(owner_.name, "plan", static_cast<unsigned>(index)));
}

Task<Result<>> PreviewStore::save(const Preview& preview) {
  const std::string bytes = encode_preview(preview);
  const size_t parts = std::max<size_t>((bytes.size() + bytes_a_part - 1) / bytes_a_part, 1);
  const auto before = co_await load_part(0);
  for (size_t i = 0; i < parts; ++i) {
    if (may_write_ && !may_write_()) co_return fail(Code::Cancelled, "the lease is no longer ours");
    const auto content = base64_encode(std::string_view(bytes).substr(i * bytes_a_part, bytes_a_part));
    const json map = {{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"metadata",
                       {{"name", api::stored_secret_name(owner_.name, "plan", static_cast<unsigned>(i))},
                        {"ownerReferences",
                         {{{"apiVersion", api::api_group_version},
                           {"kind", api::git_sync_kind},
                           {"name", owner_.name},
                           {"uid", owner_.uid},
                           {"controller", true},
                           {"blockOwnerDeletion", false}}}}}},
                      {"data", {{"digest", preview.digest}, {"parts", std::to_string(parts)}}},
                      {"binaryData", {{"plan", content}}}};
    auto saved = co_await client_.patch_raw(path(i), kube::PatchType::Apply, map.dump(),
                                            cat("fieldManager=", url_encode(api::operator_field_manager), "&force=true"));
    if (!saved) co_return wrap(std::move(saved.error()), "cannot store the plan");
  }
  if (before) co_await drop_from(parts, before->parts);
  co_return Result<>{};
}

Task<Result<PreviewStore::Part>> PreviewStore::load_part(size_t index) {
  auto map = co_await client_.get(path(index));
  if (!map) co_return std::unexpected(std::move(map.error()));
  Part out;
  const auto& data = read_member(*map, "data");
  const auto count = read_text(data, "parts");
  std::from_chars(count.data(), count.data() + count.size(), out.parts);
  out.digest = read_text(data, "digest");
  auto bytes = base64_decode(read_text(read_member(*map, "binaryData"), "plan"));
  if (!bytes || out.parts == 0 || out.parts > most_parts) co_return fail(Code::ApiNotFound, "the stored plan is damaged");
  out.bytes = std::move(*bytes);
  co_return out;
}

Task<Result<Preview>> PreviewStore::load() {
  auto head = co_await load_part(0);
  if (!head) co_return std::unexpected(std::move(head.error()));
  std::string bytes = std::move(head->bytes);
  for (size_t i = 1; i < head->parts; ++i) {
    auto part = co_await load_part(i);
    if (!part) co_return std::unexpected(std::move(part.error()));
    if (part->digest != head->digest) co_return fail(Code::ApiNotFound, "another plan is being stored");
    bytes += part->bytes;
  }
  co_return decode_preview(bytes);
}

Task<> PreviewStore::drop() {
  const auto head = co_await load_part(0);
  if (head) co_await drop_from(0, head->parts);
}

Task<> PreviewStore::drop_from(size_t first, size_t parts) {
  for (size_t i = first; i < parts; ++i) {
    if (may_write_ && !may_write_()) co_return;
    auto removed = co_await client_.remove(path(i));
    if (!removed && removed.error().code != Code::ApiNotFound)
      log::warn("cannot delete an old plan", {{"error", removed.error().text()}});
  }
}

} // namespace gitsync
