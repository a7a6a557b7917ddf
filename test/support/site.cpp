#include "support/site.h"

#include "support/catch.h"
#include "support/eventually.h"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <unistd.h>

namespace gitsync::test {
namespace {

constexpr const char* group_version = "gitops.volaticloud.com/v1alpha1";
constexpr const char* requested_at = "reconcile.gitops.volaticloud.com/requestedAt";

/// Distinct within a run; a cluster lives for one run.
std::string fresh(const std::string& name) {
  static unsigned count = 0;
  return name + "-" + std::to_string(++count);
}

std::string last_lines(const std::string& text, size_t count) {
  const auto lines = lines_of(text);
  std::string out;
  for (size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i) out += lines[i] + "\n";
  return out;
}

} // namespace

Site::Site(const std::string& name)
    : cluster(Cluster::get()), api(cluster.api()), ns(fresh(name)), directory("site"), repo(directory.path(), "repository"),
      audit(cluster.audit_log(), api), exceptions_(std::uncaught_exceptions()) {
  api.create("/api/v1/namespaces", {{"metadata", {{"name", ns}}}});
}

Site::~Site() {
  const bool failing = std::uncaught_exceptions() > exceptions_;
  try {
    if (failing || std::getenv("GITSYNC_TEST_VERBOSE")) {
      std::cerr << "--- " << ns << ": the GitSyncs, the GitRepositories, and the operator's last words\n";
      for (const auto& path : {git_sync(ns), git_repository(ns)})
        for (const auto& item : api.list(path))
          std::cerr << item["metadata"]["name"] << ": " << item.value("status", json()).dump(1) << "\n";
      std::cerr << last_lines(log(), 40) << "---\n";
    }
    if (!failing && operator_ && operator_->running()) stop();
    operator_.reset();
    for (const auto& path : {git_sync(ns), git_repository(ns)}) {
      for (const auto& item : api.list(path))
        if (item["metadata"].contains("finalizers"))
          api.merge(path + "/" + item["metadata"]["name"].get<std::string>(), {{"metadata", {{"finalizers", nullptr}}}});
      api.remove(path);
    }
    for (const auto& path : leftovers_) api.remove(path);
    api.remove("/api/v1/namespaces/" + ns);
  } catch (const std::exception& problem) { std::cerr << ns << ": cannot be cleaned up: " << problem.what() << "\n"; }
}

OperatorProcess::Options Site::options(bool leader_elect, const std::string& mirrors) {
  const std::string number = std::to_string(++operators_);
  const auto kubeconfig = directory.path() / ("kubeconfig-" + number);
  return {.kubeconfig = kubeconfig,
          .mirrors = directory.path() / mirrors,
          .log = log_file(),
          .user = cluster.write_kubeconfig(kubeconfig, ns),
          .leader_elect = leader_elect,
          .more = flags,
          .binary = binary};
}

OperatorProcess& Site::start(bool leader_elect, const std::string& mirrors) {
  operator_ = std::make_unique<OperatorProcess>(options(leader_elect, mirrors));
  operator_->await_listening();
  return *operator_;
}

std::unique_ptr<OperatorProcess> Site::another(bool leader_elect) {
  auto made = options(leader_elect, "mirrors-" + std::to_string(operators_ + 1));
  made.log = directory.path() / ("operator-" + std::to_string(operators_) + ".log");
  auto process = std::make_unique<OperatorProcess>(std::move(made));
  process->await_listening();
  return process;
}

void Site::stop() {
  const int code = operator_->terminate();
  const std::string said = operator_->log();
  if (code != 0) UNSCOPED_INFO(last_lines(said, 60));
  CHECK(code == 0);
  CHECK(said.find("GS001") == std::string::npos); // a defect of the operator's own
  CHECK(said.find("Sanitizer") == std::string::npos);
}

void Site::add_source(const std::string& name, const json& more) {
  json spec{{"url", repo.url()}, {"ref", {{"branch", "main"}}}, {"interval", "1s"}, {"timeout", "10s"}};
  spec.merge_patch(more);
  api.create(git_repository(ns), {{"apiVersion", group_version},
                                  {"kind", "GitRepository"},
                                  {"metadata", {{"name", name}, {"namespace", ns}}},
                                  {"spec", spec}});
}

void Site::add_sync(const std::string& name, const json& more) {
  json spec{{"sourceRef", {{"name", "source"}}}, {"path", "./app"}, {"targetNamespace", ns}};
  spec.merge_patch(more);
  api.create(
      git_sync(ns),
      {{"apiVersion", group_version}, {"kind", "GitSync"}, {"metadata", {{"name", name}, {"namespace", ns}}}, {"spec", spec}});
}

std::string Site::begin(const json& sync_spec) {
  const std::string commit = repo.commit("the first");
  add_source();
  add_sync("app", sync_spec);
  start();
  await_applied(commit);
  return commit;
}

void Site::consent(const std::string& name) {
  std::string digest;
  eventually("a plan of " + name + " waits for an Approval", [&] {
    digest = text_at(sync(name), "/status/planDigest");
    return !digest.empty();
  });
  api.create(path_of("gitops.volaticloud.com/v1alpha1", "approvals", ns),
             {{"apiVersion", "gitops.volaticloud.com/v1alpha1"},
              {"kind", "Approval"},
              {"metadata", {{"generateName", name + "-"}}},
              {"spec", {{"syncRef", {{"name", name}}}, {"planDigest", digest}}}});
}

void Site::request(const std::string& path) {
  static unsigned count = 0;
  api.merge(path, {{"metadata", {{"annotations", {{requested_at, "request-" + std::to_string(++count)}}}}}}, "tester");
}

std::string Site::push(const std::string& sync) {
  const std::string commit = repo.commit();
  request_poll();
  await_applied(commit, sync);
  return commit;
}

json Site::push_refused(const std::string& sync_name) {
  const std::string commit = repo.commit();
  request_poll();
  await_refused(commit, sync_name);
  return sync(sync_name);
}

void Site::await_applied(const std::string& commit, const std::string& name) {
  eventually("GitSync " + name + " has applied " + commit, [&]() -> std::string {
    if (operator_ && !operator_->running()) throw std::runtime_error("the operator ended");
    const json object = sync(name);
    const bool done = text_at(object, "/status/lastAppliedRevision").ends_with(commit) &&
                      condition_status(object, "Ready") == "True" &&
                      object["status"].value("observedGeneration", 0) == object["metadata"]["generation"];
    return done ? "" : object.value("status", json()).dump();
  });
}

void Site::await_refused(const std::string& commit, const std::string& name) {
  eventually("GitSync " + name + " has refused " + commit, [&]() -> std::string {
    if (operator_ && !operator_->running()) throw std::runtime_error("the operator ended");
    const json object = sync(name);
    const bool done =
        text_at(object, "/status/lastAttemptedRevision").ends_with(commit) && condition_status(object, "Ready") == "False";
    return done ? "" : object.value("status", json()).dump();
  });
}

json Site::await_condition(const std::string& path, const std::string& type, const std::string& status,
                           const std::string& reason) {
  json object;
  eventually(path + " has " + type + "=" + status + " " + reason, [&]() -> std::string {
    object = api.get(path);
    const json condition = condition_of(object, type);
    const bool done = !condition.is_null() && condition.value("status", "") == status &&
                      (reason.empty() || condition.value("reason", "") == reason);
    return done ? "" : object.value("status", json()).dump();
  });
  return object;
}

json Site::await_message(const std::string& part, const std::string& name) {
  json object;
  eventually("the message of Ready tells: " + part, [&]() -> std::string {
    object = sync(name);
    const auto message = ready_message(object);
    return message.find(part) != std::string::npos ? "" : "it is: " + message;
  });
  return object;
}

std::string Site::await_pod() {
  const auto pods = path_of("v1", "pods", ns);
  std::string name;
  eventually("there is a pod", [&] {
    const auto items = api.list(pods);
    if (!items.empty()) name = text_at(items[0], "/metadata/name");
    return !name.empty();
  });
  return pods + "/" + name;
}

void Site::run_pod(const std::string& path) {
  const json ready = {{"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", "2026-01-01T00:00:00Z"}};
  api.request("PATCH", path + "/status", {{"status", {{"phase", "Running"}, {"conditions", json::array({ready})}}}},
              "application/merge-patch+json");
}

void Site::await_gone(const std::string& path) {
  eventually(path + " is gone", [&] { return !api.exists(path); });
}

json Site::await_exists(const std::string& path) {
  json object;
  eventually(path + " exists", [&] {
    auto found = api.find(path);
    if (!found || found->at("metadata").contains("deletionTimestamp")) return false;
    object = std::move(*found);
    return true;
  });
  return object;
}

void Site::fence(const std::string& path) {
  const std::string before = text_at(api.get(path), "/metadata/uid");
  api.remove(path);
  eventually(path + " is made anew", [&] {
    const auto found = api.find(path);
    return found && text_at(*found, "/metadata/uid") != before;
  });
}

std::vector<std::string> Site::events_about(const std::string& name) {
  std::vector<std::string> out;
  for (const auto& event : api.list(path_of("events.k8s.io/v1", "events", ns)))
    if (event["regarding"].value("name", "") == name) out.push_back(event.value("reason", "") + ": " + event.value("note", ""));
  return out;
}

void Site::await_event(const std::string& name, const std::string& reason, const std::string& part) {
  eventually("an Event " + reason + " about " + name + " with \"" + part + "\"", [&]() -> std::string {
    std::string seen;
    for (const auto& event : events_about(name)) {
      if (event.starts_with(reason + ": ") && event.find(part) != std::string::npos) return "";
      seen += event + "; ";
    }
    return "there are: " + seen;
  });
}

void Site::await_failure_event(const std::string& name, const std::string& part) {
  eventually("an Event Failed or Stalled about " + name + " with \"" + part + "\"", [&]() -> std::string {
    std::string seen;
    for (const auto& event : events_about(name)) {
      if ((event.starts_with("Failed: ") || event.starts_with("Stalled: ")) && event.find(part) != std::string::npos) return "";
      seen += event + "; ";
    }
    return "there are: " + seen;
  });
}

bool any_holds(const std::vector<std::string>& texts, const std::string& part) {
  for (const auto& text : texts)
    if (text.find(part) != std::string::npos) return true;
  return false;
}

std::string ready_message(const json& object) {
  const json condition = condition_of(object, "Ready");
  return condition.is_null() ? "" : condition.value("message", "");
}

} // namespace gitsync::test
