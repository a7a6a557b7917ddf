// Who may enter next where many want to and few may: fair between parties, urgent before patient. Pure.
#pragma once
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace gitsync {

/// How a place is wanted.
enum class Priority : uint8_t {
  Urgent,  // one small thing that somebody sees to be wrong
  Patient, // part of something large
};

/// A queue with `permits` places. Each party ("namespace/name" of a GitSync, say) has its turn, whatever the others want; of
/// one party first come, first served. Urgent ones go first, but at most three in a row where patient ones wait, so that
/// neither starves the other. One party holds at most three quarters of the places: what makes it slow leaves room for others.
class Turns {
public:
  using Ticket = uint64_t;
  explicit Turns(size_t permits);

  /// Waits from now on.
  Ticket queue(const std::string& party, Priority priority);
  /// Waits no more; unknown tickets are ignored.
  void leave(Ticket ticket);
  /// Who enters next, if anybody may; the ticket is used up, and release() is owed for its party.
  struct Entry {
    Ticket ticket = 0;
    std::string party;
  };
  std::optional<Entry> next();
  void release(const std::string& party);

  size_t waiting() const { return tickets_.size(); }
  size_t free() const { return free_; }

private:
  struct Lane {
    std::map<std::string, std::set<Ticket>> parties; // those that wait
    std::list<std::string> order;                    // of parties: whose turn it is
  };
  std::optional<Entry> take(Lane& lane);
  Lane& lane(Priority priority) { return priority == Priority::Urgent ? urgent_ : patient_; }

  size_t free_, most_of_one_;
  Ticket last_ = 0;
  int urgent_in_a_row_ = 0;
  Lane urgent_, patient_;
  std::map<Ticket, std::pair<std::string, Priority>> tickets_;
  std::map<std::string, size_t> held_;
};

} // namespace gitsync
