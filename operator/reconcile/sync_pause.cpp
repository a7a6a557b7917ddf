// Objects that somebody has let go for a while, to mend them by hand: kept as they are, recorded, and taken up again in time.
#include "base/log.h"
#include "base/text.h"
#include "reconcile/sync.h"

namespace gitsync::reconcile {

/// There is another Pause, or one has ended.
void Sync::pauses_changed() {
  if (!loaded_) return; // load() asks
  std::map<ObjectRef, api::Pause> wanted;
  for (auto& pause : context_.pauses.of(facts_->owner)) {
    const auto* object = context_.table.find(pause.object);
    const bool managed = object && object->sync == facts_;
    context_.pauses.note(pause, managed);
    if (managed) wanted.insert_or_assign(pause.object, std::move(pause));
  }
  for (const auto& [ref, pause] : paused_) {
    if (wanted.contains(ref)) continue;
    event(report::EventReason::PauseEnded, cat("Pause of ", ref.text(), " has ended"));
    log::info("pause ended", {{"gitsync", meta_.key()}, {"object", ref.text()}});
    auto* object = context_.table.find(ref);
    if (!object) continue;
    object->paused = false;
    context_.drift.resume(*object);
    context_.watches.resync(object->versioned_kind()); // its health, which was not asked about
  }
  for (const auto& [ref, pause] : wanted) {
    if (paused_.contains(ref)) continue;
    event(report::EventReason::Paused, cat(ref.text(), " is paused until ", rfc3339(pause.until), ": ", pause.reason));
    log::info("paused",
              {{"gitsync", meta_.key()}, {"object", ref.text()}, {"until", rfc3339(pause.until)}, {"reason", pause.reason}});
    auto* object = context_.table.find(ref);
    object->paused = true;
    object->health = health::State::Suspended;
    health_.set(ref, {health::State::Suspended, "paused"});
    inquiries_.forget(ref);
  }
  paused_ = std::move(wanted);
  health_news_.set();
  wake_.set();
}

/// "; 1 object is paused: Deployment.apps shop/api until 2026-11-23T05:45:56Z (restoring a backup)"; empty where none is.
std::string Sync::paused_text() const {
  if (paused_.empty()) return {};
  const auto& [ref, pause] = *paused_.begin();
  return cat("; ", paused_.size(), paused_.size() == 1 ? " object is" : " objects are", " paused: ", ref.text(), " until ",
             rfc3339(pause.until), " (", pause.reason, ")", paused_.size() > 1 ? ", …" : "");
}

/// What is to be deleted and is not paused.
bool Sync::leaving_now() const {
  return std::ranges::any_of(desired_.leaving, [&](const ObjectRef& ref) { return !paused_.contains(ref); });
}

} // namespace gitsync::reconcile
