// How many deliveries are taken, and which were taken before. Pure: the time is an argument.
#pragma once
#include "base/clock.h"

#include <algorithm>
#include <deque>
#include <string>
#include <unordered_set>

namespace gitsync::webhook {

/// Lets `burst` through at once, and from then on one per `every`.
class Allowance {
public:
  Allowance(unsigned burst, std::chrono::milliseconds every) : burst_(burst), every_(every) {}

  bool take(Instant now) {
    if (full_at_ < now) full_at_ = now;
    if (full_at_ + every_ > now + burst_ * every_) return false;
    full_at_ += every_;
    return true;
  }
  /// Everything that was taken has grown again.
  bool full(Instant now) const { return full_at_ <= now; }

private:
  unsigned burst_;
  std::chrono::milliseconds every_;
  Instant full_at_{};
};

/// Remembers up to `most` identities for `how_long`; the oldest give way.
class Seen {
public:
  Seen(size_t most, std::chrono::milliseconds how_long) : most_(most), how_long_(how_long) {}

  bool contains(const std::string& identity, Instant now) {
    while (!order_.empty() && (order_.front().until <= now || order_.size() > most_)) {
      known_.erase(order_.front().identity);
      order_.pop_front();
    }
    return known_.contains(identity);
  }
  void add(const std::string& identity, Instant now) {
    if (!contains(identity, now) && known_.insert(identity).second) order_.push_back({now + how_long_, identity});
  }
  /// As if it had never been added; its place is free when its time is over.
  void forget(const std::string& identity) { known_.erase(identity); }
  size_t size() const { return order_.size(); }

private:
  struct Entry {
    Instant until;
    std::string identity;
  };
  size_t most_;
  std::chrono::milliseconds how_long_;
  std::deque<Entry> order_;
  std::unordered_set<std::string> known_;
};

} // namespace gitsync::webhook
