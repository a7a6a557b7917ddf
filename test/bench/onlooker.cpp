#include "bench/onlooker.h"

#include "base/text.h"

#include <cstdlib>
#include <iostream>

namespace gitsync::bench {

using nlohmann::json;

void Onlooker::watch(const std::string& collection, const std::string& query) {
  const auto list = client_.get(collection + "?limit=1" + (query.empty() ? "" : "&" + query));
  const auto version = list.at("metadata").at("resourceVersion").get<std::string>();
  client_.call([](Onlooker& self, std::string where, std::string how, std::string from) -> Task<> {
    self.client_.group().spawn("watch", self.follow(std::move(where), std::move(how), std::move(from)));
    co_return;
  }(*this, collection, query, version));
}

Task<> Onlooker::follow(std::string collection, std::string query, std::string version) {
  const auto narrowed = cat("resourceVersion=", version, query.empty() ? "" : "&", query);
  auto ended = co_await client_.kube().watch(collection, narrowed, std::chrono::hours(2),
                                             [&](std::string_view line) { return take(collection, line); });
  if (client_.group().stopping()) co_return;
  // Without its eyes no figure is worth anything.
  std::cerr << "bench: the onlooker's watch of " << collection << " ended: " << (ended ? "by the server" : ended.error().text())
            << "\n";
  std::_Exit(1);
}

bool Onlooker::take(const std::string& collection, std::string_view line) {
  const auto at = std::chrono::steady_clock::now();
  const auto wall = std::chrono::system_clock::now();
  if (wishes_.empty()) return true;
  const auto event = json::parse(line, nullptr, false);
  if (!event.is_object() || !event.contains("object")) return false;
  const auto& object = event["object"];
  const Sight sight{at,
                    wall,
                    collection,
                    event.at("type").get_ref<const std::string&>(),
                    object.at("metadata").at("name").get_ref<const std::string&>(),
                    &object};
  for (auto it = wishes_.begin(); it != wishes_.end();) {
    if (it->is_it(sight)) {
      it->promise.set_value({at, wall});
      it = wishes_.erase(it);
    } else {
      ++it;
    }
  }
  return true;
}

Onlooker::Expected Onlooker::expect(std::function<bool(const Sight&)> is_it) {
  Wish wish{std::move(is_it), {}};
  Expected out;
  out.future_ = wish.promise.get_future();
  client_.call([](Onlooker& self, Wish one) -> Task<> {
    self.wishes_.push_back(std::move(one));
    co_return;
  }(*this, std::move(wish)));
  return out;
}

Onlooker::When Onlooker::Expected::get(const std::string& what, std::chrono::seconds limit) {
  if (future_.wait_for(limit) != std::future_status::ready)
    throw std::runtime_error(cat(what, ": not seen within ", limit.count(), " s"));
  return future_.get();
}

} // namespace gitsync::bench
