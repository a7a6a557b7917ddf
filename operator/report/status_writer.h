// Brings one object's .status to the API server: only what changed, and not more often than needed.
#pragma once
#include "kube/client.h"
#include "runtime/event.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace gitsync::report {

/// The JSON merge patch that turns `from` into `to`; an empty object where they are equal. Pure.
nlohmann::json merge_diff(const nlohmann::json& from, const nlohmann::json& to);

/// When a status has to be seen.
enum class Urgency {
  Soon,  // a result that somebody waits for: within `soon`
  Later, // news that may be gathered (the latest drift correction): within `later`
};

/// Control thread only. set() never waits; run() writes, tries again after failures with growing pauses, and writes nothing
/// where nothing changed.
class StatusWriter {
public:
  struct Options {
    std::chrono::milliseconds soon{20}, later{1'000};
    std::function<bool()> may_write{}; // the lease is certainly ours
    Semaphore* books = nullptr;        // bounds such writes of many objects; none: no bound
  };
  /// `path` of the object itself; `known` is its status as last read.
  StatusWriter(kube::Client& client, asio::any_io_executor executor, std::string path, nlohmann::json known, Options options);

  void set(nlohmann::json status, Urgency urgency);
  /// Writes until cancelled; start it in a TaskGroup.
  Task<> run();
  /// Writes what is not written yet, once. For the end.
  Task<> flush();

private:
  /// One patch; what it made is what is known from then on. The arguments have to live as long.
  Task<Result<>> send(const nlohmann::json& status, const nlohmann::json& patch);

  kube::Client& client_;
  std::string path_;
  nlohmann::json known_, wanted_;
  Options options_;
  Event soon_, any_;
};

} // namespace gitsync::report
