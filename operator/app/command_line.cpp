#include "app/command_line.h"

#include "app/flags.h"
#include "app/terminal.h"
#include "app/verbs.h"

#include <csignal>

namespace gitsync::app {
namespace {

struct Run {
  int operator()(const Usage& usage) const {
    usage.code == 0 ? print(usage.text) : print_note(usage.text);
    return usage.code;
  }
  int operator()(const GetOptions& options) const { return run_get(options); }
  int operator()(const ReconcileOptions& options) const { return run_reconcile(options); }
  int operator()(const SuspendOptions& options) const { return run_suspend(options); }
  int operator()(const ApproveOptions& options) const { return run_approve(options); }
  int operator()(const PauseOptions& options) const { return run_pause(options); }
  int operator()(const PlanOptions& options) const { return run_plan(options); }
  int operator()(const RenderOptions& options) const { return run_render(options); }
  int operator()(const ImportOptions& options) const { return run_import(options); }
  int operator()(const UninstallOptions& options) const { return run_uninstall(options); }
  int operator()(const VersionOptions& options) const { return run_version(options); }
  int operator()(const OperatorCommand& command) const {
    log::set_level(command.level);
    return run_operator(command.options);
  }
};

} // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN); // a peer or a reader that is gone is an error where it is written to, not a death
  const auto command = parse_arguments(program_name(argc > 0 ? argv[0] : ""), {argv + std::min(argc, 1), argv + argc});
  const int code = std::visit(Run{}, command);
  if (printed_all()) return code;
  print_error(fail(Code::InvalidArgument, "standard output: cannot be written to").error());
  return code == 0 ? 1 : code;
}

} // namespace gitsync::app
