#include "reconcile/sync.h"

#include "api/names.h"
#include "base/log.h"
#include "base/text.h"
#include "reconcile/zones.h"

namespace gitsync::reconcile {
namespace {

using nlohmann::json;

constexpr size_t checks_in_flight = 16; // of one GitSync: the others' come in between

std::string object_path(const api::Meta& meta) {
  return cat("/apis/", api::api_group_version, "/namespaces/", meta.ns, "/", api::git_sync_plural, "/", meta.name);
}

std::shared_ptr<SyncFacts> make_facts(const api::Meta& meta) {
  auto facts = std::make_shared<SyncFacts>();
  facts->owner = api::owner_name(meta.ns, meta.name);
  facts->label = api::owner_label(meta.ns, meta.name);
  facts->manager = api::field_manager(meta.ns, meta.name);
  return facts;
}

} // namespace

Sync::Sync(Context& context, const json& object)
    : context_(context), meta_(api::parse_meta(object)), spec_holder_(api::parse_git_sync(object)),
      status_(api::parse_git_sync_status(object)), facts_(make_facts(meta_)),
      writer_(context.kube, context.executor, object_path(meta_), object.contains("status") ? object["status"] : json::object(),
              {.may_write = context.may_write, .books = &context.books}),
      store_(context.kube, {meta_.ns, meta_.name, meta_.uid, facts_->label}, context.may_write, context.books),
      preview_store_(context.kube, {meta_.ns, meta_.name, meta_.uid, facts_->label}, context.may_write),
      previewing_(context.executor, 1), group_(context.executor), wake_(context.executor), health_news_(context.executor),
      image_news_(context.executor), pods_(context.kube, context.executor,
                                           [this](const ObjectRef& workload, std::string cause) {
                                             if (health_.set_cause(workload, std::move(cause))) health_news_.set();
                                           }),
      asking_(context.executor, checks_in_flight),
      image_watch_(context.kube, context.registry, context.reporter, context.executor, meta_.ns, [this] {
        image_news_.set();
        wake_.set();
      }) {
  take_spec();
  if (spec_) checks_ = spec_->spec.health_checks;
  handled_request_ = status_.last_handled_reconcile_at;
  group_.spawn("sync " + meta_.key(), run());
  group_.spawn("status " + meta_.key(), writer_.run());
  group_.spawn("health " + meta_.key(), watch_health());
}

Sync::~Sync() = default;

/// What the usable spec says of all writes to come.
void Sync::take_spec() {
  if (spec_holder_) spec_ = *spec_holder_; // a broken edit leaves the last good spec enforced
  if (!spec_) {
    facts_->suspended = true; // not known as whom to write
    return;
  }
  facts_->drift = spec_->spec.drift;
  facts_->undeclared = spec_->spec.undeclared;
  facts_->account = api::account_of(*spec_, context_.tenancy);
  allowed_ = !api::not_allowed(*spec_, context_.tenancy);
  facts_->suspended = spec_->spec.suspend || meta_.deleting || !may_act();
}

void Sync::stop() {
  group_.stop();
  pods_.stop();
  image_watch_.stop();
}

Task<> Sync::wait() {
  co_await group_.wait();
  pods_.stop(); // the last step may have begun another
  co_await pods_.wait();
  image_watch_.stop();
  co_await image_watch_.wait();
}

void Sync::update(const json& object) {
  const auto meta = api::parse_meta(object);
  if (meta.deleting) facts_->suspended = true; // what is about to be deleted or given up is not brought back
  const bool news =
      meta.generation != meta_.generation || meta.requested_at() != meta_.requested_at() || meta.deleting != meta_.deleting;
  const bool edited = meta.generation != meta_.generation;
  meta_ = meta;
  if (!news) {
    if (held_by_expression_) wake_.set(); // a readyExpr may look at this object too
    return;
  }
  const auto ignored = ignore_rules();
  const bool pruned = !spec_ || spec_->spec.prune;
  const bool was_paused = spec_ && spec_->spec.suspend;
  const auto drift = facts_->drift;
  const bool was_suspended = facts_->suspended;
  const auto undeclared = facts_->undeclared;
  spec_holder_ = api::parse_git_sync(object);
  take_spec();
  if (!pruned && spec_->spec.prune)
    for (const auto& ref : desired_.leaving) // what has left git until now is asked about before it goes
      if (auto* left = context_.table.find(ref); left && left->sync == facts_) {
        left->unasked = true;
        touch(ref);
      }
  if (edited && !inventory_.rolling_back) inventory_.quarantine = {}; // whoever edits the spec wants it tried again
  if (spec_) {
    if (loaded_ && ignored != ignore_rules()) rules_changed();
    if (spec_->spec.suspend != was_paused && !meta_.deleting)
      event(was_paused ? report::EventReason::Resumed : report::EventReason::Suspended,
            was_paused ? "Resumed" : "Suspended: nothing is applied or corrected");
    if ((facts_->drift != drift || facts_->suspended != was_suspended || facts_->undeclared != undeclared) && loaded_)
      context_.drift.mode_changed(facts_);
    if (loaded_ && facts_->undeclared != undeclared) // what lies in the objects now
      for (const auto& kind : kinds()) context_.watches.resync(kind);
  }
  failures_ = 0;
  refused_commit_.clear();
  next_attempt_ = {};
  image_news_.set();
  look_again_ = {};
  approvals_news_ = true;
  wake_.set();
}

bool Sync::source_changed() {
  if (passed_over()) return false;
  if (gated_) refused_commit_.clear(); // the same commit may be verified by other keys now
  failures_ = 0;
  next_attempt_ = {};
  image_news_.set();
  wake_.set();
  return true;
}

std::vector<std::string> Sync::dependencies() const {
  std::vector<std::string> out;
  if (spec_)
    for (const auto& each : spec_->spec.depends_on) out.push_back(spec_->key_of(each));
  return out;
}

bool Sync::ready_with(const std::string& source_key, const std::string& commit) const {
  const auto* ready = api::find_condition(status_.conditions, api::ready_condition);
  if (!loaded_ || meta_.deleting || !ready || ready->status != api::Truth::True) return false;
  if (status_.observed_generation != meta_.generation) return false;
  return this->source_key() != source_key || (desired_.commit == commit && pending().empty());
}

std::set<VersionedKind> Sync::kinds() const {
  std::set<VersionedKind> out;
  const auto add = [&](const ObjectRef& ref) {
    if (const auto* object = context_.table.find(ref)) out.insert(object->versioned_kind());
  };
  for (const auto& [file, objects] : desired_.files) std::ranges::for_each(objects, add);
  std::ranges::for_each(desired_.leaving, add);
  return out;
}

/// A request for now: the source is polled first, so that one annotation is enough to get a fresh commit applied.
Task<> Sync::requested() {
  if (auto* source = context_.source(spec_->source_key())) co_await source->poll_now(meta_.requested_at());
  refused_commit_.clear();
  next_attempt_ = {};
  images_.asked.clear();
  image_watch_.look_now();
}

Task<> Sync::run() {
  auto pause = std::chrono::milliseconds(1'000);
  while (!co_await load()) {
    co_await wake_.wait_for(pause);
    wake_.reset();
    pause = std::min(pause * 2, std::chrono::milliseconds(60'000));
  }
  for (;;) {
    wake_.reset();
    if (meta_.deleting) {
      image_watch_.follow({});
      if (co_await finalize()) {
        finished_ = true;
        co_return;
      }
    } else {
      const std::string request = meta_.requested_at();
      co_await step(!request.empty() && request != handled_request_);
      if (request != handled_request_ && context_.sources_listed()) {
        handled_request_ = request; // whatever came of it stands in the conditions
        publish(report::Urgency::Soon);
      }
    }
    const auto now = std::chrono::steady_clock::now();
    auto until = next_sweep_ == Instant{} ? now + std::chrono::hours(1) : std::max(next_sweep_, now + std::chrono::seconds(1));
    if (retry_wanted_) until = std::min(until, std::max(next_attempt_, now));
    if (peers_awaited_) until = std::min<Instant>(until, now + std::chrono::seconds(1));
    if (look_again_ != Instant{}) until = std::min(until, std::max(look_again_, now));
    if (blocked_) until = std::min(until, std::max(blocked_since_ + spec_->spec.health_timeout, now + std::chrono::seconds(1)));
    co_await wake_.wait_for(until - now);
  }
}

Task<> Sync::step(bool asked) {
  const api::At at{meta_.generation, std::chrono::system_clock::now()};
  retry_wanted_ = false;
  settled_ = alone_ = false;
  if (!spec_holder_) {
    report_failed({spec_holder_.error()}, false);
    co_return;
  }
  if (!meta_.has_finalizer(api::finalizer_name) && !co_await set_finalizer(true)) co_return;
  if (spec_->spec.suspend) {
    image_watch_.follow({});
    api::mark_not_ready(status_.conditions, api::reason::suspended, "Suspended: spec.suspend is true", at);
    publish(report::Urgency::Soon);
    co_return;
  }
  if (const auto problem = api::not_allowed(*spec_holder_, context_.tenancy)) {
    report_failed({*problem}, false);
    co_return;
  }
  if (const auto problem = co_await expressions_problem()) {
    report_failed({*problem}, false);
    co_return;
  }
  if (auto windows = windows_of(spec_->spec.windows, meta_.key()); windows) {
    windows_ = std::move(*windows);
  } else {
    report_failed({std::move(windows.error())}, false);
    co_return;
  }
  if (asked) co_await requested();
  if (look_again_ != Instant{} && std::chrono::steady_clock::now() >= look_again_) {
    look_again_ = {};
    approvals_news_ = true;
    if (gated_) refused_commit_.clear();
  }
  if (rollback_due_ && !inventory_.rolling_back && newer_revision() && !gated_)
    rollback_due_.reset(); // what git wants now may be the remedy
  if (inventory_.rolling_back && co_await overtake()) {
    co_await save_what_changed();
    co_return;
  }
  if (rollback_due_ || inventory_.rolling_back) {
    if (!inventory_.rolling_back || std::chrono::steady_clock::now() >= next_attempt_)
      co_await roll_back();
    else
      retry_wanted_ = true;
    co_return;
  }
  auto* source = context_.source(spec_->source_key());
  if (!source && !context_.sources_listed()) co_return; // woken when they are
  if (!source) {
    report_failed({Error{Code::SourceNotFound,
                         cat("GitSync ", meta_.key(), ": spec.sourceRef: there is no GitRepository ", spec_->source_key()),
                         Retry::Never,
                         {}}},
                  false);
    co_return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_sweep_) {
    if (next_sweep_ != Instant{})
      for (const auto& kind : kinds()) context_.watches.resync(kind);
    next_sweep_ = now + spec_->spec.interval;
  }
  if (!source->revision()) {
    // Nothing was fetched in this process yet. What was applied before is enforced from the inventory meanwhile.
    if (desired_.revision.empty() && source->error())
      report_failed({Error{Code::SourceNotReady,
                           cat("GitSync ", meta_.key(), ": the source has no revision: ", source->error()->message),
                           Retry::Never,
                           {}}},
                    false);
    if (!pending().empty() && now >= next_attempt_) {
      auto applied = co_await apply_pending();
      if (!applied.errors.empty()) report_failed(std::move(applied.errors), false);
    }
    if (!inventory_.quarantine.commit.empty() && pending().empty()) report_rolled_back(); // perhaps there was no time to tell
    alone_ = pending().empty() && inventory_.quarantine.commit.empty() && desired_.revision == status_.last_applied_revision;
    if (alone_) health_news_.set(); // a revision that is on its way gets its verdict, and may have to go back
    if (unsaved()) co_await save();
    co_return;
  }
  const auto revision = *source->revision();
  if (now < next_attempt_) {
    retry_wanted_ = true;
  } else if (auto images = co_await resolve_images(revision); !images) {
    image_watch_.follow({});
    status_.last_attempted_revision = revision.revision;
    report_failed({std::move(images.error())}, true);
  } else if (spec_->spec.suspend || meta_.deleting) {
    co_return; // the loop goes on with that
  } else if (up_to_date(revision)) {
    image_watch_.follow({});
    nothing_waits();
    report_settled();
  } else if (is_quarantined(revision)) {
    image_watch_.follow({});
    nothing_waits();
    report_rolled_back();
  } else if ((blocked_ || peers_awaited_) && accepted(revision)) {
    co_await carry_out(revision, false); // what was waited for may be healthy by now
  } else if (refused_commit_ != revision.commit) {
    while (co_await attempt(revision)) {}
  } else {
    publish(report::Urgency::Soon); // a request, or a new generation, is answered all the same
  }
  if (gated_ && !accepted(revision)) co_await finish_enforced();
  if (approvals_news_) note_approvals();
  co_await save_what_changed();
}

Task<> Sync::save_what_changed() {
  if (unsaved()) {
    if (auto saved = co_await save(); !saved) {
      log::warn("cannot store the inventory", {{"gitsync", meta_.key()}, {"error", saved.error().text()}});
      retry_wanted_ = true;
      next_attempt_ = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    }
  }
}

} // namespace gitsync::reconcile
