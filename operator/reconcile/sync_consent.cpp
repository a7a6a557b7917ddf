// What a plan has to wait for before anything of it is carried out: somebody's consent, a sync window. The decisions are in
// plan/consent.h, plan/veto.h and plan/window.h; what was applied before stays enforced meanwhile.
#include "base/log.h"
#include "base/text.h"
#include "reconcile/sync.h"

namespace gitsync::reconcile {
namespace {

bool may_rewind(const source::Repository* source) { return source && source->forward_only(); }

std::chrono::sys_seconds wall_seconds() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

} // namespace

/// The loop looks again then; the earliest of what was asked for counts.
void Sync::look_again(WallTime at) {
  const auto now = std::chrono::system_clock::now();
  const auto until = std::chrono::steady_clock::now() + std::max<WallTime::duration>(at - now, {});
  if (look_again_ == Instant{} || until < look_again_) look_again_ = until;
}

/// No plan waits for anything.
void Sync::nothing_waits() {
  gated_ = false;
  nobody_asked();
}

/// No plan waits for consent.
void Sync::nobody_asked() {
  if (status_.plan_digest.empty()) return;
  status_.plan_digest.clear();
  status_.plan_since.reset();
  approvals_news_ = true;
  hide();
}

/// That plan waits for consent, or has it and waits for a window. True where it did not before.
bool Sync::note_waiting(const std::string& digest) {
  const bool news = std::exchange(status_.plan_digest, digest) != digest;
  if (news || !status_.plan_since) status_.plan_since = wall_seconds();
  if (news) approvals_news_ = true; // others name another plan now
  return news;
}

/// Judges all Approvals of this GitSync, tells each what it is worth, and gives one that consents to the plan.
std::optional<api::Approval> Sync::consent_to(const std::string& digest, std::vector<std::string>& objections) {
  approvals_news_ = false;
  const auto& rules = spec_->spec.approval;
  const auto now = std::chrono::system_clock::now();
  if (!digest.empty())
    if (auto why = unanswerable(rules, authors_); !why.empty()) objections.push_back(std::move(why));
  std::optional<api::Approval> good;
  for (const auto& approval : context_.approvals.of(facts_->owner)) {
    const auto judged = rule_on(approval, digest, rules, authors_, now);
    const bool ours = !digest.empty() && approval.plan_digest == digest;
    if (ours && (judged.state == api::ApprovalState::Expired || judged.state == api::ApprovalState::Refused) &&
        std::ranges::find(objections, judged.why) == objections.end())
      objections.push_back(cat("Approval ", approval.meta.name, ": ", judged.why));
    if (judged.state == api::ApprovalState::Pending) look_again(approval.created + rules.expires_after);
    if (judged.good && !good) good = approval;
    if (!judged.good) context_.approvals.note(approval, judged.state, judged.why);
  }
  return good;
}

/// Between plans: which Approvals name one that isn't there, and which have expired.
void Sync::note_approvals() {
  std::vector<std::string> objections;
  if (spec_) consent_to(status_.plan_digest, objections);
}

/// How the revision came to be since the one that is enforced: who has written it goes into authors_, and a history that went
/// back where it may not is a question. Errors: nothing can be said for now.
Task<Result<std::optional<Error>>> Sync::trace(const source::Revision& revision, bool authors) {
  authors_ = {};
  auto* source = context_.source(spec_->source_key());
  const bool forward = source && source->forward_only() && !desired_.commit.empty();
  if (!source || (!forward && !authors)) co_return std::optional<Error>();
  const std::string before = desired_.commit;
  auto lineage = co_await source->lineage(before, revision.commit, authors);
  if (!lineage) co_return wrap(std::move(lineage.error()), "GitSync " + meta_.key());
  authors_ = std::move(lineage->authors);
  if (!forward || lineage->forward) co_return std::optional<Error>();
  co_return fail(
      Code::HistoryRewound,
      cat("GitSync ", meta_.key(), ": ", api::short_revision(revision.revision), " does not descend from ", before.substr(0, 7),
          ", which is enforced: the ref was moved back or force-pushed, and spec.verify.history of the GitRepository "
          "is ForwardOnly"))
      .error();
}

/// True where nothing keeps the plan from being carried out; else what it waits for is told, and wakes the loop.
Task<bool> Sync::let_through(const Plan& plan, const source::Revision& revision, const Read& read) {
  const auto& spec = spec_->spec;
  const auto counts = counts_of(plan, spec.prune);
  const auto& under_way = inventory_.under_way;
  if (!under_way.tree.empty() && under_way.tree == read.tree && under_way.spec_key == read.spec_key) {
    nothing_waits(); // let through before a restart or a failure
    const std::string digest = under_way.digest;
    if (digest.empty()) co_return true;
    auto released = co_await context_.approvals.release(facts_->owner, digest);
    if (!released) report_failed({std::move(released.error())}, false);
    co_return released.has_value();
  }
  if (!counts.any()) {
    nothing_waits();
    co_return true;
  }
  auto questions = prune_questions(plan, desired_, spec, facts_->owner, co_await populated(plan));
  const auto digest = plan_digest(plan, spec.prune);
  bool asked = spec.approval.required || !questions.empty();
  auto rewound =
      co_await trace(revision, spec.approval.four_eyes && (asked || may_rewind(context_.source(spec_->source_key()))));
  if (!rewound) {
    nothing_waits();
    report_failed({std::move(rewound.error())}, false);
    co_return false;
  }
  if (*rewound) questions.insert(questions.begin(), std::move(**rewound));
  asked = asked || !questions.empty();
  std::optional<api::Approval> approval;
  if (asked) {
    std::vector<std::string> objections;
    approval = consent_to(digest, objections);
    if (!approval) {
      gated_ = true;
      status_.last_attempted_revision = revision.revision;
      if (questions.empty()) {
        report_unapproved(counts, digest, objections);
      } else {
        for (auto& question : questions)
          question.message += cat("; to consent: gitsync approve ", meta_.name, " -n ", meta_.ns);
        if (!objections.empty()) questions.front().message += cat("; ", join(objections, "; "));
        note_waiting(digest);
        report_failed(std::move(questions), true);
      }
      show(plan, digest, revision.revision);
      refused_commit_ = revision.commit;
      co_return false;
    }
  }
  if (const auto now = wall_seconds(); !may_apply(windows_, now)) {
    gated_ = true;
    status_.last_attempted_revision = revision.revision;
    if (approval) {
      note_waiting(digest);
      show(plan, digest, revision.revision);
      context_.approvals.note(*approval, api::ApprovalState::Pending, "the plan waits for the sync window");
    } else {
      nobody_asked();
    }
    report_window(next_change(windows_, now), approval.has_value());
    refused_commit_ = revision.commit;
    co_return false;
  }
  if ((asked || !windows_.empty()) && !co_await set_out(read, asked ? digest : "", approval)) co_return false;
  nothing_waits();
  co_return true;
}

/// What was let through is durable before its first write: whatever happens from here on, it is carried out, and consent is
/// for once.
Task<bool> Sync::set_out(const Read& read, const std::string& digest, const std::optional<api::Approval>& approval) {
  auto meta = stored_;
  meta.salt = inventory_.salt;
  meta.under_way = {read.tree, read.spec_key, digest};
  if (auto saved = co_await store_.save_meta(meta); !saved) {
    report_failed({std::move(saved.error())}, false);
    co_return false;
  }
  stored_ = meta;
  inventory_.under_way = meta.under_way;
  if (digest.empty()) co_return true;
  if (auto released = co_await context_.approvals.release(facts_->owner, digest); !released) {
    report_failed({std::move(released.error())}, false);
    co_return false;
  }
  event(report::EventReason::Approved, cat("Plan ", digest, " is released by Approval ", approval->meta.name,
                                           approval->approver.empty() ? "" : cat(" of ", approval->approver)));
  log::info("approved",
            {{"gitsync", meta_.key()}, {"plan", digest}, {"approval", approval->meta.name}, {"approver", approval->approver}});
  co_return true;
}

/// While a newer revision waits, what is left of the one before it is applied all the same: it was let through. Its conditions
/// are those of the newer one.
Task<> Sync::finish_enforced() {
  const auto now = std::chrono::steady_clock::now();
  if (pending().empty()) co_return;
  if (now < next_attempt_) {
    retry_wanted_ = true;
    co_return;
  }
  auto applied = co_await apply_pending();
  blocked_ = applied.errors.empty() && applied.waiting > 0;
  if (blocked_) {
    if (blocked_since_ == Instant{}) blocked_since_ = now;
    const auto verdict = health::judge(
        {true, true, std::max(health_.worst(), health::State::Progressing), blocked_since_, spec_->spec.health_timeout, now});
    if (verdict != health::Verdict::Waiting)
      failed_revision(cat(health_.text(), "; objects of ", api::short_revision(desired_.revision), " wait for it"));
    co_return; // health wakes the next step
  }
  if (!applied.errors.empty()) {
    log::warn("not applied", {{"gitsync", meta_.key()},
                              {"revision", desired_.revision},
                              {"errors", applied.errors.size()},
                              {"error", applied.errors.front().text()}});
    constexpr std::chrono::seconds pause{30};
    retry_wanted_ = true;
    next_attempt_ = std::chrono::steady_clock::now() + pause;
    co_return;
  }
  blocked_since_ = {};
  if (status_.last_applied_revision == desired_.revision) co_return;
  status_.last_applied_revision = desired_.revision;
  api::note_revision(status_.history, {desired_.revision, desired_.digest.hex(), std::chrono::system_clock::now(),
                                       std::string(api::outcome::applied), static_cast<int64_t>(desired_.objects())});
  ill_since_ = {}; // it has its whole time
  health_news_.set();
  publish(report::Urgency::Soon);
}

void Sync::report_unapproved(const PlanCounts& counts, const std::string& digest, const std::vector<std::string>& objections) {
  const bool news = note_waiting(digest);
  status_.errors.clear();
  failures_ = 0;
  const std::string text =
      cat(api::short_revision(status_.last_attempted_revision), " waits for an Approval: ", counts.text(),
          "; to look: gitsync plan ", meta_.name, " -n ", meta_.ns, "; to consent: gitsync approve ", meta_.name, " -n ",
          meta_.ns, objections.empty() ? "" : cat("; ", join(objections, "; ")),
          desired_.revision.empty() ? "" : cat("; ", api::short_revision(desired_.revision), " stays enforced"));
  api::mark_not_ready(status_.conditions, api::reason::approval_required, text,
                      {meta_.generation, std::chrono::system_clock::now()});
  publish(report::Urgency::Soon);
  if (!news) return;
  event(report::EventReason::ApprovalRequired, cat("Plan ", digest, ": ", text));
  log::info("waits for an Approval",
            {{"gitsync", meta_.key()}, {"revision", status_.last_attempted_revision}, {"plan", digest}});
}

void Sync::report_window(const std::optional<std::chrono::sys_seconds>& opens, bool approved) {
  if (opens) look_again(*opens);
  status_.errors.clear();
  failures_ = 0;
  const auto zone = windows_.front().zone;
  const std::string text =
      cat(api::short_revision(status_.last_attempted_revision), approved ? " is approved and" : "",
          " waits for the sync window", opens ? cat(" that opens ", zoned_text(*opens, *zone)) : "",
          desired_.revision.empty() ? "" : cat("; ", api::short_revision(desired_.revision), " stays enforced"));
  api::mark_waiting(status_.conditions, api::reason::window_closed, text, {meta_.generation, std::chrono::system_clock::now()});
  publish(report::Urgency::Soon);
}

} // namespace gitsync::reconcile
