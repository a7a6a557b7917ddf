// The verbs of the command line, each in its file verb_<name>.cpp. All return the exit code and print what they have to say.
#pragma once
#include "app/flags.h"

namespace gitsync::app {

int run_get(const GetOptions& options);
int run_reconcile(const ReconcileOptions& options);
/// Also `resume`.
int run_suspend(const SuspendOptions& options);
int run_approve(const ApproveOptions& options);
int run_pause(const PauseOptions& options);
int run_plan(const PlanOptions& options);
int run_render(const RenderOptions& options);
int run_import(const ImportOptions& options);
int run_uninstall(const UninstallOptions& options);
int run_version(const VersionOptions& options);

} // namespace gitsync::app
