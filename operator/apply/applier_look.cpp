// What is there already, before the first apply.
#include "api/service_account.h"
#include "apply/applier.h"
#include "base/json_read.h"
#include "base/text.h"
#include "runtime/parallel.h"

#include <set>

namespace gitsync {
namespace {

using nlohmann::json;

constexpr size_t in_flight = 16;       // looks at once
constexpr size_t many = 16;            // from here on a list is asked for first
constexpr size_t page = 500;           // of a list
constexpr size_t listed_per_look = 40; // so many listed objects cost about as much as one look

} // namespace

Task<Result<std::map<ObjectRef, json>>> Applier::look_at(std::vector<ObjectRef> refs, std::shared_ptr<const SyncFacts> as) {
  std::map<ObjectRef, json> out;
  struct Collection {
    std::string path;
    std::vector<ObjectRef> refs;
  };
  std::map<std::pair<GroupKind, std::string>, Collection> collections; // by kind and namespace
  std::vector<std::pair<ObjectRef, std::string>> single;               // with its path
  for (const auto& ref : refs) {
    const auto* resource = discovery_.map().find(ref.group_kind());
    if (!resource) continue;
    auto& collection = collections[{ref.group_kind(), ref.ns}];
    collection.path = resource->path(ref.ns);
    collection.refs.push_back(ref);
    single.emplace_back(ref, resource->path(ref.ns, ref.name));
  }
  std::set<ObjectRef> settled;
  for (const auto& [key, collection] : collections) {
    if (collection.refs.size() < many) continue;
    const std::set<ObjectRef> wanted(collection.refs.begin(), collection.refs.end());
    std::map<ObjectRef, json> found;
    std::string next;
    for (bool first = true;; first = false) {
      auto list = co_await client_.get_metadata(
          cat(collection.path, "?limit=", page, next.empty() ? "" : cat("&continue=", url_encode(next))), true, as->account);
      if (!list) break; // looked at one by one
      const auto& metadata = read_member(*list, "metadata");
      if (first && read_integer(metadata, "remainingItemCount") > static_cast<int64_t>(wanted.size() * listed_per_look)) break;
      for (auto& item : (*list)["items"]) {
        const auto& about = read_member(item, "metadata");
        ObjectRef ref{key.first.group, key.first.kind, read_text(about, "namespace"), read_text(about, "name")};
        if (wanted.contains(ref)) found[std::move(ref)] = std::move(item);
      }
      next = read_text(read_member(*list, "metadata"), "continue");
      if (!next.empty()) continue;
      settled.insert(wanted.begin(), wanted.end());
      out.merge(found);
      break;
    }
  }
  std::erase_if(single, [&](const auto& each) { return settled.contains(each.first); });
  std::optional<Error> failed;
  co_await parallel_for(single.size(), in_flight, [&](size_t i) -> Task<> {
    if (failed) co_return;
    const auto& [ref, path] = single[i];
    auto live = co_await client_.get_metadata(path, false, as->account);
    if (live) {
      out[ref] = std::move(*live);
      co_return;
    }
    if (live.error().code == Code::ApiNotFound || failed) co_return;
    if (live.error().code == Code::ApiForbidden && !as->account.empty())
      if (const auto may = co_await may_write(ref, as->account); may && !*may) co_return;
    if (!failed) failed = wrap(api::with_grant(std::move(live.error()), as->account, ref.ns), ref.text()).error();
  });
  if (failed) co_return std::unexpected(std::move(*failed));
  co_return out;
}

Task<bool> Applier::at_work(OtherOwner owner) {
  if (!owner.at_work || owner.witness.kind.empty()) co_return owner.at_work;
  const auto* resource = discovery_.map().find(owner.witness);
  if (!resource) co_return discovery_.map().is_partial(owner.witness.group);
  if (owner.name.empty()) co_return true;
  if (!owner.ns.empty()) {
    auto witness = co_await client_.get(resource->path(owner.ns, owner.name));
    co_return witness ? !is_at_rest(*witness) : witness.error().code != Code::ApiNotFound;
  }
  auto witnesses = co_await client_.get_metadata(
      cat(resource->path(), "?limit=1&fieldSelector=metadata.name%3D", url_encode(owner.name)), true);
  co_return !witnesses || !read_member(*witnesses, "items").empty();
}

} // namespace gitsync
