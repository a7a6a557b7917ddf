#include "apply/inventory.h"

#include "base/json_read.h"
#include "base/text.h"

#include <algorithm>
#include <bit>

namespace gitsync {
namespace {

using nlohmann::json;

constexpr int format = 1;
constexpr size_t bytes_a_chunk = 128u << 10; // of bodies, before compression
constexpr unsigned most_chunks = 4096;
constexpr size_t largest_chunk = 64u << 20; // a single object may have 1.5 MiB, a chunk many of them

json ref_to_json(const ObjectRef& ref) { return json::array({ref.group, ref.kind, ref.ns, ref.name}); }

ObjectRef ref_from_json(const json& value) {
  return {value.at(0).get<std::string>(), value.at(1).get<std::string>(), value.at(2).get<std::string>(),
          value.at(3).get<std::string>()};
}

/// What is no hash is left out: an addition that is not known is left alone.
std::vector<PathHash> hashes_from(const json& value) {
  std::vector<PathHash> out;
  for (const auto& hash : value)
    if (hash.is_number_unsigned()) out.push_back(hash.get<PathHash>());
  return out;
}

Digest digest_from(const json& value) { return Digest::parse(value.get<std::string>()).value_or(Digest{}); }

Result<json> open(std::string_view bytes) {
  auto text = inflate(bytes, largest_chunk);
  if (!text) return std::unexpected(std::move(text.error()));
  json value = json::parse(*text, nullptr, false);
  if (!value.is_object()) return fail(Code::InventoryCorrupt, "the stored inventory is not JSON");
  const auto found = value.find("format");
  if (found == value.end() || !found->is_number_integer() || *found != format)
    return fail(Code::InventoryCorrupt, cat("the stored inventory has another format than ", format,
                                            ", which this operator reads: run the version that wrote it"));
  return value;
}

} // namespace

unsigned chunks_for(size_t bytes) {
  return std::bit_ceil(static_cast<unsigned>(std::min<size_t>(bytes / bytes_a_chunk + 1, most_chunks)));
}

unsigned chunk_of(const ObjectRef& ref, unsigned chunks) {
  const Digest hash = digest(ref.group + "/" + ref.kind, ref.ns + "/" + ref.name);
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | hash.bytes[static_cast<size_t>(i)];
  return value % chunks;
}

std::string encode_meta(const InventoryMeta& meta) {
  json pending = json::array();
  for (const auto& ref : meta.pending) pending.push_back(ref_to_json(ref));
  json out = {{"format", format},         {"salt", base64_encode(meta.salt)},
              {"chunks", meta.chunks},    {"revision", meta.revision},
              {"commit", meta.commit},    {"tree", meta.tree},
              {"specKey", meta.spec_key}, {"pending", std::move(pending)}};
  // An operator that does not know rollbacks reads past these.
  if (!meta.healthy.commit.empty())
    out["healthy"] = {{"revision", meta.healthy.revision},
                      {"commit", meta.healthy.commit},
                      {"tree", meta.healthy.tree},
                      {"specKey", meta.healthy.spec_key},
                      {"chunks", meta.healthy_chunks}};
  if (!meta.quarantine.commit.empty())
    out["quarantine"] = {{"revision", meta.quarantine.revision}, {"commit", meta.quarantine.commit},
                         {"tree", meta.quarantine.tree},         {"specKey", meta.quarantine.spec_key},
                         {"why", meta.quarantine.why},           {"rollingBack", meta.rolling_back}};
  if (!meta.under_way.tree.empty())
    out["underWay"] = {{"tree", meta.under_way.tree}, {"specKey", meta.under_way.spec_key}, {"digest", meta.under_way.digest}};
  return deflate(out.dump(-1, ' ', false, json::error_handler_t::replace));
}

Result<InventoryMeta> decode_meta(std::string_view bytes) {
  auto value = open(bytes);
  if (!value) return std::unexpected(std::move(value.error()));
  try {
    InventoryMeta out;
    out.salt = base64_decode(value->at("salt").get<std::string>()).value_or("");
    const auto& chunks = value->at("chunks");
    // A float beyond the integer's range would be undefined behaviour in get().
    if (!chunks.is_number_unsigned() || chunks.get<uint64_t>() > most_chunks)
      return fail(Code::InventoryCorrupt, "the stored inventory's head is damaged: its number of chunks");
    out.chunks = static_cast<unsigned>(chunks.get<uint64_t>());
    out.revision = value->at("revision").get<std::string>();
    out.commit = value->at("commit").get<std::string>();
    out.tree = value->at("tree").get<std::string>();
    out.spec_key = value->at("specKey").get<std::string>();
    for (const auto& ref : value->at("pending")) out.pending.push_back(ref_from_json(ref));
    const auto text = [](const json& object, const char* name) { return object.at(name).get<std::string>(); };
    if (const auto found = value->find("healthy"); found != value->end()) {
      out.healthy = {text(*found, "revision"), text(*found, "commit"), text(*found, "tree"), text(*found, "specKey")};
      const auto& parts = found->at("chunks");
      if (!parts.is_number_unsigned() || parts.get<uint64_t>() > most_chunks)
        return fail(Code::InventoryCorrupt, "the stored inventory's head is damaged: its number of healthy chunks");
      out.healthy_chunks = static_cast<unsigned>(parts.get<uint64_t>());
    }
    if (const auto found = value->find("quarantine"); found != value->end()) {
      out.quarantine = {text(*found, "revision"), text(*found, "commit"), text(*found, "tree"), text(*found, "specKey"),
                        text(*found, "why")};
      out.rolling_back = found->at("rollingBack").get<bool>();
    }
    if (const auto found = value->find("underWay"); found != value->end())
      out.under_way = {text(*found, "tree"), text(*found, "specKey"), text(*found, "digest")};
    if (out.salt.empty()) return fail(Code::InventoryCorrupt, "the stored inventory's head is damaged");
    return out;
  } catch (const json::exception& error) {
    return fail(Code::InventoryCorrupt, cat("the stored inventory's head is damaged: ", std::string_view(error.what())));
  }
}

std::string encode_chunk(const std::vector<InventoryRecord>& records) {
  json list = json::array();
  for (const auto& record : records) {
    json item = {
        {"ref", ref_to_json(record.ref)}, {"version", record.version}, {"file", record.at.file}, {"line", record.at.line}};
    if (!record.uid.empty()) item["uid"] = record.uid;
    if (!record.applied.empty()) item["applied"] = record.applied.hex();
    if (!record.owned.empty()) item["owned"] = record.owned.hex();
    if (!record.foreign.empty()) item["foreign"] = record.foreign;
    if (!record.empties.empty()) item["empties"] = record.empties;
    if (!record.body.empty()) item["body"] = record.body;
    if (record.leaving) item["leaving"] = true;
    if (record.given_up) item["givenUp"] = true;
    if (record.created) item["created"] = true;
    if (record.unasked) item["unasked"] = true;
    list.push_back(std::move(item));
  }
  return deflate(json{{"format", format}, {"records", std::move(list)}}.dump(-1, ' ', false, json::error_handler_t::replace));
}

Result<std::vector<InventoryRecord>> decode_chunk(std::string_view bytes) {
  auto value = open(bytes);
  if (!value) return std::unexpected(std::move(value.error()));
  try {
    std::vector<InventoryRecord> out;
    for (const auto& item : value->at("records")) {
      InventoryRecord record;
      record.ref = ref_from_json(item.at("ref"));
      record.version = item.at("version").get<std::string>();
      record.at = {item.at("file").get<std::string>(),
                   static_cast<int>(std::clamp<int64_t>(read_integer(item, "line"), 0, INT32_MAX))};
      record.uid = item.value("uid", "");
      if (item.contains("applied")) record.applied = digest_from(item["applied"]);
      if (item.contains("owned")) record.owned = digest_from(item["owned"]);
      if (item.contains("foreign")) record.foreign = hashes_from(item["foreign"]);
      if (item.contains("empties")) record.empties = hashes_from(item["empties"]);
      record.body = item.value("body", "");
      record.leaving = item.value("leaving", false);
      record.given_up = item.value("givenUp", false);
      record.created = item.value("created", false);
      record.unasked = item.value("unasked", false);
      out.push_back(std::move(record));
    }
    return out;
  } catch (const json::exception& error) {
    return fail(Code::InventoryCorrupt, cat("a chunk of the stored inventory is damaged: ", std::string_view(error.what())));
  }
}

} // namespace gitsync
