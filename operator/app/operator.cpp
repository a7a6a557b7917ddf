#include "app/operator.h"

#include "api/names.h"
#include "app/finalizers.h"
#include "base/hash.h"
#include "base/json_read.h"
#include "base/log.h"
#include "base/text.h"
#include "git/client.h"
#include "kube/discovery.h"
#include "kube/leader.h"
#include "reconcile/controller.h"
#include "registry/client.h"
#include "render/client.h"
#include "runtime/memory.h"
#include "server/probes.h"
#include "webhook/receiver.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>
#include <malloc.h>
#include <unistd.h>

namespace gitsync::app {
namespace {

using nlohmann::json;
constexpr std::string_view lease_name = "gitsync-operator";

/// The workers' programs lie beside this one.
constexpr std::string_view git_worker = "gitsync-git-worker", render_worker = "gitsync-render-worker";
std::filesystem::path beside(std::string_view program) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / program;
}

/// All parts, in the order in which they start; they stop the other way round.
class Operator {
public:
  Operator(asio::io_context& io, const OperatorOptions& options, std::unique_ptr<kube::Access> access)
      : io_(io), options_(options), executor_(io.get_executor()), metrics_(GITSYNC_VERSION), http_(executor_),
        kube_(http_, std::move(access), cat("gitsync/", GITSYNC_VERSION)), discovery_(kube_, executor_),
        git_(executor_, {.mirrors = options.mirrors, .executable = beside(git_worker)}),
        render_(executor_,
                {.executable = beside(render_worker),
                 .on_lost =
                     [this](Code code) {
                       metrics_.worker_killed(code == Code::Timeout ? report::WorkerEnd::Deadline : report::WorkerEnd::Crash);
                     }}),
        registry_(http_, executor_,
                  {.plain_http = {options.plain_http_registries.begin(), options.plain_http_registries.end()}}),
        events_(executor_, {.instance = report::host_name()},
                [this](report::EventWrite write) { return send_event(std::move(write)); }),
        server_(executor_), webhook_server_(executor_, webhook::Receiver::limits()),
        webhooks_(kube_, metrics_,
                  [this](std::string ns, std::string name) { return find_webhook(std::move(ns), std::move(name)); }),
        group_(executor_), signals_(io, SIGINT, SIGTERM), ended_(executor_) {
    kube_.observe([this](std::string_view verb, int status, double seconds) {
      metrics_.api_request(verb, status, seconds);
      if (verb != "update") ++work_; // the Lease's renewal is none
    });
    metrics_.before_scrape([this] { metrics_.set_worker_resident(git_.resident() + render_.resident()); });
    probes_.add_ready("apiserver", [this]() -> Result<> {
      if (discovery_.map().size() == 0) return fail(Code::ApiUnreachable, "the API server was not reached yet");
      return {};
    });
    probes_.add_ready("watches", [this]() -> Result<> {
      // A replica that waits for the lease is ready: it has nothing else to do.
      if (controller_ && !controller_->synced())
        return fail(Code::ApiUnreachable, "GitRepositories and GitSyncs are not listed yet");
      return {};
    });
    probes_.install(server_, metrics_);
    webhooks_.install(webhook_server_);
  }

  int run() {
    for (const auto program : {git_worker, render_worker}) {
      const auto worker = beside(program);
      if (access(worker.c_str(), X_OK) == 0) continue;
      std::cerr << fail(Code::InvalidArgument,
                        cat(worker.string(), ": is not there or not executable; install it beside gitsync"))
                       .error()
                       .text()
                << "\n";
      return 1;
    }
    if (auto listening = server_.listen(options_.listen); !listening) {
      std::cerr << listening.error().text() << "\n";
      return 1;
    }
    log::info("listening", {{"address", cat("127.0.0.1:", server_.port())}});
    if (!options_.webhook_listen.empty()) {
      if (auto listening = webhook_server_.listen(options_.webhook_listen); !listening) {
        std::cerr << listening.error().text() << "\n";
        return 1;
      }
      log::info("listening for webhooks", {{"address", cat("127.0.0.1:", webhook_server_.port())}});
    }
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      log::info("stopping", {{"signal", signal}});
      end(0);
    });
    group_.spawn("http server", server_.serve());
    if (!options_.webhook_listen.empty()) group_.spawn("webhooks", webhook_server_.serve());
    group_.spawn("events", events_.run());
    group_.spawn("trim", trim());
    group_.spawn("start", start());
    asio::co_spawn(io_, shutdown(), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    io_.run();
    return exit_code_;
  }

private:
  Task<Result<>> send_event(report::EventWrite write) {
    const std::string path = cat("/apis/events.k8s.io/v1/namespaces/", write.ns, "/events");
    if (!may_write()) co_return fail(Code::Cancelled, "the lease is no longer ours");
    auto sent = write.kind == report::EventWrite::Kind::Create
                    ? co_await kube_.create(path, write.body)
                    : co_await kube_.patch(cat(path, "/", write.name), kube::PatchType::Merge, write.body.dump());
    if (!sent) co_return std::unexpected(std::move(sent.error()));
    co_return Result<>{};
  }

  bool may_write() const { return !leader_ || leader_->valid(); }

  /// Gives back to the system what a burst of work has left free on the heap, once it is over.
  Task<> trim() {
    for (uint64_t trimmed = 0, before = 0;; before = work_) {
      co_await sleep_for(std::chrono::seconds(2));
      if (work_ != before || work_ == trimmed) continue;
      give_back_memory();
      trimmed = work_;
    }
  }

  /// A replica that works looks into its memory, and pokes the repository; one that waits for the Lease asks the API server,
  /// and passes the word on by the annotation that people use, too.
  Task<Result<std::optional<webhook::Target>>> find_webhook(std::string ns, std::string name) {
    if (controller_ && controller_->synced()) {
      const auto key = cat(ns, "/", name);
      const auto repository = controller_->repository(key);
      const auto spec = repository ? repository->webhook() : std::nullopt;
      if (!spec) co_return std::nullopt;
      co_return webhook::Target{*spec, [this, key]() -> Task<Result<>> {
                                  if (const auto found = controller_->repository(key)) found->poke();
                                  co_return Result<>{};
                                }};
    }
    const auto path = cat("/apis/", api::api_group_version, "/namespaces/", ns, "/", api::git_repository_plural, "/", name);
    const auto object = co_await kube_.get(path);
    if (!object && object.error().code == Code::ApiNotFound) co_return std::nullopt;
    if (!object) co_return std::unexpected(object.error());
    const auto repository = api::parse_git_repository(*object);
    if (!repository || !repository->spec.webhook) co_return std::nullopt;
    co_return webhook::Target{*repository->spec.webhook, [this, path] { return request_poll(path); }};
  }

  Task<Result<>> request_poll(std::string path) {
    const json patch = {
        {"metadata",
         {{"annotations", {{std::string(api::requested_at_annotation), rfc3339_micro(std::chrono::system_clock::now())}}}}}};
    const auto done = co_await kube_.patch(path, kube::PatchType::Merge, patch.dump(), "fieldManager=gitsync-webhook");
    if (!done) co_return std::unexpected(done.error());
    co_return Result<>{};
  }

  /// Reaches the API server however long it takes, then campaigns or begins at once.
  Task<> start() {
    for (auto pause = std::chrono::milliseconds(200);; pause = std::min(pause * 2, std::chrono::milliseconds(15'000))) {
      auto found = co_await discovery_.refresh();
      if (found && crds_served()) break;
      log::warn("waiting for the API server",
                {{"reason",
                  found ? "the CustomResourceDefinitions of gitops.volaticloud.com are not installed" : found.error().text()}});
      co_await sleep_for(pause);
    }
    if (!options_.leader_elect) {
      begin();
      co_return;
    }
    const std::string ns = options_.lease_namespace.empty() ? kube_.access().default_namespace() : options_.lease_namespace;
    leader_ =
        std::make_unique<kube::Leader>(kube_, ns, std::string(lease_name), cat(report::host_name(), "_", hex(random_bytes(4))),
                                       [this](bool leads, std::string_view reason) {
                                         metrics_.set_leader(leads);
                                         if (leads) {
                                           begin();
                                         } else {
                                           log::error("leadership lost", {{"reason", reason}});
                                           end(1);
                                         }
                                       });
    group_.spawn("leader election", leader_->run());
  }

  bool crds_served() const {
    const std::string group(api::api_group), version(api::api_version);
    return discovery_.map().find(group, version, std::string(api::git_repository_kind)) &&
           discovery_.map().find(group, version, std::string(api::git_sync_kind));
  }

  void begin() {
    if (!leader_) metrics_.set_leader(true);
    log::info("leading", {{"version", GITSYNC_VERSION}});
    controller_ = std::make_unique<reconcile::Controller>(reconcile::Controller::Options{
        kube_,
        discovery_,
        git_,
        render_,
        registry_,
        {metrics_, events_},
        executor_,
        [this] { return may_write(); },
        options_.allow_file_urls,
        {options_.lease_namespace.empty() ? kube_.access().default_namespace() : options_.lease_namespace},
        options_.tenancy});
    controller_->start();
  }

  void end(int code) {
    if (ended_.is_set()) return;
    exit_code_ = code;
    ended_.set();
  }

  /// Where the operator's own namespace is being deleted nobody will be there to finalize its GitSyncs: Kubernetes takes the
  /// pods first. Their finalizers go, and what they manage stays.
  Task<> let_go() {
    const auto home = options_.lease_namespace.empty() ? kube_.access().default_namespace() : options_.lease_namespace;
    const auto found = co_await kube_.get(cat("/api/v1/namespaces/", url_encode(home)));
    if (!found || read_text(read_member(*found, "metadata"), "deletionTimestamp").empty()) co_return;
    const auto released = co_await drop_finalizers(kube_, home);
    if (released)
      log::info("uninstalled with its namespace, what is managed stays", {{"gitsyncs", *released}});
    else
      log::error("GitSyncs of a namespace that is being deleted keep their finalizers",
                 {{"namespace", home}, {"error", released.error().text()}});
  }

  /// Writers first, then the lease, so that no write of ours comes after somebody else's first.
  Task<> shutdown() {
    co_await ended_.wait();
    if (controller_) {
      controller_->stop();
      co_await controller_->wait();
    }
    if (controller_ && exit_code_ == 0 && may_write()) co_await let_go();
    render_.stop();
    co_await render_.wait();
    group_.stop();
    co_await group_.wait();
    if (leader_ && leader_->is_leader()) co_await leader_->release();
    signals_.cancel();
    io_.stop();
  }

  asio::io_context& io_;
  OperatorOptions options_;
  asio::any_io_executor executor_;
  report::Metrics metrics_;
  http::Client http_;
  kube::Client kube_;
  kube::Discovery discovery_;
  git::Client git_;
  render::Client render_;
  registry::Client registry_;
  report::EventRecorder events_;
  server::HttpServer server_, webhook_server_;
  webhook::Receiver webhooks_;
  server::Probes probes_;
  TaskGroup group_;
  asio::signal_set signals_;
  Event ended_;
  std::unique_ptr<kube::Leader> leader_;
  std::unique_ptr<reconcile::Controller> controller_;
  int exit_code_ = 0;
  uint64_t work_ = 0; // requests so far
};

} // namespace

int run_operator(const OperatorOptions& options) {
  mallopt(M_ARENA_MAX, 1);              // one thread does the work; more arenas would only hold memory
  mallopt(M_MMAP_THRESHOLD, 128 << 10); // fixed: large blocks go back to the system at once
  auto access = options.kubeconfig.empty() ? kube::in_cluster() : kube::load_kubeconfig(options.kubeconfig, options.context);
  if (!access) {
    std::cerr << access.error().text() << "\n";
    return 1;
  }
  asio::io_context io(1);
  Operator operator_process(io, options, std::move(*access));
  return operator_process.run();
}

} // namespace gitsync::app
