#include "webhook/receiver.h"

#include "api/spec_reader.h"
#include "base/json_read.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "webhook/signature.h"

namespace gitsync::webhook {
namespace {

using report::WebhookResult;

constexpr std::string_view secret_key = "token"; // as Flux's Receivers have it
constexpr size_t most_known = 10'000;            // repositories; those that are quiet give way

Instant now() { return std::chrono::steady_clock::now(); }

/// Compared against where there is no secret, so that it takes as long.
const std::string& nobodys_secret() {
  static const std::string secret(32, 'x');
  return secret;
}

} // namespace

Receiver::Receiver(kube::Client& kube, report::Metrics& metrics, Find find, Options options)
    : kube_(kube), metrics_(metrics), find_(std::move(find)), options_(options), seen_(options.most, options.memory),
      unknown_(options.bad_burst, options.bad_every) {}

void Receiver::install(server::HttpServer& server) {
  server.route_below("POST", std::string(prefix), [this](server::Request request) { return receive(std::move(request)); });
}

Receiver::Known& Receiver::known(const std::string& key) {
  if (known_.size() >= most_known)
    std::erase_if(known_, [&](const auto& entry) { return entry.first != key && entry.second.accepted.full(now()); });
  return known_
      .try_emplace(key,
                   Known{Allowance(options_.burst, options_.every), Allowance(options_.bad_burst, options_.bad_every), {}, {}})
      .first->second;
}

server::Response Receiver::answer(WebhookResult result) {
  metrics_.webhook_delivered(result);
  switch (result) {
  case WebhookResult::Accepted: return {.status = 202, .body = "accepted\n"};
  case WebhookResult::Replayed: return {.status = 202, .body = "this delivery was accepted before\n"};
  case WebhookResult::Refused:
    return {.status = 403, .body = "there is no such webhook, or the delivery is not signed with its secret\n"};
  case WebhookResult::Limited: return {.status = 429, .body = "too many deliveries\n", .retry_after = 1};
  case WebhookResult::Failed: break;
  }
  return {.status = 503, .body = "not possible for now\n", .retry_after = 10};
}

Task<Result<>> Receiver::read_secret(std::string ns, std::string name, std::string key) {
  auto& entry = known(key);
  entry.read = now(); // also where it fails: nobody can make us ask all the time
  entry.secret_name = name;
  entry.secret.clear();
  const auto secret = co_await kube_.get(cat("/api/v1/namespaces/", ns, "/secrets/", name));
  auto& again = known(key); // it may have given way
  if (!secret) co_return std::unexpected(secret.error());
  const auto token = base64_decode(read_text(read_member(*secret, "data"), secret_key)).value_or("");
  again.secret = trim(token); // files end with a line break that no host has
  register_secret(again.secret);
  if (again.secret.empty())
    co_return fail(Code::InvalidSpec, cat("the Secret ", name, " has no key ", secret_key, ", or an empty one"));
  co_return Result<>{};
}

Task<server::Response> Receiver::receive(server::Request request) {
  const auto parts = split(std::string_view(request.path).substr(prefix.size()), '/');
  const bool proper = parts.size() == 2 && api::is_dns_label(parts[0]) && api::is_dns_subdomain(parts[1]);
  const std::string ns(proper ? parts[0] : ""), name(proper ? parts[1] : ""), key = cat(ns, "/", name);
  // A stranger may be as quick as he likes with names that nobody has.
  std::optional<Target> target;
  if (const auto it = known_.find(key); it != known_.end() && now() - it->second.found < options_.distrust)
    target = it->second.target;
  if (proper && !target) {
    if (!known_.contains(key) && !unknown_.take(now())) co_return answer(WebhookResult::Limited);
    auto found = co_await find_(ns, name);
    if (!found) {
      log::warn("a webhook could not be looked up", {{"gitrepository", key}, {"error", found.error().text()}});
      co_return answer(WebhookResult::Failed);
    }
    target = std::move(*found);
    if (target) {
      auto& entry = known(key);
      entry.target = target;
      entry.found = now();
    }
  }
  if (!target) {
    known_.erase(key);
    std::ignore = authentic(api::WebhookType::Generic, nobodys_secret(), request);
    co_return answer(WebhookResult::Refused);
  }
  const auto type = target->spec.type;
  const auto fits = [&] { return authentic(type, known(key).secret, request); };
  const auto age = [&] { return now() - known(key).read.value_or(Instant{}); };
  const auto renew = [&]() -> bool { return !known(key).read || known(key).secret_name != target->spec.secret; };
  const bool fitted = !renew() && fits();
  bool good = fitted && age() < options_.trust;
  if (!fitted && !known(key).bad.take(now())) co_return answer(WebhookResult::Limited);
  if (!good && (renew() || age() >= options_.distrust)) { // it may have been renewed
    const auto read = co_await read_secret(ns, target->spec.secret, key);
    if (!read)
      log::warn("a webhook's secret cannot be read",
                {{"gitrepository", key}, {"error", cat("spec.webhook.secretRef: ", read.error().text())}});
    if (!read && read.error().retry != Retry::Never) co_return answer(WebhookResult::Failed);
    good = read && fits();
  }
  if (!good) {
    log::debug("a webhook's delivery was refused", {{"gitrepository", key}});
    co_return answer(WebhookResult::Refused);
  }
  const auto identity = identity_of(key, type, request);
  if (seen_.contains(identity, now())) co_return answer(WebhookResult::Replayed);
  if (!known(key).accepted.take(now())) co_return answer(WebhookResult::Limited);
  seen_.add(identity, now()); // before anything is awaited: two at once are one
  if (auto woken = co_await target->wake(); !woken) {
    seen_.forget(identity); // the host may try again
    log::warn("a webhook's delivery could not be passed on", {{"gitrepository", key}, {"error", woken.error().text()}});
    co_return answer(WebhookResult::Failed);
  }
  co_return answer(WebhookResult::Accepted);
}

} // namespace gitsync::webhook
