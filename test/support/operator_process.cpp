#include "support/operator_process.h"

#include "support/eventually.h"
#include "support/text.h"

#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

namespace gitsync::test {
namespace {

size_t size_of(const std::filesystem::path& file) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(file, missing);
  return missing ? 0 : static_cast<size_t>(size);
}

Process::Options process_options(const OperatorProcess::Options& options) {
  Process::Options out{.argv = {options.binary.empty() ? operator_binary() : options.binary, "operator", "--kubeconfig",
                                options.kubeconfig, "--mirrors", options.mirrors, "--listen", "127.0.0.1:0",
                                "--allow-file-urls", options.leader_elect ? "--leader-elect=true" : "--leader-elect=false"},
                       .output = options.log,
                       .errors = options.log};
  out.argv.insert(out.argv.end(), options.more.begin(), options.more.end());
  return out;
}

} // namespace

std::filesystem::path operator_binary() {
  if (const char* named = std::getenv("GITSYNC_BINARY")) return named;
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return std::filesystem::exists(here / "gitsync") ? here / "gitsync" : here.parent_path() / "gitsync";
}

OperatorProcess::OperatorProcess(Options options)
    : options_(std::move(options)), log_begin_(size_of(options_.log)), process_(process_options(options_)) {}

std::string OperatorProcess::log() const { return read_file(options_.log).substr(log_begin_); }

const std::string& OperatorProcess::address() { return await_address("listening", address_); }
const std::string& OperatorProcess::webhook_address() { return await_address("listening for webhooks", webhook_address_); }

const std::string& OperatorProcess::await_address(const std::string& message, std::string& into) {
  if (!into.empty()) return into;
  eventually("the operator says where it listens", [&] {
    if (!running()) throw std::runtime_error("the operator ended at its start; it said:\n" + log());
    for (const auto& line : lines_of(log())) {
      const auto entry = nlohmann::json::parse(line, nullptr, false);
      if (entry.is_object() && entry.value("msg", "") == message) into = entry.value("address", "");
    }
    return !into.empty();
  });
  return into;
}

HttpReply OperatorProcess::get(const std::string& path) { return http_.request("GET", "http://" + address() + path); }

void OperatorProcess::await_listening() {
  eventually("the operator's /healthz answers 200", [&] { return get("/healthz").status == 200; });
}

void OperatorProcess::await_ready() {
  eventually("the operator's /readyz answers 200", [&]() -> std::string {
    if (!running()) throw std::runtime_error("the operator ended; it said:\n" + log());
    const auto reply = get("/readyz");
    return reply.status == 200 ? "" : std::to_string(reply.status) + " " + reply.body;
  });
}

int OperatorProcess::terminate() {
  process_.signal(SIGTERM);
  const auto code = process_.wait(static_cast<int>(patience().count()));
  if (!code) process_.kill();
  return code.value_or(-1);
}

double OperatorProcess::metric(const std::string& name, const std::vector<std::string>& labels) {
  const auto reply = get("/metrics");
  if (reply.status != 200) throw std::runtime_error("the operator's /metrics answers " + std::to_string(reply.status));
  double sum = 0;
  for (const auto& line : lines_of(reply.body)) {
    if (!line.starts_with(name) || line.size() == name.size() || (line[name.size()] != '{' && line[name.size()] != ' '))
      continue;
    bool all = true;
    for (const auto& label : labels) all = all && line.find(label) != std::string::npos;
    if (all) sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
  }
  return sum;
}

} // namespace gitsync::test
