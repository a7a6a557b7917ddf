#include "bench/stand.h"

#include "api/names.h"
#include "base/text.h"
#include "support/eventually.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char** environ;

namespace gitsync::bench {
namespace {

constexpr const char* group = "gitops.volaticloud.com/v1alpha1";

std::string program(const char* variable) {
  const char* path = std::getenv(variable);
  if (!path || !std::filesystem::exists(path))
    throw std::runtime_error(cat(variable, " names no program: run `make deps` and `source scripts/env.sh` first"));
  return path;
}

std::filesystem::path checkout() {
  const char* root = std::getenv("GITSYNC_ROOT");
  return root ? root : GITSYNC_SOURCE_DIR;
}

std::string collection(const std::string& plural) { return cat("/apis/", group, "/namespaces/", Stand::control, "/", plural); }

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

/// As a shell runs it: posix_spawn, so that the size of this process costs nothing.
struct Ran {
  int code;
  double cpu;
};
Ran run(const std::vector<std::string>& argv, const std::filesystem::path& output) {
  std::vector<char*> arguments;
  for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(cat(argv[0], ": ", std::strerror(error)));
  int status = 0;
  rusage usage{};
  while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {}
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)};
}

} // namespace

void progress(const std::string& text) {
  static const auto began = std::chrono::steady_clock::now();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began).count();
  std::cerr << cat("bench ", seconds / 60, ":", seconds % 60 < 10 ? "0" : "", seconds % 60, "  ", text, "\n");
}

Stand::Stand(Scale how) : scale(how), repo(directory.path(), "bench") {
  progress("starting a local cluster");
  cluster_ = std::make_unique<test::Process>(
      test::Process::Options{.argv = {program("GITSYNC_LOCALCLUSTER"), "run", "--kwok=false"}, .hold_input = true});
  const json ready = json::parse(cluster_->read_line(150));
  kubeconfig_ = ready.at("kubeconfig").get<std::string>();
  server_ = std::make_unique<test::GitServer>(test::GitServer::Options{.root = directory.path()});
  intruder = std::make_unique<ClientThread>(kubeconfig_, "bench-intruder");
  for (const auto* kind : {"gitrepositories", "gitsyncs", "approvals", "pauses"})
    intruder->apply(cat("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/", kind, ".gitops.volaticloud.com"),
                    test::read_file(checkout() / "crds" / (std::string(kind) + ".yaml")));
  for (const auto* ns : {control, ours, floor_ns, quiet_ns, mono_ns, mono_floor_ns})
    intruder->create("/api/v1/namespaces", {{"metadata", {{"name", ns}}}});
  onlooker = std::make_unique<Onlooker>(kubeconfig_);
  for (const auto* ns : {ours, floor_ns})
    for (const auto& path : mixed_collections(ns)) onlooker->watch(path);
  onlooker->watch(cat("/apis/coordination.k8s.io/v1/namespaces/", control, "/leases"));
  bare = std::make_unique<BareClient>(kubeconfig_, make(mixed, floor_ns, scale.objects));
  start_operator();
  repo.write("README.md", "What the bench commits.\n").commit("begin");
  intruder->create(collection("gitrepositories"),
                   {{"apiVersion", group},
                    {"kind", "GitRepository"},
                    {"metadata", {{"name", "bench"}}},
                    {"spec", {{"url", repository_url()}, {"ref", {{"branch", "main"}}}, {"interval", "1h"}}}});
}

Stand::~Stand() {
  if (operator_) operator_->terminate();
  bare.reset();
  onlooker.reset();
  intruder.reset();
  if (cluster_) {
    cluster_->close_input();
    if (!cluster_->wait(30)) std::cerr << "bench: the cluster's supervisor did not end in time and is killed\n";
  }
}

void Stand::start_operator() {
  operator_ = std::make_unique<test::OperatorProcess>(
      test::OperatorProcess::Options{.kubeconfig = kubeconfig_,
                                     .mirrors = directory.path() / "mirrors",
                                     .log = directory.path() / "operator.log",
                                     .leader_elect = true,
                                     .more = {"--namespace", control, "--webhook-listen", "127.0.0.1:0"}});
  operator_->await_ready();
}

void Stand::restart_operator() {
  operator_->terminate();
  start_operator();
}

void Stand::declare(const std::string& name, const json& more) {
  json spec = {
      {"sourceRef", {{"name", "bench"}}}, {"path", "./" + name}, {"interval", "24h"}, {"prune", {{"maxDeletePercent", 100}}}};
  spec.merge_patch(more);
  intruder->create(collection("gitsyncs"),
                   {{"apiVersion", group}, {"kind", "GitSync"}, {"metadata", {{"name", name}}}, {"spec", spec}});
}

void Stand::merge_spec(const std::string& name, const json& spec) {
  intruder->merge(collection("gitsyncs") + "/" + name, {{"spec", spec}});
}

void Stand::await_healthy(const std::string& name) {
  test::eventually(
      "GitSync " + name + " is healthy",
      [&] {
        const auto status = intruder->get(collection("gitsyncs") + "/" + name).value("status", json::object());
        return status.contains("lastHealthyRevision") && status.value("health", "") == "Healthy";
      },
      std::chrono::seconds(60));
}

void Stand::ask_for_poll() {
  intruder->merge(
      collection("gitrepositories") + "/bench",
      {{"metadata",
        {{"annotations", {{std::string(api::requested_at_annotation), rfc3339_micro(std::chrono::system_clock::now())}}}}}});
}

void Stand::poll(const std::string& commit) {
  ask_for_poll();
  test::eventually(
      "the source has commit " + commit,
      [&] {
        const auto source = intruder->get(collection("gitrepositories") + "/bench");
        return source.value("status", json::object()).value("revision", "").find(commit) != std::string::npos;
      },
      std::chrono::seconds(60));
}

void Stand::retract(const std::string& name) {
  intruder->remove(collection("gitsyncs") + "/" + name);
  test::eventually(
      "GitSync " + name + " and its objects are deleted",
      [&] {
        const json items = intruder->get(collection("gitsyncs")).at("items");
        return std::ranges::none_of(items, [&](const json& item) { return item.at("metadata").at("name") == name; });
      },
      std::chrono::seconds(120));
}

void Stand::set_poll_interval(const std::string& interval) {
  intruder->merge(collection("gitrepositories") + "/bench", {{"spec", {{"interval", interval}}}});
}

void Stand::write(const std::string& name, const std::vector<Object>& objects) {
  std::filesystem::remove_all(repo.work() / name);
  // A revision without any object would be refused, since it would prune everything.
  auto anchor = mixed(quiet_ns, 0);
  anchor.manifest["metadata"]["name"] = "anchor-" + name;
  repo.write(name + "/anchor.yaml", to_yaml(anchor.manifest));
  for (const auto& object : objects) repo.write(name + "/" + object.file(), to_yaml(object.manifest));
}

std::string Stand::commit(const std::string& message) { return repo.commit(message); }

Push Stand::reconcile(const std::string& name, std::string commit) {
  const auto output = directory.path() / "reconcile.txt";
  const std::vector<std::string> argv{test::operator_binary(), "reconcile", name,        "-n",  control,
                                      "--kubeconfig",          kubeconfig_, "--timeout", "120s"};
  Push push{.commit = std::move(commit), .started = std::chrono::steady_clock::now()};
  const auto ran = run(argv, output);
  push.command = milliseconds_between(push.started, std::chrono::steady_clock::now());
  push.command_cpu = ran.cpu;
  if (ran.code != 0)
    throw std::runtime_error(cat("gitsync reconcile ", name, " ended with ", ran.code, ":\n", test::read_file(output)));
  const auto source = intruder->get(collection("gitrepositories") + "/bench");
  const auto& status = source.at("status");
  if (status.value("revision", "").find(push.commit) == std::string::npos)
    throw std::runtime_error(
        cat("GitRepository bench: tells ", status.value("revision", ""), " after the reconcile, not ", push.commit));
  push.fetch = status.at("lastFetch").at("milliseconds").get<double>();
  push.requested =
      parse_rfc3339(source.at("metadata").at("annotations").at(std::string(api::requested_at_annotation)).get<std::string>())
          .value();
  return push;
}

void Stand::settle_down() {
  // Every list tells etcd's revision: it grows by one with each write, of whatever.
  const auto revision = [&] {
    return std::stoull(
        intruder->get("/api/v1/namespaces/default/configmaps?limit=1").at("metadata").at("resourceVersion").get<std::string>());
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  auto last = revision();
  for (int quiet = 0; quiet < 2 && std::chrono::steady_clock::now() < deadline;) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const auto next = revision();
    quiet = next - last <= 3 ? quiet + 1 : 0; // Leases are renewed
    last = next;
  }
}

void Stand::clear_floor() {
  // Services may not be deleted as a collection by every API server, so by name.
  for (const auto& object : make(mixed, floor_ns, scale.objects)) intruder->remove(object.path());
}

void Stand::each_request_line(const std::function<void(std::string_view line, double value)>& told) {
  constexpr std::string_view begin = "\napiserver_request_total{";
  const auto page = intruder->text("/metrics");
  for (size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at + 1)) {
    const std::string_view line = std::string_view(page).substr(at + 1, page.find('\n', at + 1) - at - 1);
    told(line, std::strtod(line.data() + line.rfind(' '), nullptr));
  }
}

double Stand::server_requests(const std::vector<std::vector<std::string>>& any_of) {
  double sum = 0;
  each_request_line([&](std::string_view line, double value) {
    const auto has_all = [&](const std::vector<std::string>& all) {
      return std::ranges::all_of(all, [&](const std::string& text) { return line.find(text) != std::string_view::npos; });
    };
    if (std::ranges::any_of(any_of, has_all)) sum += value;
  });
  return sum;
}

std::map<std::string, double> Stand::server_writes() {
  std::map<std::string, double> out;
  each_request_line([&](std::string_view line, double value) {
    const auto label = [&](std::string_view name) {
      const size_t at = line.find(cat(name, "=\""));
      if (at == std::string_view::npos) return std::string_view();
      const size_t from = at + name.size() + 2;
      return line.substr(from, line.find('"', from) - from);
    };
    const auto verb = label("verb");
    if (verb == "GET" || verb == "LIST" || verb == "WATCH" || verb == "CONNECT") return;
    const auto subresource = label("subresource");
    out[cat(verb, " ", label("resource"), subresource.empty() ? "" : "/", subresource)] += value;
  });
  return out;
}

double Stand::operator_requests(const std::vector<std::string>& verbs) {
  if (verbs.empty()) return op().metric("gitsync_api_requests_total");
  double sum = 0;
  for (const auto& verb : verbs) sum += op().metric("gitsync_api_requests_total", {cat("verb=\"", verb, "\"")});
  return sum;
}

} // namespace gitsync::bench
