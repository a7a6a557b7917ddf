#include "app/cluster.h"

#include "api/names.h"
#include "app/terminal.h"
#include "base/text.h"
#include "kube/config.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdlib>

namespace gitsync::app {
namespace {

constexpr int interrupted = 130; // as shells report SIGINT

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Result<std::unique_ptr<kube::Access>> connect(const ClusterFlags& flags) {
  const Surroundings surroundings{.kubeconfig_flag = flags.kubeconfig,
                                  .kubeconfig_list = variable("KUBECONFIG"),
                                  .home = variable("HOME"),
                                  .in_pod = !variable("KUBERNETES_SERVICE_HOST").empty(),
                                  .exists = [](const std::filesystem::path& path) {
                                    std::error_code error;
                                    return std::filesystem::exists(path, error);
                                  }};
  const auto file = find_kubeconfig(surroundings);
  if (!file) return std::unexpected(file.error());
  return *file ? kube::load_kubeconfig(**file, flags.context) : kube::in_cluster();
}

} // namespace

Result<std::optional<std::filesystem::path>> find_kubeconfig(const Surroundings& surroundings) {
  using Found = std::optional<std::filesystem::path>;
  if (!surroundings.kubeconfig_flag.empty()) return Found(surroundings.kubeconfig_flag);
  for (const auto part : split(surroundings.kubeconfig_list, ':'))
    if (!part.empty()) return Found(part);
  if (!surroundings.home.empty()) {
    auto usual = std::filesystem::path(surroundings.home) / ".kube" / "config";
    if (surroundings.exists(usual)) return Found(std::move(usual));
  }
  if (surroundings.in_pod) return Found();
  return fail(Code::InvalidArgument, "no kubeconfig: give --kubeconfig FILE, set KUBECONFIG, or put one at ~/.kube/config");
}

std::string Session::path(Kind kind, std::string_view name) const { return resource_of(kind).path(ns, name); }

int with_cluster(const ClusterFlags& flags, const std::string& ns, const std::function<Task<int>(Session&)>& verb) {
  log::set_level(log::Level::Warn);
  auto access = connect(flags);
  if (!access) {
    print_error(access.error());
    return 1;
  }
  asio::io_context context(1);
  http::Client http(context.get_executor());
  const std::string default_ns = (*access)->default_namespace();
  kube::Client client(http, std::move(*access), cat("gitsync/", GITSYNC_VERSION));
  Session session{client, ns.empty() ? default_ns : ns};

  asio::signal_set signals(context, SIGINT, SIGTERM);
  asio::cancellation_signal cancel;
  int code = 1;
  bool stopped = false;
  signals.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    stopped = true;
    cancel.emit(asio::cancellation_type::terminal);
  });
  asio::co_spawn(context, verb(session),
                 asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& thrown, int result) {
                   signals.cancel();
                   if (thrown && !stopped) std::rethrow_exception(thrown);
                   code = stopped ? interrupted : result;
                 }));
  try {
    context.run();
  } catch (const std::exception& error) { // a defect; nothing else may throw
    print_error(fail(Code::Internal, cat("gitsync: ", error.what())).error());
    return 1;
  }
  return code;
}

Error about(Kind kind, std::string_view ns, std::string_view name, Error error) {
  const auto object = name.empty() ? cat(resource_of(kind).text(), ns.empty() ? "" : " in ", ns) : object_text(kind, ns, name);
  // A missing object is quoted by its name; a missing kind is told without one.
  if (error.code == Code::ApiNotFound && error.message.find("\" not found") == std::string::npos)
    return fail(Code::ApiNotFound,
                cat(object, ": the API server does not know ", kind_text(kind), "s: install the CRDs of gitsync"))
        .error();
  if (error.code == Code::ApiNotFound)
    return fail(Code::ApiNotFound, cat(object, ": there is none of that name; \"gitsync get -A\" lists all")).error();
  return wrap(std::move(error), object).error();
}

} // namespace gitsync::app
