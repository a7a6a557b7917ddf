// What the plan that waits would change, by the server's own word: a dry run of each object beside the live one, stored for
// those who have to consent. A task of its own, so that nothing waits for it.
#include "base/log.h"
#include "base/text.h"
#include "reconcile/sync.h"
#include "runtime/parallel.h"

namespace gitsync::reconcile {
namespace {
constexpr size_t in_flight = 8; // of the writes' 32: whoever waits for consent is in no hurry
} // namespace

/// Begins to compute what the plan would change, unless that is known or under way.
void Sync::show(const Plan& plan, const std::string& digest, const std::string& revision) {
  if (std::exchange(previewed_, digest) == digest) return;
  auto outline = std::make_shared<Outline>();
  outline->digest = digest;
  outline->revision = revision;
  for (const auto& object : plan.apply) outline->apply.push_back({object.ref, object.version, object.body, object.rules});
  if (spec_->spec.prune) {
    for (const auto& ref : plan.prune)
      if (!plan.given_up.contains(ref)) outline->prune.push_back(ref);
    outline->prune.insert(outline->prune.end(), plan.unasked.begin(), plan.unasked.end());
  }
  for (const auto& ref : plan.created)
    if (ref.group.empty() && ref.kind == "Namespace") outline->namespaces.insert(ref.name);
  group_.spawn("plan of " + meta_.key(), preview(std::move(outline)));
}

/// Nothing waits any more: what was shown goes.
void Sync::hide() {
  previewed_.clear();
  group_.spawn("old plan of " + meta_.key(), drop_preview());
}

Task<> Sync::drop_preview() {
  const auto permit = co_await previewing_.acquire();
  if (permit && previewed_.empty()) co_await preview_store_.drop();
}

Task<> Sync::preview(std::shared_ptr<const Outline> outline) {
  const auto permit = co_await previewing_.acquire();
  const auto wanted = [&] { return previewed_ == outline->digest; };
  if (!permit || !wanted()) co_return;
  std::vector<ObjectPreview> changes(outline->apply.size());
  co_await parallel_for(outline->apply.size(), in_flight, [&](size_t i) -> Task<> {
    if (wanted()) changes[i] = co_await preview_of(outline->apply[i], outline->namespaces);
  });
  if (!wanted()) co_return;
  for (const auto& ref : outline->prune) changes.push_back({ObjectPreview::Action::Delete, ref.text(), {}, 0, {}, {}});
  std::ranges::sort(changes, {}, &ObjectPreview::object);
  Preview out{outline->digest, outline->revision, std::chrono::system_clock::now(), {}, 0};
  size_t bytes = 0;
  for (auto& change : changes) add(out, std::move(change), bytes);
  if (auto saved = co_await preview_store_.save(out); !saved && saved.error().code != Code::Cancelled) {
    log::warn("the plan cannot be shown", {{"gitsync", meta_.key()}, {"error", saved.error().text()}});
    if (wanted()) previewed_.clear(); // the next look tries again
  }
}

Task<ObjectPreview> Sync::preview_of(const Outline::Object& object, const std::set<std::string>& namespaces) {
  using nlohmann::json;
  ObjectPreview out;
  out.object = object.ref.text();
  const auto declared = [&] { return shown(object.ref, json::parse(object.body.json(), nullptr, false), facts_->salt); };
  if (!context_.discovery.map().find(object.ref.group, object.version, object.ref.kind)) {
    out.action = ObjectPreview::Action::Create;
    out.note = "not checked with the API server: its kind comes with this plan";
    compare(nullptr, declared(), out);
    co_return out;
  }
  auto live = co_await context_.applier.read(object.ref, facts_);
  const bool absent = !live && live.error().code == Code::ApiNotFound;
  if (!live && !absent) {
    out.error = live.error().text();
    co_return out;
  }
  if (absent) out.action = ObjectPreview::Action::Create;
  if (!absent && !context_.table.find(object.ref) && !is_own_already(*live, facts_->label, facts_->manager)) {
    out.action = ObjectPreview::Action::Adopt;
    if (const auto owner = other_owner(object.ref, *live)) out.note = cat("from ", owner->text());
  }
  if (absent && namespaces.contains(object.ref.ns)) {
    out.note = "not checked with the API server: its namespace comes with this plan";
    compare(nullptr, declared(), out);
    co_return out;
  }
  std::string body = object.body.json();
  if (!absent && object.rules && object.rules->once) {
    out.action = ObjectPreview::Action::Change; // of nothing
    out.note = "is there and is made only once: left alone";
    co_return out;
  }
  if (!absent && object.rules && object.rules->shapes_body()) {
    auto shaped = json::parse(body, nullptr, false);
    leave_out(shaped, &*live, facts_->manager, object.rules);
    body = shaped.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  auto then = co_await context_.applier.dry_run(object.ref, object.version, std::move(body), facts_);
  if (!then && !absent && object.rules && object.rules->recreate && then.error().code == Code::ApiInvalid)
    out.note = cat(out.note, out.note.empty() ? "" : "; ", "would be deleted and made anew");
  if (!then) {
    out.error = then.error().text();
    if (absent) compare(nullptr, declared(), out); // beside a live one the defaults would be missing
    co_return out;
  }
  compare(absent ? json() : shown(object.ref, std::move(*live), facts_->salt),
          shown(object.ref, std::move(*then), facts_->salt), out);
  if (!absent && out.fields.empty()) out.note = cat(out.note, out.note.empty() ? "" : "; ", "the cluster has it so already");
  co_return out;
}

} // namespace gitsync::reconcile
