// The source's revision → what changes.
#include "base/log.h"
#include "base/text.h"
#include "reconcile/sync.h"

namespace gitsync::reconcile {
namespace {

constexpr std::chrono::seconds slow{3};

/// "./deploy/apps/" → "deploy/apps/": what makes a file's name one that people find in the repository.
std::string prefix_of(std::string_view path) {
  std::string out;
  for (const auto part : split(path, '/'))
    if (!part.empty() && part != ".") out += cat(part, "/");
  return out;
}

KindLookup lookup_in(const kube::ResourceMap& map) {
  return [&map](const std::string& group, const std::string& version, const std::string& kind) -> std::optional<KindFacts> {
    const auto* resource = map.find(group, version, kind);
    if (!resource) return {};
    return KindFacts{resource->namespaced};
  };
}

} // namespace

/// What the bodies depend on besides the files; another value means reading all of them anew.
std::string Sync::spec_key_of(const source::Revision& revision) const {
  const auto& spec = spec_->spec;
  return sha256_hex(cat("1\n", spec.path, "\n", spec.target_namespace, "\n", revision.url, images_.key())).substr(0, 16);
}

/// It was read, planned and adopted; what is left is to carry it out.
bool Sync::accepted(const source::Revision& revision) const {
  return desired_.commit == revision.commit && desired_.spec_key == spec_key_of(revision);
}

/// The source has another revision than the one that is applied.
bool Sync::newer_revision() const {
  const auto* source = context_.source(spec_->source_key());
  return source && source->revision() && !accepted(*source->revision());
}

/// A commit that touches nothing of a GitSync at rest costs it no more than noting the commit.
bool Sync::passed_over() {
  if (!loaded_ || !settled_ || !spec_ || !spec_holder_ || meta_.deleting || spec_->spec.suspend || retry_wanted_) return false;
  if (!spec_->spec.images.empty()) return false; // they look at the history
  if (!inventory_.quarantine.commit.empty() || rollback_due_ || !refused_commit_.empty() || held_ || gated_) return false;
  const auto* source = context_.source(spec_->source_key());
  if (!source || !source->revision() || source->error() || !source->revision()->trees) return false;
  const auto& revision = *source->revision();
  const auto now = revision.trees->ids.find(spec_->spec.path);
  if (now == revision.trees->ids.end() || now->second != desired_.tree || desired_.tree.empty()) return false;
  if (const auto& globs = spec_->spec.paths; !globs.empty()) {
    const auto match = revision.trees->matches.find(globs);
    if (match == revision.trees->matches.end() || match->second != images_.trigger) return false;
  }
  if (desired_.spec_key != spec_key_of(revision) || !pending().empty() || !desired_.leaving.empty() ||
      !inventory_.pending.empty())
    return false;
  const auto& request = meta_.requested_at();
  if (!request.empty() && request != handled_request_) return false; // it is asked for an answer
  desired_.revision = revision.revision;
  desired_.commit = revision.commit;
  planned_commit_ = revision.commit;
  return true;
}

bool Sync::is_quarantined(const source::Revision& revision) const {
  return quarantined(revision.commit, {}, spec_key_of(revision));
}

bool Sync::up_to_date(const source::Revision& revision) const {
  return accepted(revision) && pending().empty() && (!leaving_now() || !spec_->spec.prune) && inventory_.pending.empty();
}

Task<std::expected<Sync::Read, std::vector<Error>>> Sync::read(const source::Revision& revision) {
  Read out;
  out.spec_key = spec_key_of(revision);
  out.generation = meta_.generation;
  out.images = images_;
  const bool same_spec = desired_.spec_key == out.spec_key;
  out.ignore = spec_->spec.drift_ignore;
  Preparer preparer({facts_->owner, facts_->label, spec_->spec.target_namespace, facts_->salt, out.ignore, out.images.tags},
                    lookup_in(context_.discovery.map()));
  const std::string prefix = prefix_of(spec_->spec.path);
  const auto started = std::chrono::steady_clock::now();
  auto result = co_await context_.git.read(
      {revision.url, revision.commit, spec_->spec.path, same_spec ? desired_.tree : "", revision.timeout},
      [&](git::FileChange change) {
        out.delta.files.insert(prefix + change.file);
        for (auto& manifest : change.manifests) {
          manifest.at.file = prefix + change.file;
          preparer.add(std::move(manifest));
        }
      });
  if (!result) {
    if (result.error().code == Code::Timeout) context_.reporter.metrics.worker_killed(report::WorkerEnd::Deadline);
    if (result.error().code == Code::WorkerDied) context_.reporter.metrics.worker_killed(report::WorkerEnd::Crash);
    co_return std::unexpected(std::vector{wrap(std::move(result.error()), "GitSync " + meta_.key()).error()});
  }
  context_.reporter.metrics.phase(report::Phase::Read, milliseconds_between(started, std::chrono::steady_clock::now()) / 1000);
  for (auto& error : result->errors) { // each begins with the file
    error.message = prefix + error.message;
    preparer.add_error(std::move(error));
  }
  if (preparer.has_unknown_kinds()) {
    // A CRD may have been installed a moment ago; ask once more before saying that a kind does not exist.
    if (auto fresh = co_await context_.discovery.refresh(); !fresh)
      co_return std::unexpected(std::vector{wrap(std::move(fresh.error()), "GitSync " + meta_.key()).error()});
  }
  preparer.set_lookup(lookup_in(context_.discovery.map()));
  auto objects = preparer.finish();
  if (!objects) co_return std::unexpected(std::move(objects.error()));
  out.delta.full = result->full;
  out.delta.objects = std::move(*objects);
  out.delta.opted_out = preparer.opted_out();
  out.tree = result->tree;
  out.used = preparer.images();
  co_return out;
}

/// Objects of the plan that another GitSync has declared since it was made.
std::vector<Error> Sync::taken_meanwhile(const Plan& plan) const {
  std::vector<Error> out;
  for (const auto& object : plan.apply)
    if (const auto* known = context_.table.find(object.ref); known && known->sync != facts_)
      out.push_back(fail(Code::OwnedByOther,
                         cat(object.at.text(), ": ", object.ref.text(), " is managed by GitSync ", known->sync->owner,
                             ": remove it from one of the two"),
                         Retry::Backoff)
                        .error());
  return out;
}

/// The revision becomes what is declared; from here on it is what drift correction defends.
void Sync::adopt(Plan plan, const source::Revision& revision, const Read& read) {
  for (auto it = desired_.files.begin(); it != desired_.files.end();) {
    if (read.delta.full || read.delta.files.contains(it->first))
      it = desired_.files.erase(it);
    else
      ++it;
  }
  const auto declare = [&](Prepared& prepared, bool changed) {
    auto& object = context_.table.get(prepared.ref, facts_);
    object.at = std::move(prepared.at);
    object.order = std::move(prepared.order);
    object.rules = std::move(prepared.rules);
    if (object.order)
      desired_.ordered.insert(object.ref);
    else
      desired_.ordered.erase(object.ref);
    if (changed) {
      if (!object.content.empty() && object.phase != Phase::Removing) desired_.toggle(object.ref, object.content);
      desired_.toggle(object.ref, prepared.content);
      object.version = std::move(prepared.version);
      object.body = std::move(prepared.body);
      object.content = prepared.content;
      if (object.phase != Phase::Applying) object.phase = Phase::Pending;
      desired_.leaving.erase(object.ref);
      object.unasked = false;
    }
    desired_.files[object.at.file].push_back(object.ref);
    touch(object.ref);
  };
  for (auto& prepared : plan.apply) declare(prepared, true);
  for (auto& prepared : plan.moved) declare(prepared, false);
  for (const auto& ref : plan.prune) {
    if (auto* object = context_.table.find(ref)) {
      desired_.toggle(ref, object->content);
      object->phase = Phase::Removing;
      object->rules = plan.given_up.contains(ref) ? given_up_rules() : SharedRules();
      object->unasked = !spec_->spec.prune;
    }
    health_.erase(ref);
    inquiries_.forget(ref);
    desired_.ordered.erase(ref);
    context_.drift.forget(ref);
    desired_.leaving.insert(ref);
    touch(ref);
  }
  if (spec_->spec.prune)
    for (const auto& ref : plan.unasked)
      if (auto* object = context_.table.find(ref)) {
        object->unasked = false;
        touch(ref);
      }
  desired_.revision = revision.revision;
  desired_.commit = revision.commit;
  desired_.tree = read.tree;
  desired_.spec_key = read.spec_key;
  if (spec_ && spec_->spec.drift_ignore != read.ignore) rules_changed(); // edited while it was read
  if (!context_.pauses.of(facts_->owner).empty()) pauses_changed();      // one may have waited for an object of this revision
}

const std::vector<api::DriftIgnore>& Sync::ignore_rules() const {
  static const std::vector<api::DriftIgnore> none;
  return spec_ ? spec_->spec.drift_ignore : none;
}

/// spec.drift.ignore was edited: what it is about is applied anew, from what is remembered.
void Sync::rules_changed() {
  for (const auto& [file, objects] : desired_.files)
    for (const auto& ref : objects) {
      auto* object = context_.table.find(ref);
      if (!object) continue;
      const std::string body = object->body.json();
      object->rules = rules_again(ref, body, ignore_rules());
      const auto content = content_of(facts_->salt, body, object->rules);
      if (content == object->content) continue;
      desired_.toggle(ref, object->content);
      desired_.toggle(ref, content);
      object->content = content;
      if (object->phase != Phase::Applying) object->phase = Phase::Pending;
      touch(ref);
    }
}

/// What changes while an expression is evaluated wakes the next step.
Task<Awaited> Sync::await_dependencies(std::string commit) {
  held_ = held_by_expression_ = true;
  auto awaited = co_await context_.awaited(*this, commit);
  held_ = !awaited.names.empty();
  held_by_expression_ = awaited.by_expression;
  co_return awaited;
}

/// True: something came meanwhile that makes another attempt worth it at once.
Task<bool> Sync::attempt(source::Revision revision) {
  attempt_started_ = std::chrono::steady_clock::now();
  const bool was_refused = !status_.errors.empty() || status_.last_attempted_revision != status_.last_applied_revision;
  const bool same_tree_before = !desired_.tree.empty();
  auto result = co_await read(revision);
  if (result) {
    if (quarantined(revision.commit, result->tree, result->spec_key)) {
      inventory_.quarantine.commit = revision.commit; // another commit with the same content below the path
      planned_commit_ = revision.commit;
      context_.planned();
      nothing_waits();
      report_rolled_back();
      co_return false;
    }
    const bool untouched = same_tree_before && !result->delta.full && result->delta.files.empty();
    // Before the plan, which has to be of the moment: an expression is evaluated elsewhere.
    Awaited awaited;
    if (!untouched) awaited = co_await await_dependencies(revision.commit);
    const auto planning = std::chrono::steady_clock::now();
    const std::set<std::string> files = result->delta.files;
    const bool full = result->delta.full;
    co_await take_over(result->delta.objects);
    claims_.clear();
    for (const auto& object : result->delta.objects)
      if (const auto* known = context_.table.find(object.ref); known && known->sync != facts_) claims_.insert(object.ref);
    auto plan = make_plan(desired_, std::move(result->delta), context_.table, facts_->owner);
    planned_commit_ = revision.commit;
    context_.planned();
    context_.reporter.metrics.phase(report::Phase::Plan,
                                    milliseconds_between(planning, std::chrono::steady_clock::now()) / 1000);
    held_ = plan && !awaited.names.empty();
    held_by_expression_ = held_ && awaited.by_expression;
    if (held_) {
      nothing_waits();
      report_held(awaited);
      co_return false;
    }
    if (plan) {
      const auto there = co_await images_there(revision, *result);
      if (there != ImagesThere::Yes) co_return there == ImagesThere::Again;
      tell_unused_images(*result);
    }
    if (plan) {
      if (auto refused = co_await not_to_be_taken(*plan); !refused.empty()) plan = std::unexpected(std::move(refused));
    }
    if (plan && !co_await let_through(*plan, revision, *result)) co_return false;
    if (plan) {
      result->delta = {full, files, {}, {}};
      if (auto remembered = co_await remember(*plan); !remembered) {
        report_failed({std::move(remembered.error())}, false);
        co_return false;
      }
      // Durable before the first of them exists: whatever happens now, no created object is lost track of.
      if (!plan->created.empty()) {
        if (auto announced = co_await announce(plan->created); !announced) {
          report_failed({announced.error()}, false);
          co_return false;
        }
      }
      // What was awaited since the plan was made may have let another GitSync declare the same object.
      if (auto taken = taken_meanwhile(*plan); !taken.empty()) {
        report_failed(std::move(taken), true);
        co_return false;
      }
      const size_t changed = plan->apply.size();
      adopt(std::move(*plan), revision, *result);
      if (inventory_.under_way.tree != desired_.tree) inventory_.under_way = {}; // of something that was never begun
      inventory_.quarantine = {};                                                // the path has changed
      inventory_.rolling_back = false;
      rollback_due_.reset();
      if (!untouched) adopted_since_ = std::chrono::steady_clock::now();
      status_.last_attempted_revision =
          untouched && !was_refused && pending().empty() ? status_.last_attempted_revision : revision.revision;
      status_.errors.clear();
      if (changed > 0) {
        // Told when it takes a while: a quick apply has its result to tell, and nothing else.
        api::mark_reconciling(status_.conditions, api::reason::progressing,
                              cat("Applying revision ", api::short_revision(revision.revision), ": ", changed, " objects"),
                              {meta_.generation, std::chrono::system_clock::now()});
        group_.spawn("slow apply " + meta_.key(), tell_slow(++attempts_));
      }
      changed_ = changed;
      co_await carry_out(revision, untouched && !was_refused && changed == 0);
      co_return false;
    }
    nothing_waits();
    status_.last_attempted_revision = revision.revision;
    report_failed(std::move(plan.error()), true);
  } else {
    // A kind that nobody serves yet may be what a dependency is about to bring.
    const bool kinds_only =
        std::ranges::all_of(result.error(), [](const Error& error) { return error.code == Code::UnknownKind; });
    Awaited awaited;
    if (kinds_only) awaited = co_await await_dependencies(revision.commit);
    held_ = !awaited.names.empty();
    nothing_waits();
    if (held_) {
      report_held(awaited);
      co_return false;
    }
    status_.last_attempted_revision = revision.revision;
    report_failed(std::move(result.error()), true);
  }
  image_watch_.follow({});
  if (!retry_wanted_) refused_commit_ = revision.commit;
  co_return false;
}

/// That work goes on, once it has taken so long that somebody may look.
Task<> Sync::tell_slow(uint64_t attempt) {
  co_await sleep_for(slow);
  if (attempt == attempts_ && !settled_ && !blocked_ && !group_.stopping()) publish(report::Urgency::Later);
}

/// What was accepted → the cluster. `quiet`: nothing of ours has changed, so nothing of ours is written.
Task<> Sync::carry_out(source::Revision revision, bool quiet) {
  auto applied = co_await apply_pending();
  blocked_ = applied.errors.empty() && applied.waiting > 0;
  if (blocked_) {
    report_waiting(applied.waiting);
    co_return;
  }
  auto errors = std::move(applied.errors);
  const bool pruning = errors.empty() && leaving_now() && spec_->spec.prune;
  if (pruning && must_await_peers(revision.commit)) co_return;
  if (!pruning) peers_awaited_ = false;
  if (pruning) {
    // Durable before the first of them goes: a restart in the middle must not take them for declared and bring them back.
    if (auto saved = co_await save_records(); !saved)
      errors.push_back(std::move(saved.error()));
    else
      errors = co_await prune();
  }
  if (!errors.empty()) {
    co_await explain(errors);
    carrying_out_ = true;
    report_failed(std::move(errors), false);
    carrying_out_ = false;
    co_return;
  }
  // Applied means that a restart knows it too, even with git away.
  if (unsaved()) {
    if (auto saved = co_await save(); !saved) {
      report_failed({saved.error()}, false);
      co_return;
    }
  }
  if (quiet)
    report_settled(); // a commit that touches nothing of ours writes nothing of ours
  else
    report_applied(revision, changed_, milliseconds_between(attempt_started_, std::chrono::steady_clock::now()) / 1000);
}

} // namespace gitsync::reconcile
