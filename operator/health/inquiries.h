// How well an object is by expressions that somebody else evaluates: what is asked when, and what an answer means. Pure:
// questions go out as values, answers come in later, and each object is asked about once at a time.
#pragma once
#include "health/health.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace gitsync::health {

/// What became of one expression.
struct Answer {
  std::optional<bool> value;
  std::string problem; // why there is none
};

/// The answers to a health check's expressions; those that it doesn't have are missing.
struct Answers {
  std::optional<Answer> in_progress, failed, current;
};

/// In the order that Flux's users know: in progress, failed, current. What cannot be evaluated is not true, and keeps the
/// object from being healthy.
Health of_answers(const Answers& answers);

/// Of an object as it is: what has to be evaluated over what.
struct Question {
  ObjectRef ref;
  uint64_t ticket = 0;                     // names it
  std::shared_ptr<const std::string> live; // the object's JSON
};

/// A look at a live object.
struct Look {
  uint64_t version = 0;   // resourceVersion as a number, 0 where it is none
  int64_t generation = 0; // metadata.generation, 0 where the kind has none
  bool written = false;   // it is the answer to a write of ours
};

class Inquiries {
public:
  struct Reply {
    std::optional<Question> question; // to be asked now
    bool known = false;               // what was answered last still holds meanwhile; else the object's health is not known
  };
  /// The object is like this now. Where a question about it is under way, this look waits until that is answered.
  /// `make` gives the JSON; it is called only where there is something to ask.
  template <class Make> Reply ask(const ObjectRef& ref, Look look, Make make) {
    auto& entry = entries_[ref];
    if (look.version != 0 && look.version < entry.latest) return {{}, true}; // older than what is known
    const bool seen = look.version != 0 && look.version == entry.latest;
    const bool known = entry.answered && (seen || (!look.written && look.generation == entry.generation));
    if (seen && (entry.busy || entry.answered)) return {{}, known};
    if (!known) entry.answered = false;
    entry.latest = look.version;
    entry.generation = look.generation;
    entry.waiting = std::make_shared<const std::string>(make());
    return {entry.busy ? std::nullopt : next(ref, entry), known};
  }

  struct Conclusion {
    std::optional<Health> health;  // nothing: the answer is stale
    std::optional<Question> again; // to be asked now instead
  };
  /// The answer to a question. Nothing of both for an object that was forgotten or superseded meanwhile.
  Conclusion answered(const Question& question, const Answers& answers);
  /// There was no answer. What to ask when it is tried again: the same, or about how the object is by now; nothing where nobody
  /// wants to know any more.
  std::optional<Question> unanswered(const Question& question);

  /// Another rule says how the object is: an answer that is under way no longer counts.
  void supersede(const ObjectRef& ref);
  /// The object is no longer managed, or has no check any more.
  void forget(const ObjectRef& ref) { entries_.erase(ref); }
  void clear() { entries_.clear(); }
  size_t size() const { return entries_.size(); }

private:
  struct Entry {
    uint64_t latest = 0; // version of the last look
    int64_t generation = 0;
    uint64_t ticket = 0;                        // of the question under way
    bool busy = false;                          // one is
    bool superseded = false;                    // and its answer no longer counts
    bool answered = false;                      // its health is known for this generation
    std::shared_ptr<const std::string> waiting; // to be asked about next
  };
  std::optional<Question> next(const ObjectRef& ref, Entry& entry);
  Entry* under_way(const Question& question);

  std::map<ObjectRef, Entry> entries_;
  uint64_t last_ticket_ = 0;
};

} // namespace gitsync::health
