#include "bench/bare_client.h"

#include "base/text.h"
#include "runtime/parallel.h"

#include <cstdlib>
#include <iostream>

namespace gitsync::bench {
namespace {

// As long as what the operator adds to an object, so that both send and store the same.
constexpr const char* label = "gitops.example.com/bare-client";
constexpr const char* annotation = "gitops.example.com/bare-client-name";

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "bench: the bare client: " << why << "\n";
  std::_Exit(1); // without its floor no figure is worth anything
}

} // namespace

BareClient::BareClient(const std::filesystem::path& kubeconfig, std::vector<Object> objects)
    : objects_(std::move(objects)), collections_(mixed_collections(objects_.front().ns)), client_(kubeconfig, "bench-floor") {
  for (const auto& object : objects_) {
    auto manifest = object.manifest;
    manifest["metadata"]["labels"][label] = "0123456789abcdef0123456789abcdef";
    manifest["metadata"]["annotations"][annotation] = object.ns + "/bare-client";
    order_.push_back(&(known_[object.name] = {&object, object.path(), manifest.dump()}));
  }
  client_.get("/version"); // the connection stands
}

Task<> BareClient::apply(const Known& known) {
  ++applies_;
  auto answer =
      co_await client_.kube().patch_raw(known.path, kube::PatchType::Apply, known.body, "fieldManager=bench-floor&force=true");
  if (!answer && answer.error().code != Code::Cancelled) give_up(answer.error().text());
}

void BareClient::apply_all(size_t in_flight) {
  client_.call([](BareClient& self, size_t limit) -> Task<> {
    const std::function<Task<>(size_t)> one = [&self](size_t index) { return self.apply(*self.order_[index]); };
    co_await parallel_for(self.order_.size(), limit, one);
  }(*this, in_flight));
}

void BareClient::correct() {
  for (const auto& collection : collections_) {
    auto version = client_.get(collection + "?limit=1").at("metadata").at("resourceVersion").get<std::string>();
    client_.call([](BareClient& self, std::string where, std::string from) -> Task<> {
      self.client_.group().spawn("watch", self.follow(std::move(where), std::move(from)));
      co_return;
    }(*this, collection, std::move(version)));
  }
}

Task<> BareClient::follow(std::string collection, std::string version) {
  const auto query = cat("labelSelector=", url_encode(label), "&resourceVersion=", version);
  auto ended = co_await client_.kube().watch(collection, query, std::chrono::hours(2),
                                             [this](std::string_view line) { return take(line); });
  if (!client_.group().stopping())
    give_up(cat("the watch of ", collection, " ended: ", ended ? "by the server" : ended.error().text()));
}

bool BareClient::take(std::string_view line) {
  const auto event = json::parse(line, nullptr, false);
  if (!event.is_object() || !event.contains("object")) return false;
  const auto& object = event["object"];
  const auto known = known_.find(object.at("metadata").at("name").get_ref<const std::string&>());
  if (known == known_.end()) return true;
  const auto& type = event.at("type").get_ref<const std::string&>();
  if (type == "DELETED" || (type == "MODIFIED" && !as_declared(*known->second.object, object)))
    client_.group().spawn("apply", apply(known->second));
  return true;
}

} // namespace gitsync::bench
