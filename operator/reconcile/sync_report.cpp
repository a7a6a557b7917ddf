// What people and machines are told.
#include "api/names.h"
#include "base/log.h"
#include "base/text.h"
#include "reconcile/sync.h"

namespace gitsync::reconcile {
namespace {
constexpr std::chrono::milliseconds first_retry{1'000}, longest_retry{300'000};

report::DriftOperation metric_of(std::string_view operation) {
  return operation == api::operation::modified || operation == api::operation::extended ? report::DriftOperation::Changed
                                                                                        : report::DriftOperation::Removed;
}
} // namespace

report::EventSubject Sync::subject() const {
  return {std::string(api::api_group_version), std::string(api::git_sync_kind), meta_.ns, meta_.name, meta_.uid};
}

void Sync::event(report::EventReason reason, std::string_view note) {
  context_.reporter.events.record(subject(), reason, note);
}

void Sync::publish(report::Urgency urgency) {
  status_.observed_generation = meta_.generation;
  if (!handled_request_.empty()) status_.last_handled_reconcile_at = handled_request_;
  status_.objects = static_cast<int64_t>(desired_.objects());
  status_.drift = static_cast<int64_t>(context_.drift.count_drifted(*facts_));
  collect_differences();
  auto& metrics = context_.reporter.metrics;
  const auto* ready = api::find_condition(status_.conditions, api::ready_condition);
  metrics.set_ready(api::git_sync_kind, meta_.ns, meta_.name, ready && ready->status == api::Truth::True);
  metrics.set_sync_info(meta_.ns, meta_.name, status_.last_applied_revision, ready ? api::truth_text(ready->status) : "Unknown",
                        facts_->suspended);
  metrics.set_objects(meta_.ns, meta_.name, desired_.objects());
  metrics.set_waiting_images(meta_.ns, meta_.name, image_watch_.waiting());
  metrics.set_approval_pending(meta_.ns, meta_.name, status_.plan_since);
  metrics.set_drifted_objects(meta_.ns, meta_.name, static_cast<size_t>(status_.drift));
  writer_.set(api::status_to_json(status_), urgency);
}

/// What differs and is let be, for status and metrics.
void Sync::collect_differences() {
  std::vector<DriftEngine::Difference> all;
  if (facts_->drift == api::DriftMode::Report) all = context_.drift.drifted(*facts_);
  std::ranges::move(context_.drift.extended(*facts_), std::back_inserter(all));
  if (all.empty() && status_.differences.empty()) return;
  if (all.size() > api::max_differences) all.resize(api::max_differences);
  status_.differences.clear();
  std::vector<report::Metrics::DriftInfo> infos;
  for (const auto& one : all) {
    status_.differences.push_back({one.ref.text(), std::string(one.operation), one.culprit.manager, one.culprit.paths});
    const std::string kind = one.ref.group.empty() ? one.ref.kind : cat(one.ref.kind, ".", one.ref.group);
    for (const auto& path : one.culprit.paths)
      infos.push_back({kind, std::string(one.operation), one.culprit.manager, fields_v1::masked_path(path)});
    if (one.culprit.paths.empty()) infos.push_back({kind, std::string(one.operation), one.culprit.manager, ""});
  }
  context_.reporter.metrics.set_differences(meta_.ns, meta_.name, infos);
}

/// "; undeclared fields in Deployment.apps shop/api at /spec/… by kubectl-patch (and in 2 more objects)"; empty where none are.
std::string Sync::beside_text() const {
  const auto extended = context_.drift.extended(*facts_);
  if (extended.empty()) return {};
  const auto& first = extended.front();
  const size_t more = extended.size() - 1;
  return cat("; undeclared fields in ", first.ref.text(), " at ", join(first.culprit.paths, ", "), " by ",
             first.culprit.manager, more == 0 ? "" : cat(" (and in ", more, more == 1 ? " more object)" : " more objects)"));
}

/// What spec.drift.ignore would have to say to leave these fields to the other writer.
std::string Sync::settling_rule(const DriftReport& report) const {
  if (report.operation != api::operation::modified || report.culprit.paths.empty()) return {};
  std::vector<std::string> paths;
  for (const auto& path : report.culprit.paths) paths.push_back(cat("\"", path, "\""));
  return cat(", or leave them to it: spec.drift.ignore: [{target: {kind: ", report.ref.kind, ", name: ", report.ref.name,
             "}, paths: [", join(paths, ", "), "]}]");
}

void Sync::report_applied(const source::Revision& revision, size_t applied, double seconds) {
  failures_ = 0;
  untold_ = false;
  blocked_since_ = adopted_since_ = {};
  refused_commit_.clear();
  const auto now = std::chrono::system_clock::now();
  const bool news = status_.last_applied_revision != revision.revision;
  status_.last_attempted_revision = revision.revision;
  status_.last_applied_revision = revision.revision;
  status_.errors.clear();
  if (news || applied > 0)
    api::note_revision(status_.history, {revision.revision, desired_.digest.hex(), now, std::string(api::outcome::applied),
                                         static_cast<int64_t>(desired_.objects())});
  settled_ = true;
  ill_since_ = {}; // this revision has its whole time
  report_health();
  health_news_.set(); // its timer
  auto& metrics = context_.reporter.metrics;
  metrics.reconciled(api::git_sync_kind, meta_.ns, meta_.name, report::ReconcileResult::Success, seconds);
  metrics.set_last_applied(meta_.ns, meta_.name, now);
  if (!news && applied == 0) return;
  event(report::EventReason::Applied, cat("Applied revision ", api::short_revision(revision.revision), ": ", applied, " of ",
                                          desired_.objects(), " objects changed"));
  log::info("applied", {{"gitsync", meta_.key()},
                        {"revision", revision.revision},
                        {"changed", applied},
                        {"objects", desired_.objects()},
                        {"milliseconds", static_cast<int64_t>(seconds * 1000)}});
}

/// Part of the revision is applied; the rest waits for the health of what it depends on.
void Sync::report_waiting(size_t waiting) {
  const auto now = std::chrono::steady_clock::now();
  if (blocked_since_ == Instant{}) blocked_since_ = now;
  const auto verdict = health::judge(
      {true, true, std::max(health_.worst(), health::State::Progressing), blocked_since_, spec_->spec.health_timeout, now});
  const api::At at{meta_.generation, std::chrono::system_clock::now()};
  status_.health = health::state_text(health_.worst());
  status_.last_attempted_revision = desired_.revision;
  const std::string what = cat(waiting, waiting == 1 ? " object of " : " objects of ", api::short_revision(desired_.revision),
                               waiting == 1 ? " waits for " : " wait for ", health_.text());
  if (verdict == health::Verdict::Waiting) {
    api::mark_waiting(status_.conditions, api::reason::progressing, what, at);
  } else {
    const std::string why = verdict == health::Verdict::Failed
                                ? what
                                : cat(what, "; not healthy within ", duration_text(spec_->spec.health_timeout));
    const auto* ready = api::find_condition(status_.conditions, api::ready_condition);
    if (!ready || ready->reason != api::reason::health_failed) event(report::EventReason::HealthCheckFailed, why);
    api::mark_not_ready(status_.conditions, api::reason::health_failed, why, at);
    failed_revision(why);
  }
  publish(report::Urgency::Soon);
}

/// A revision is there and waits for other GitSyncs.
void Sync::report_held(const Awaited& awaited) {
  api::mark_waiting(status_.conditions, api::reason::dependency_not_ready,
                    cat("Waiting for ", awaited.names.size() == 1 ? "GitSync " : "GitSyncs ", join(awaited.names, ", ")),
                    {meta_.generation, std::chrono::system_clock::now()});
  if (awaited.retry) {
    retry_wanted_ = true;
    next_attempt_ = std::chrono::steady_clock::now() + std::min(first_retry * (1 << std::min(failures_++, 8)), longest_retry);
  }
  publish(report::Urgency::Soon);
}

/// Everything is as declared, and nothing was to be done.
void Sync::report_settled() {
  failures_ = 0;
  if (std::exchange(untold_, false) && !desired_.revision.empty())
    status_.last_attempted_revision = status_.last_applied_revision = desired_.revision;
  const auto drifted = context_.drift.drifted(*facts_);
  if (facts_->drift == api::DriftMode::Report && !drifted.empty()) {
    std::vector<std::string> names;
    for (const auto& one : drifted)
      if (names.size() < 5)
        names.push_back(one.culprit.paths.empty() ? one.ref.text() : cat(one.ref.text(), " at ", join(one.culprit.paths, " ")));
    api::mark_not_ready(status_.conditions, api::reason::drift_detected,
                        cat(drifted.size(), " of ", desired_.objects(), " objects differ from git (", join(names, ", "),
                            drifted.size() > names.size() ? ", …" : "", "); drift.mode is Report"),
                        {meta_.generation, std::chrono::system_clock::now()});
  } else if (!status_.last_applied_revision.empty() || !desired_.revision.empty()) {
    if (status_.last_applied_revision.empty()) status_.last_applied_revision = desired_.revision;
    if (status_.last_attempted_revision.empty() || !status_.errors.empty()) status_.last_attempted_revision = desired_.revision;
    status_.errors.clear();
    settled_ = true;
    report_health();
    if (ill_since_ != Instant{}) health_news_.set(); // its timer
    return;
  }
  publish(report::Urgency::Soon);
}

void Sync::report_failed(std::vector<Error> errors, bool refused) {
  if (errors.empty() || std::ranges::all_of(errors, [](const Error& error) { return error.code == Code::Cancelled; })) return;
  const bool retry = std::ranges::any_of(errors, [](const Error& error) { return error.retry != Retry::Never; });
  std::vector<std::string> texts;
  for (const auto& error : errors) texts.push_back(error.text());
  Error first = errors.front();
  if (errors.size() > 1) first.message += cat(" (and ", errors.size() - 1, " more, see status.errors)");
  if (refused && !desired_.revision.empty() && desired_.revision != status_.last_attempted_revision)
    first.message += cat("; ", api::short_revision(desired_.revision), " stays enforced");
  if (retry && first.retry == Retry::Never) first.retry = Retry::Backoff;
  // What the API server refuses for good, or for as long as health may take, is not healthy in time either.
  if (carrying_out_ && adopted_since_ != Instant{} && spec_ &&
      (!retry || std::chrono::steady_clock::now() - adopted_since_ >= spec_->spec.health_timeout))
    failed_revision(first.text());
  const bool news = status_.errors != texts;
  status_.errors = std::move(texts);
  const api::At at{meta_.generation, std::chrono::system_clock::now()};
  api::mark_failed(status_.conditions, first, at);
  if (retry) {
    auto pause = std::min(first_retry * (1 << std::min(failures_, 8)), longest_retry);
    for (const auto& error : errors) pause = std::max(pause, error.after);
    ++failures_;
    retry_wanted_ = true;
    next_attempt_ = std::chrono::steady_clock::now() + pause;
  }
  publish(report::Urgency::Soon);
  context_.reporter.metrics.reconciled(api::git_sync_kind, meta_.ns, meta_.name,
                                       retry ? report::ReconcileResult::Failure : report::ReconcileResult::Stalled, 0);
  if (!news) return;
  const bool blocked = first.code == Code::EmptyRevision || first.code == Code::PruneBlocked;
  event(blocked ? report::EventReason::PruneBlocked
        : retry ? report::EventReason::Failed
                : report::EventReason::Stalled,
        first.text());
  log::warn("not applied", {{"gitsync", meta_.key()},
                            {"revision", status_.last_attempted_revision},
                            {"errors", errors.size()},
                            {"error", first.text()}});
}

void Sync::drift(const DriftReport& report) {
  auto& metrics = context_.reporter.metrics;
  const auto operation = metric_of(report.operation);
  const std::string who = report.culprit.manager.empty() ? std::string() : cat(" by ", report.culprit.manager);
  const std::string where = report.culprit.paths.empty() ? std::string() : cat(" at ", join(report.culprit.paths, ", "));
  const std::string what = report.operation == api::operation::modified   ? cat(report.ref.text(), " was changed", who, where)
                           : report.operation == api::operation::extended ? cat(report.ref.text(), " was extended", who, where)
                           : report.operation == api::operation::deleted  ? cat(report.ref.text(), " was deleted")
                                                                          : cat(report.ref.text(), " lost its label");
  switch (report.outcome) {
  case DriftReport::Outcome::Detected:
    metrics.drift_detected(meta_.ns, meta_.name, operation);
    if (report.fighting) {
      metrics.fight(meta_.ns, meta_.name);
      event(report::EventReason::Fighting,
            cat(what, " again and again: corrections pause. Take one of the two writers off these fields",
                settling_rule(report)));
      log::warn("two writers fight",
                {{"gitsync", meta_.key()}, {"object", report.ref.text()}, {"manager", report.culprit.manager}});
    } else {
      event(report::EventReason::DriftDetected, cat(what, "; drift.mode is Report"));
      log::info("drift detected",
                {{"gitsync", meta_.key()}, {"object", report.ref.text()}, {"manager", report.culprit.manager}});
      wake_.set();
    }
    break;
  case DriftReport::Outcome::Corrected: {
    if (!report.fighting) metrics.drift_detected(meta_.ns, meta_.name, operation);
    metrics.drift_corrected(meta_.ns, meta_.name, operation, report.milliseconds / 1000);
    metrics.applied(report::ApplyAction::Correct, report.operation == api::operation::deleted
                                                      ? report::ApplyResult::Created
                                                      : report::ApplyResult::Configured);
    status_.last_correction = api::LastCorrection{std::chrono::system_clock::now(),
                                                  report.ref.text(),
                                                  std::string(report.operation),
                                                  report.culprit.manager,
                                                  report.culprit.paths,
                                                  report.milliseconds,
                                                  desired_.revision};
    event(report::EventReason::DriftCorrected, cat(what, "; brought back to ", api::short_revision(desired_.revision)));
    log::info("drift corrected", {{"gitsync", meta_.key()},
                                  {"object", report.ref.text()},
                                  {"operation", report.operation},
                                  {"manager", report.culprit.manager},
                                  {"microseconds", static_cast<int64_t>(report.milliseconds * 1000)}});
    break;
  }
  case DriftReport::Outcome::Failed:
    metrics.applied(report::ApplyAction::Correct, report::ApplyResult::Failed);
    event(report::EventReason::Failed, cat("cannot undo a change: ", report.error));
    log::warn("drift not corrected", {{"gitsync", meta_.key()}, {"error", report.error}});
    break;
  case DriftReport::Outcome::Beside:
    if (!report.culprit.paths.empty()) {
      event(report::EventReason::UndeclaredFields, cat(report.ref.text(), " has fields that git does not declare", where, who));
      log::info("undeclared fields",
                {{"gitsync", meta_.key()}, {"object", report.ref.text()}, {"manager", report.culprit.manager}});
    }
    wake_.set(); // the message
    break;
  case DriftReport::Outcome::Settled:
    if (facts_->drift == api::DriftMode::Report) wake_.set();
    break;
  }
  publish(report::Urgency::Later);
}

} // namespace gitsync::reconcile
