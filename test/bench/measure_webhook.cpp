#include "api/names.h"
#include "base/hash.h"
#include "base/text.h"
#include "bench/measures.h"
#include "support/http.h"

namespace gitsync::bench {
namespace {

constexpr std::chrono::milliseconds between{
    1500}; // as measure_push.cpp; and what the receiver takes of one repository for long
constexpr const char* token = "bench-webhook-token";

std::string repository() {
  return cat("/apis/", api::api_group_version, "/namespaces/", Stand::control, "/gitrepositories/bench");
}

/// As a git host does it, over one connection.
class Host {
public:
  explicit Host(const std::string& address) : url_(cat("http://", address, "/hook/", Stand::control, "/bench")) {}
  void tell(const std::string& commit) {
    const auto body = cat(R"({"ref":"refs/heads/main","after":")", commit, "\"}");
    const auto reply = http_.request("POST", url_, body, {cat("X-Hub-Signature-256: sha256=", hmac_sha256_hex(token, body))});
    if (reply.status != 202) throw std::runtime_error(cat("the webhook answers ", reply.status, ": ", reply.body));
  }

private:
  std::string url_;
  test::Http http_;
};

} // namespace

void measure_webhook(Stand& stand, Figures& figures, std::optional<double> event_and_apply) {
  progress(cat(stand.scale.pushes, " pushes that a webhook tells of"));
  stand.intruder->create(cat("/api/v1/namespaces/", Stand::control, "/secrets"),
                         {{"metadata", {{"name", "bench-hook"}}}, {"stringData", {{"token", token}}}});
  stand.intruder->merge(repository(), {{"spec", {{"webhook", {{"type", "GitHub"}, {"secretRef", {{"name", "bench-hook"}}}}}}}});
  stand.settle_down();
  Host host(stand.op().webhook_address());
  std::vector<double> total, beyond;
  for (unsigned round = 0; round < stand.scale.pushes; ++round) {
    auto object = mixed(Stand::ours, round * 35 % stand.scale.objects / 5 * 5); // a ConfigMap
    const auto value = cat("webhook-", round);
    object.manifest["data"]["value"] = value;
    stand.repo.write("mixed/" + object.file(), to_yaml(object.manifest));
    const auto commit = stand.commit("one object");
    auto seen = stand.onlooker->expect([&object, &value](const Sight& sight) {
      return sight.name == object.name && sight.collection.ends_with("/configmaps") &&
             sight.object->at("data").at("value") == value;
    });
    const auto started = std::chrono::steady_clock::now();
    host.tell(commit);
    total.push_back(milliseconds_between(started, seen.get("the change that the webhook told of").at));
    std::this_thread::sleep_for(between);
    const auto fetch = stand.intruder->get(repository()).at("status").at("lastFetch").at("milliseconds").get<double>();
    beyond.push_back(total.back() - fetch);
  }
  stand.intruder->merge(repository(), {{"spec", {{"webhook", nullptr}}}});
  figures.push_back({"push_by_webhook", median(beyond), "ms", event_and_apply, std::nullopt,
                     cat("median of ", stand.scale.pushes, ", from the delivery to seen, less the fetch")});
  figures.push_back({"push_by_webhook_with_fetch", median(total), "ms", std::nullopt, std::nullopt,
                     "from the delivery to seen: what a push takes"});
}

} // namespace gitsync::bench
