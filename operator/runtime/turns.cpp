#include "runtime/turns.h"

#include <algorithm>

namespace gitsync {
namespace {
constexpr int most_urgent_in_a_row = 3;
}

Turns::Turns(size_t permits) : free_(permits), most_of_one_(std::max<size_t>(permits - permits / 4, 1)) {}

Turns::Ticket Turns::queue(const std::string& party, Priority priority) {
  auto& into = lane(priority);
  auto& mine = into.parties[party];
  if (mine.empty()) into.order.push_back(party);
  mine.insert(++last_);
  tickets_.emplace(last_, std::pair(party, priority));
  return last_;
}

void Turns::leave(Ticket ticket) {
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return;
  const auto& [party, priority] = found->second;
  auto& from = lane(priority);
  if (const auto mine = from.parties.find(party); mine != from.parties.end()) {
    mine->second.erase(ticket);
    if (mine->second.empty()) {
      from.parties.erase(mine);
      from.order.remove(party);
    }
  }
  tickets_.erase(found);
}

/// The first party in turn that holds not too many places already.
std::optional<Turns::Entry> Turns::take(Lane& lane) {
  const auto at = std::ranges::find_if(lane.order, [this](const std::string& party) {
    const auto held = held_.find(party);
    return held == held_.end() || held->second < most_of_one_;
  });
  if (at == lane.order.end()) return {};
  auto& waiting = lane.parties.at(*at);
  Entry entry{*waiting.begin(), *at};
  waiting.erase(waiting.begin());
  if (waiting.empty()) {
    lane.parties.erase(*at);
    lane.order.erase(at);
  } else {
    lane.order.splice(lane.order.end(), lane.order, at);
  }
  return entry;
}

std::optional<Turns::Entry> Turns::next() {
  if (free_ == 0) return {};
  const bool patient_first = urgent_in_a_row_ >= most_urgent_in_a_row;
  for (const auto priority :
       {patient_first ? Priority::Patient : Priority::Urgent, patient_first ? Priority::Urgent : Priority::Patient}) {
    auto entry = take(lane(priority));
    if (!entry) continue;
    urgent_in_a_row_ = priority == Priority::Urgent ? std::min(urgent_in_a_row_ + 1, most_urgent_in_a_row) : 0;
    --free_;
    ++held_[entry->party];
    tickets_.erase(entry->ticket);
    return entry;
  }
  return {};
}

void Turns::release(const std::string& party) {
  ++free_;
  const auto held = held_.find(party);
  if (held != held_.end() && --held->second == 0) held_.erase(held);
}

} // namespace gitsync
