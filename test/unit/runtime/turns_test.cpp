// Who is next: no party waits for how much the others want.
#include "runtime/turns.h"

#include "base/text.h"
#include "support/catch.h"

#include <deque>
#include <map>
#include <random>
#include <vector>

using namespace gitsync;

namespace {

/// Lets in who may enter; whoever was let in first leaves first.
struct Room {
  explicit Room(size_t permits) : turns(permits) {}
  /// The parties that enter now, in their order.
  std::vector<std::string> enter() {
    std::vector<std::string> out;
    for (auto entry = turns.next(); entry; entry = turns.next()) {
      inside.push_back(entry->party);
      out.push_back(entry->party);
    }
    return out;
  }
  void leave() {
    turns.release(inside.front());
    inside.pop_front();
  }
  Turns turns;
  std::deque<std::string> inside;
};

} // namespace

TEST_CASE("a party that wants one place gets it at the next turn, however many another one wants", "[runtime]") {
  const auto small = GENERATE(Priority::Urgent, Priority::Patient);
  const auto large = GENERATE(Priority::Urgent, Priority::Patient);
  Room room(32);
  for (int i = 0; i < 10'000; ++i) room.turns.queue("large", large);
  const auto first = room.enter();
  CHECK(first.size() == 24); // three quarters: the rest is for others
  room.turns.queue("small", small);
  CHECK(room.enter() == std::vector<std::string>{"small"});
  // Also where all places are taken.
  for (int i = 0; i < 10'000; ++i) room.turns.queue("second", large);
  room.enter();
  CHECK(room.turns.free() == 0);
  room.turns.queue("small", small);
  size_t waited = 0;
  for (bool in = false; !in; ++waited) {
    room.leave();
    for (const auto& party : room.enter()) in |= party == "small";
  }
  CHECK(waited <= 4);
}

TEST_CASE("turns go round, a party's own order is kept, urgent ones go first and starve nobody", "[runtime]") {
  Room room(1);
  room.turns.queue("first", Priority::Patient);
  CHECK(room.enter().size() == 1);
  std::vector<Turns::Ticket> tickets;
  for (int i = 0; i < 4; ++i)
    for (const char* party : {"a", "b"}) tickets.push_back(room.turns.queue(party, Priority::Patient));
  for (int i = 0; i < 8; ++i) room.turns.queue("c", Priority::Urgent);
  std::string order;
  while (room.turns.waiting() > 0) {
    room.leave();
    for (const auto& party : room.enter()) order += party;
  }
  CHECK(order == "cccacccbccababab");
}

TEST_CASE("whatever comes and goes: no place is lost, none is given twice, and all get in at last", "[runtime]") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const size_t permits = 1 + random() % 8;
    Turns turns(permits);
    std::map<Turns::Ticket, std::string> waiting;
    std::deque<std::string> inside;
    for (int step = 0; step < 300; ++step) {
      const std::string party(1, static_cast<char>('a' + random() % 5));
      switch (random() % 4) {
      case 0:
      case 1: {
        const auto ticket = turns.queue(party, random() % 3 == 0 ? Priority::Urgent : Priority::Patient);
        waiting[ticket] = party;
        break;
      }
      case 2:
        if (!waiting.empty() && random() % 4 == 0) {
          const auto at = std::next(waiting.begin(), static_cast<std::ptrdiff_t>(random() % waiting.size()));
          turns.leave(at->first);
          turns.leave(at->first); // twice does nothing
          waiting.erase(at);
        }
        break;
      default:
        if (!inside.empty()) {
          turns.release(inside.front());
          inside.pop_front();
        }
      }
      while (const auto entry = turns.next()) {
        REQUIRE(waiting.contains(entry->ticket));
        CHECK(waiting[entry->ticket] == entry->party);
        waiting.erase(entry->ticket);
        inside.push_back(entry->party);
      }
      CHECK(turns.free() + inside.size() == permits);
      CHECK(turns.waiting() == waiting.size());
    }
    // All that wait get in.
    for (size_t left = waiting.size(); left > 0;) {
      REQUIRE_FALSE(inside.empty());
      turns.release(inside.front());
      inside.pop_front();
      while (const auto entry = turns.next()) {
        inside.push_back(entry->party);
        --left;
      }
    }
    CHECK(turns.waiting() == 0);
  }
}
