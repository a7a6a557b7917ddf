#include "kube/watch.h"

#include "base/json_read.h"
#include "base/log.h"
#include "base/text.h"

#include <random>

namespace gitsync::kube {
namespace {
constexpr std::chrono::milliseconds first_pause{800}, longest_pause{30'000};
constexpr std::chrono::minutes healthy{2};
} // namespace

WatchAction WatchMachine::next(Instant now) {
  if (now < not_before_) return {WatchAction::Kind::Wait, {}, std::chrono::ceil<std::chrono::milliseconds>(not_before_ - now)};
  if (!version_.empty()) return {WatchAction::Kind::Watch, version_, {}};
  return {paged_ ? WatchAction::Kind::List : WatchAction::Kind::WatchList, {}, {}};
}

WatchMachine::Line WatchMachine::line(const nlohmann::json& event) {
  const std::string type = read_text(event, "type");
  const auto& object = read_member(event, "object");
  if (type == "ERROR") {
    expired_in_stream_ = read_member(object, "code") == 410;
    return Line::End;
  }
  const auto& metadata = read_member(object, "metadata");
  std::string version = read_text(metadata, "resourceVersion");
  if (version.empty()) return Line::End;
  if (type == "BOOKMARK") {
    if (read_text(read_member(metadata, "annotations"), "k8s.io/initial-events-end") == "true") {
      version_ = std::move(version);
      return Line::Synced;
    }
    advance(std::move(version));
    return Line::Bookmark;
  }
  if (type != "ADDED" && type != "MODIFIED" && type != "DELETED") return Line::End;
  advance(std::move(version));
  return type == "DELETED" ? Line::Deleted : Line::Changed;
}

void WatchMachine::advance(std::string version) {
  // Initial events come in any order, each with the version of its own last change: none of them is a place to go on from.
  if (!version_.empty()) version_ = std::move(version);
}

void WatchMachine::listed(std::string resource_version) {
  version_ = std::move(resource_version);
  failures_ = 0;
}

void WatchMachine::ended(const Result<>& how, Instant started, Instant now) {
  reason_ = "end";
  bool pause = false;
  if (expired_in_stream_ || (!how && how.error().code == Code::ApiExpired)) {
    expired_in_stream_ = false;
    version_.clear();
    reason_ = "expired";
    pause = failures_ > 0; // once at once; a server that expires again and again is given time
    ++failures_;
  } else if (!how) {
    reason_ = "error";
    pause = true;
    const bool refused = how.error().code == Code::ApiInvalid;
    if (refused && version_.empty() && !paged_) {
      paged_ = true; // the server has no initial events: list by pages
      pause = false;
    } else {
      ++failures_;
    }
  } else if (now - started < std::chrono::seconds(1)) {
    pause = true; // a stream that ends as soon as it begins would spin
    ++failures_;
  }
  if (now - started > healthy) failures_ = std::min(failures_, 1);
  if (!pause) return;
  auto wait = std::min(first_pause * (1 << std::min(failures_ - 1, 6)), longest_pause);
  random_ = random_ * 1664525u + 1013904223u;
  wait += wait * (random_ >> 16) / 65536; // jitter 1.0
  if (!how && how.error().retry == Retry::After) wait = std::max(wait, how.error().after);
  not_before_ = now + std::min(wait, 2 * longest_pause);
}

Watch::Watch(Client& client, Options options, WatchSink& sink)
    : client_(client), options_(std::move(options)), sink_(sink), machine_(std::random_device{}()) {}

void Watch::resync() { resync_ = true; }

bool Watch::deliver(std::string_view text) {
  if (auto header = event_header(text);
      header && (header->type == "ADDED" || header->type == "MODIFIED") && sink_.skip(*header, text)) {
    machine_.skipped(std::move(header->resource_version));
    return !resync_;
  }
  auto event = nlohmann::json::parse(text, nullptr, false);
  switch (machine_.line(event)) {
  case WatchMachine::Line::Changed: sink_.changed(std::move(event["object"])); break;
  case WatchMachine::Line::Deleted: sink_.deleted(std::move(event["object"])); break;
  case WatchMachine::Line::Synced:
    synced_ = true;
    sink_.synced();
    break;
  case WatchMachine::Line::Bookmark: break;
  case WatchMachine::Line::End: return false;
  }
  return !resync_;
}

Task<> Watch::run() {
  std::mt19937 random(std::random_device{}());
  const std::string selector = options_.selector.empty() ? "" : "&labelSelector=" + url_encode(options_.selector);
  for (;;) {
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
    if (resync_) machine_.forget();
    resync_ = false;
    const auto action = machine_.next(std::chrono::steady_clock::now());
    if (action.kind == WatchAction::Kind::Wait) {
      co_await sleep_for(action.pause);
      continue;
    }
    const auto started = std::chrono::steady_clock::now();
    Result<> how;
    if (action.kind == WatchAction::Kind::List) {
      sink_.restarted();
      auto listed = co_await client_.list(
          options_.path, selector.empty() ? "" : selector.substr(1),
          [this](nlohmann::json items) {
            for (auto& item : items) sink_.changed(std::move(item));
          },
          options_.as);
      if (listed) {
        machine_.listed(std::move(*listed));
        synced_ = true;
        sink_.synced();
        continue;
      }
      how = std::unexpected(std::move(listed.error()));
    } else {
      std::string query = "allowWatchBookmarks=true" + selector;
      if (action.kind == WatchAction::Kind::WatchList) {
        query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        sink_.restarted();
      } else {
        query += "&resourceVersion=" + url_encode(action.resource_version);
      }
      const std::chrono::seconds limit(300 + random() % 300);
      how = co_await client_.watch(
          options_.path, query, limit, [this](std::string_view line) { return deliver(line); }, options_.as);
    }
    machine_.ended(how, started, std::chrono::steady_clock::now());
    if (!how && how.error().code != Code::Cancelled &&
        machine_.next(std::chrono::steady_clock::now()).kind == WatchAction::Kind::Wait)
      log::warn("watch ended", {{"path", options_.path}, {"error", how.error().text()}});
    if (options_.on_restart) options_.on_restart(machine_.reason());
  }
}

} // namespace gitsync::kube
