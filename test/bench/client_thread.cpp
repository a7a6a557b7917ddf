#include "bench/client_thread.h"

namespace gitsync::bench {
namespace {

std::unique_ptr<kube::Access> access_of(const std::filesystem::path& kubeconfig) {
  return must(kube::load_kubeconfig(kubeconfig));
}

Task<> stop(TaskGroup& group) {
  group.stop();
  co_await group.wait();
}

} // namespace

ClientThread::ClientThread(const std::filesystem::path& kubeconfig, std::string agent)
    : access_(access_of(kubeconfig)), kube_(http_, access_of(kubeconfig), std::move(agent)), thread_([this] { io_.run(); }) {}

ClientThread::~ClientThread() {
  call(stop(*group_));
  work_.reset();
  io_.stop();
  thread_.join();
}

nlohmann::json ClientThread::get(std::string path) { return must(call(kube_.get(std::move(path)))); }

nlohmann::json ClientThread::create(std::string path, nlohmann::json body) {
  return must(call([](kube::Client& client, std::string where, nlohmann::json what) -> Task<Result<nlohmann::json>> {
    co_return co_await client.create(std::move(where), what);
  }(kube_, std::move(path), std::move(body))));
}

nlohmann::json ClientThread::merge(std::string path, nlohmann::json patch) {
  return must(call(kube_.patch(std::move(path), kube::PatchType::Merge, patch.dump(), "fieldManager=bench")));
}

void ClientThread::apply(std::string path, std::string body) {
  must(call(kube_.patch_raw(std::move(path), kube::PatchType::Apply, std::move(body), "fieldManager=bench&force=true")));
}

void ClientThread::remove(std::string path) {
  const auto done = call(kube_.remove(std::move(path)));
  if (!done && done.error().code != Code::ApiNotFound) throw std::runtime_error(done.error().text());
}

std::string ClientThread::text(std::string path) {
  const auto connection = access_->current(std::chrono::steady_clock::now());
  http::Request request;
  request.url = connection.server + path;
  request.authorization = connection.authorization;
  request.tls = connection.tls;
  auto answer = must(call(http_.send(std::move(request))));
  if (answer.status != 200) throw std::runtime_error("GET " + path + " answers " + std::to_string(answer.status));
  return std::move(answer.body);
}

} // namespace gitsync::bench
