#include "reconcile/image_watch.h"

#include "base/log.h"
#include "base/text.h"
#include "runtime/event.h"

#include <random>

namespace gitsync::reconcile {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{5'000}, longest_pause{60'000}, longest_asked_for{600'000};
constexpr size_t max_found = 1000;

double random_jitter() {
  static std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution(0.0, 1.0)(random);
}

report::ImageLook metric_of(const Result<registry::Answer>& answer) {
  if (answer) return answer->found ? report::ImageLook::Found : report::ImageLook::Missing;
  return answer.error().code == Code::RegistryAuth ? report::ImageLook::Refused : report::ImageLook::Failed;
}

} // namespace

milliseconds pause_between_looks(int looks, double jitter, milliseconds asked_for) {
  const auto grown = std::min(first_pause * (1 << std::clamp(looks - 1, 0, 10)), longest_pause);
  const milliseconds spread(static_cast<int64_t>(static_cast<double>(grown.count()) * (0.8 + 0.4 * jitter)));
  return std::max(spread, std::min(asked_for, longest_asked_for));
}

struct ImageWatch::One {
  One(const asio::any_io_executor& executor, WantedImage wanted)
      : image(std::move(wanted)), since(std::chrono::steady_clock::now()), wake(executor), group(executor) {}

  const WantedImage image;
  const Instant since;
  State state;
  bool found = false;
  Event wake;
  TaskGroup group;
};

ImageWatch::ImageWatch(kube::Client& kube, registry::Client& registry, report::Reporter reporter,
                       asio::any_io_executor executor, std::string ns, std::function<void()> told)
    : kube_(kube), registry_(registry), reporter_(reporter), executor_(std::move(executor)), ns_(std::move(ns)),
      told_(std::move(told)) {}

ImageWatch::~ImageWatch() = default;

void ImageWatch::follow(const std::vector<WantedImage>& images) {
  std::erase_if(ending_, [](const auto& one) { return one->group.running() == 0; });
  for (auto it = looks_.begin(); it != looks_.end();) {
    if (std::ranges::find(images, it->first) != images.end()) {
      ++it;
      continue;
    }
    it->second->group.stop();
    ending_.push_back(std::move(it->second));
    it = looks_.erase(it);
  }
  if (stopping_) return;
  for (const auto& image : images) {
    if (found(image) || looks_.contains(image)) continue;
    auto& one = *looks_.emplace(image, std::make_unique<One>(executor_, image)).first->second;
    one.group.spawn("image " + image.text(), look_for(one));
  }
}

void ImageWatch::look_now() {
  for (auto& [image, one] : looks_) {
    if (one->found) continue;
    one->state.looked = false;
    one->wake.set();
  }
}

ImageWatch::State ImageWatch::state(const WantedImage& image) const {
  const auto it = looks_.find(image);
  return it == looks_.end() ? State{} : it->second->state;
}

size_t ImageWatch::waiting() const {
  return static_cast<size_t>(std::ranges::count_if(looks_, [](const auto& entry) { return !entry.second->found; }));
}

Task<Result<registry::Answer>> ImageWatch::look(const WantedImage& image) {
  registry::Question question{image.name, image.tag, {}, {}};
  if (!image.secret.empty()) {
    auto secret = co_await kube_.get(cat("/api/v1/namespaces/", ns_, "/secrets/", image.secret));
    if (!secret) {
      auto& error = secret.error();
      if (error.code == Code::ApiNotFound || error.code == Code::ApiForbidden) error.code = Code::RegistryAuth;
      error.retry = Retry::Backoff; // it may be made at any time, and nothing tells
      co_return wrap(std::move(error), cat("image ", image.text(), ": spec.images[].secretRef"));
    }
    auto read = registry::PullSecret::parse(*secret);
    if (!read) co_return wrap(std::move(read.error()), cat("image ", image.text(), ": spec.images[].secretRef"));
    question.credentials = read->find(image.name);
    question.ca_pem = read->ca_pem();
  }
  co_return co_await registry_.look(std::move(question));
}

Task<> ImageWatch::look_for(One& one) {
  for (int looks = 1;; ++looks) {
    auto answer = co_await look(one.image);
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
    reporter_.metrics.image_looked(metric_of(answer));
    const auto before = one.state;
    one.state.looked = true;
    one.state.error = answer ? std::nullopt : std::optional(answer.error());
    one.state.overdue = std::chrono::steady_clock::now() - one.since >= one.image.timeout;
    if (answer && answer->found) {
      if (found_.size() >= max_found) found_.clear(); // costs a look each
      found_.insert(key(one.image));
      one.found = true;
      log::info("image found", {{"image", one.image.text()}, {"digest", answer->digest}, {"looks", looks}});
      told_();
      co_return;
    }
    const auto text_of = [](const State& state) { return state.error ? state.error->message : std::string(); };
    if (!before.looked || before.overdue != one.state.overdue || text_of(before) != text_of(one.state)) told_();
    auto pause = pause_between_looks(looks, random_jitter(), answer ? milliseconds(0) : answer.error().after);
    const auto left =
        one.image.timeout - std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - one.since);
    if (!one.state.overdue) pause = std::min(pause, std::max(left, milliseconds(1)));
    if (co_await one.wake.wait_for(pause)) looks = 0; // somebody asked: begin with short pauses again
    if (is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
    one.wake.reset();
  }
}

void ImageWatch::stop() {
  stopping_ = true;
  for (auto& [image, one] : looks_) one->group.stop();
}

Task<> ImageWatch::wait() {
  for (auto& [image, one] : looks_) co_await one->group.wait();
  for (auto& one : ending_) co_await one->group.wait();
}

} // namespace gitsync::reconcile
