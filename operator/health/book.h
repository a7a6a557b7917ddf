// Which of a GitSync's objects are not well. Pure; takes no room for those that are.
#pragma once
#include "health/health.h"

#include <array>
#include <map>
#include <string>

namespace gitsync::health {

class Book {
public:
  /// The object is like this now. Returns whether that is news.
  /// `pods` is the label selector of its pods, where it has some.
  bool set(const ObjectRef& ref, Health health, std::string pods = {});
  /// Why the pods of this object don't run; told beside its own words while it is not well. Returns whether that is news.
  bool set_cause(const ObjectRef& ref, std::string cause);
  /// The object is no longer managed.
  void erase(const ObjectRef& ref);
  void clear() { *this = {}; }

  /// The worst of all; Healthy where there is none.
  State worst() const;
  bool well() const { return worst() <= State::Suspended; }
  State of(const ObjectRef& ref) const;
  /// "Deployment shop/api: 1/3 available, ImagePullBackOff (and 2 more)": the worst one first; empty where all are well.
  std::string text() const;
  /// Workloads whose pods can tell more than they do, at most `most`, with the label selector of their pods.
  std::map<ObjectRef, std::string> troubled(size_t most) const;

private:
  struct Entry {
    Health health;
    std::string cause;
    std::string pods;
  };
  std::map<ObjectRef, Entry> unwell_; // all that are not Healthy
  std::array<size_t, 5> counts_{};    // of unwell_, by state
};

} // namespace gitsync::health
