// The third client: it changes nothing, and tells from its own watches when something was to be seen. All times are taken here,
// when the line of the watch arrives and before it is parsed, for the operator and for the floor alike.
#pragma once
#include "base/clock.h"
#include "bench/client_thread.h"

#include <functional>
#include <future>
#include <list>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace gitsync::bench {

/// One event of a watch.
struct Sight {
  Instant at;
  WallTime wall;
  std::string_view collection, type, name; // type: ADDED, MODIFIED, DELETED
  const nlohmann::json* object = nullptr;  // only during the call
};

/// Main thread, but for what is said below.
class Onlooker {
public:
  explicit Onlooker(const std::filesystem::path& kubeconfig) : client_(kubeconfig, "bench-onlooker") {}

  /// Watches that collection from now on; returns when the watch's starting point is fixed. `query` narrows it.
  void watch(const std::string& collection, const std::string& query = {});

  /// When something that `is_it` says yes to is seen; registered before this returns. `is_it` is called on the onlooker's
  /// thread, for every event in order, and may keep state.
  struct When {
    Instant at;
    WallTime wall;
  };
  class Expected {
  public:
    /// Waits for it; throws with `what` where it does not come within that time.
    When get(const std::string& what, std::chrono::seconds limit = std::chrono::seconds(60));

  private:
    friend class Onlooker;
    std::future<When> future_;
  };
  Expected expect(std::function<bool(const Sight&)> is_it);

private:
  struct Wish {
    std::function<bool(const Sight&)> is_it;
    std::promise<When> promise;
  };
  Task<> follow(std::string collection, std::string query, std::string version);
  bool take(const std::string& collection, std::string_view line);

  std::list<Wish> wishes_; // client's thread only
  ClientThread client_;    // last: its end drops the watches
};

} // namespace gitsync::bench
