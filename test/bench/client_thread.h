// A client of the API server with a thread, connections and watches of its own, so that what one client of the bench does never
// waits behind another's work.
#pragma once
#include "kube/client.h"
#include "kube/config.h"
#include "runtime/task_group.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

namespace gitsync::bench {

class ClientThread {
public:
  ClientThread(const std::filesystem::path& kubeconfig, std::string agent);
  ~ClientThread(); // drops what is under way
  ClientThread(const ClientThread&) = delete;
  ClientThread& operator=(const ClientThread&) = delete;

  /// Runs a coroutine on this client's thread and waits for it; any thread but this client's own.
  template <class T> T call(Task<T> task) { return asio::co_spawn(io_, std::move(task), asio::use_future).get(); }

  // Blocking requests, for set-up and for reading. They throw with the server's words.
  nlohmann::json get(std::string path);
  nlohmann::json create(std::string path, nlohmann::json body);
  nlohmann::json merge(std::string path, nlohmann::json patch);
  void apply(std::string path, std::string body);
  /// DELETE of an object or of a whole collection; a missing one is fine.
  void remove(std::string path);
  /// A page that is no JSON, such as /metrics.
  std::string text(std::string path);

  /// This client's own thread only.
  kube::Client& kube() { return kube_; }
  asio::any_io_executor executor() { return io_.get_executor(); }
  /// Loops of this client; started and stopped on its thread.
  TaskGroup& group() { return *group_; }

private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<kube::Access> access_;
  http::Client http_{io_.get_executor()};
  kube::Client kube_;
  std::unique_ptr<TaskGroup> group_ = std::make_unique<TaskGroup>(io_.get_executor());
  std::thread thread_;
};

/// The value, or an exception with the error's text.
template <class T> T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

} // namespace gitsync::bench
