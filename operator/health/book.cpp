#include "health/book.h"

#include "base/text.h"

namespace gitsync::health {
namespace {

size_t index(State state) { return static_cast<size_t>(state); }

} // namespace

bool Book::set(const ObjectRef& ref, Health health, std::string pods) {
  const auto it = unwell_.find(ref);
  if (health.state == State::Healthy) {
    if (it == unwell_.end()) return false;
    --counts_[index(it->second.health.state)];
    unwell_.erase(it);
    return true;
  }
  if (it == unwell_.end()) {
    ++counts_[index(health.state)];
    unwell_.emplace(ref, Entry{std::move(health), {}, std::move(pods)});
    return true;
  }
  it->second.pods = std::move(pods);
  if (it->second.health == health) return false;
  --counts_[index(it->second.health.state)];
  ++counts_[index(health.state)];
  it->second.health = std::move(health);
  return true;
}

bool Book::set_cause(const ObjectRef& ref, std::string cause) {
  const auto it = unwell_.find(ref);
  if (it == unwell_.end() || it->second.cause == cause) return false;
  it->second.cause = std::move(cause);
  return true;
}

void Book::erase(const ObjectRef& ref) { set(ref, {}); }

State Book::worst() const {
  for (size_t i = counts_.size(); i-- > 1;)
    if (counts_[i] > 0) return static_cast<State>(i);
  return State::Healthy;
}

State Book::of(const ObjectRef& ref) const {
  const auto it = unwell_.find(ref);
  return it == unwell_.end() ? State::Healthy : it->second.health.state;
}

std::string Book::text() const {
  if (well()) return {};
  const State state = worst();
  size_t ill = 0;
  for (const State each : {State::Unknown, State::Progressing, State::Degraded}) ill += counts_[index(each)];
  for (const auto& [ref, entry] : unwell_) {
    if (entry.health.state != state) continue;
    std::string out = describe(ref, entry.health);
    if (!entry.cause.empty()) out += cat(", ", entry.cause);
    if (ill > 1) out += cat(" (and ", ill - 1, " more)");
    return out;
  }
  return {};
}

std::map<ObjectRef, std::string> Book::troubled(size_t most) const {
  std::map<ObjectRef, std::string> out;
  for (const auto& [ref, entry] : unwell_)
    if (out.size() < most && entry.health.state >= State::Progressing && !entry.pods.empty()) out[ref] = entry.pods;
  return out;
}

} // namespace gitsync::health
