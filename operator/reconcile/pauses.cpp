#include "reconcile/pauses.h"

#include "api/names.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

namespace gitsync::reconcile {
namespace {
using nlohmann::json;
std::string collection() { return cat("/apis/", api::api_group_version, "/", api::pause_plural); }
} // namespace

Pauses::Pauses(kube::Client& client, asio::any_io_executor executor, std::function<bool()> may_write,
               std::function<void(const std::string&)> told)
    : client_(client), may_write_(std::move(may_write)), told_(std::move(told)), known_(executor), news_(executor),
      marks_(executor), watch_(client, {collection(), "", {}}, *this) {}

void Pauses::changed(json object) {
  const std::string key = api::parse_meta(object).key();
  seen_.insert(key);
  auto pause = api::parse_pause(object);
  if (!pause || pause->meta.deleting) { // one that slipped past the schema pauses nothing
    if (!pause) log::warn("a Pause cannot be used", {{"pause", key}, {"error", pause.error().text()}});
    deleted(object);
    return;
  }
  const bool fresh = !pauses_.contains(key);
  if (!fresh) pause->state = pauses_[key].state; // our own mark may not have arrived yet
  pauses_[key] = *pause;
  news_.set();
  if (fresh && pause->state != api::pause_state::ended) told_(api::owner_name(pause->meta.ns, pause->sync));
}

void Pauses::deleted(json object) {
  const std::string key = api::parse_meta(object).key();
  seen_.erase(key);
  const auto it = pauses_.find(key);
  if (it == pauses_.end()) return;
  const std::string sync = api::owner_name(it->second.meta.ns, it->second.sync);
  const bool held = it->second.state != api::pause_state::ended;
  pauses_.erase(it);
  if (held) told_(sync);
}

void Pauses::synced() {
  std::set<std::string> syncs;
  for (auto it = pauses_.begin(); it != pauses_.end();) {
    if (!seen_.contains(it->first)) {
      syncs.insert(api::owner_name(it->second.meta.ns, it->second.sync));
      it = pauses_.erase(it);
    } else {
      ++it;
    }
  }
  known_.set();
  for (const auto& sync : syncs) told_(sync);
}

Task<> Pauses::known(std::chrono::steady_clock::duration limit) { co_await known_.wait_for(limit); }

std::vector<api::Pause> Pauses::of(const std::string& sync) const {
  std::vector<api::Pause> out;
  const auto now = std::chrono::system_clock::now();
  for (const auto& [key, pause] : pauses_)
    if (pause.state != api::pause_state::ended && pause.until > now && api::owner_name(pause.meta.ns, pause.sync) == sync)
      out.push_back(pause);
  return out;
}

void Pauses::note(const api::Pause& pause, bool managed) {
  if (const auto it = pauses_.find(pause.meta.key()); it != pauses_.end())
    set_state(it->second, managed ? api::pause_state::active : api::pause_state::waiting);
}

void Pauses::set_state(api::Pause& pause, std::string_view state) {
  if (pause.state == state) return;
  pause.state = std::string(state);
  marks_.spawn("mark " + pause.meta.key(), mark(pause));
}

Task<> Pauses::mark(api::Pause pause) {
  if (!may_write_()) co_return;
  const json status = {{"status", {{"state", pause.state}, {"until", rfc3339(pause.until)}}}};
  auto written =
      co_await client_.patch_raw(cat("/apis/", api::api_group_version, "/namespaces/", pause.meta.ns, "/", api::pause_plural,
                                     "/", pause.meta.name, "/status"),
                                 kube::PatchType::Merge, status.dump(), cat("fieldManager=", api::operator_field_manager));
  if (!written && written.error().code != Code::ApiNotFound)
    log::warn("a Pause's status cannot be written", {{"pause", pause.meta.key()}, {"error", written.error().text()}});
}

Task<> Pauses::run() {
  for (;;) {
    const auto now = std::chrono::system_clock::now();
    auto next = now + std::chrono::hours(1);
    std::set<std::string> over;
    for (auto& [key, pause] : pauses_) {
      if (pause.state == api::pause_state::ended) continue;
      if (pause.until <= now) {
        over.insert(api::owner_name(pause.meta.ns, pause.sync));
        set_state(pause, api::pause_state::ended);
      } else {
        next = std::min(next, pause.until);
      }
    }
    for (const auto& sync : over) told_(sync);
    co_await news_.wait_for(next - now);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
    news_.reset();
  }
}

} // namespace gitsync::reconcile
