// The floor: what a client does that knows beforehand which object is wrong and what to send. One watch event, one server-side
// apply; or all objects with so many applies in flight. Same HTTP stack, TLS, HTTP/2 settings and manifests as the operator's.
#pragma once
#include "bench/client_thread.h"
#include "bench/objects.h"

#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gitsync::bench {

/// Main thread.
class BareClient {
public:
  BareClient(const std::filesystem::path& kubeconfig, std::vector<Object> objects);

  /// Applies all objects, at most that many at once; returns when the last is answered.
  void apply_all(size_t in_flight);
  /// From now on every declared object that is changed or deleted is applied again. For the rest of this client's life.
  void correct();
  /// Applies sent so far.
  uint64_t applies() const { return applies_; }

private:
  struct Known {
    const Object* object;
    std::string path, body;
  };
  Task<> follow(std::string collection, std::string version);
  bool take(std::string_view line);
  Task<> apply(const Known& known);

  const std::vector<Object> objects_;
  std::map<std::string, Known> known_; // by name
  std::vector<const Known*> order_;
  std::vector<std::string> collections_;
  std::atomic<uint64_t> applies_ = 0;
  ClientThread client_; // last: its end drops what is under way
};

} // namespace gitsync::bench
