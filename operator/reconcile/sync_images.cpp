// spec.images: which tags a revision needs, and whether the registries have them.
//
// The tags are part of what is read (their key is in spec_key), so another tag means other bodies and everything behind that,
// drift, inventory and rollback included, knows nothing of images. Waiting is a state: the looks go on beside the loop, which a
// newer commit, an edit, suspend or delete moves on at once.
#include "api/names.h"
#include "base/log.h"
#include "base/text.h"
#include "object/image_tag.h"
#include "reconcile/sync.h"

namespace gitsync::reconcile {

std::string Sync::Images::key() const {
  std::string out;
  for (const auto& [name, tag] : tags) out += cat("\n", name.text(), ":", tag);
  if (!trigger.empty()) out += cat("\n@", trigger);
  return out;
}

bool Sync::follows(const std::string& source_key) const {
  if (!spec_) return false;
  return spec_->source_key() == source_key || std::ranges::any_of(spec_->spec.images, [&](const api::ImageSpec& image) {
           return spec_->source_key(image) == source_key;
         });
}

/// All that the tags follow from, as one text.
Result<std::string> Sync::images_asked(const source::Revision& revision) const {
  std::string out;
  for (const auto& image : spec_->spec.images) {
    std::string commit = cat(revision.url, " ", revision.commit);
    if (!image.source_name.empty()) {
      const std::string key = spec_->source_key(image);
      const auto* source = context_.source(key);
      const auto subject = cat("GitSync ", meta_.key(), ": spec.images: ", image.name.text(), ": ");
      if (!source) return fail(Code::SourceNotFound, cat(subject, "there is no GitRepository ", key), Retry::Never);
      if (!source->revision())
        return fail(Code::SourceNotReady, cat(subject, "GitRepository ", key, " has no revision yet"), Retry::Never);
      commit = cat(source->revision()->url, " ", source->revision()->commit);
    }
    out += cat(image.name.text(), " ", image.tag, " ", image.secret, " ", image.timeout.count(), " ", commit, "\n ",
               join(image.paths, "\n "), "\n");
  }
  if (!spec_->spec.paths.empty())
    out += cat("paths ", revision.url, " ", revision.commit, "\n ", join(spec_->spec.paths, "\n "));
  return out;
}

/// What spec.paths match in the revision: mostly the source has asked for all of its GitSyncs already.
Task<Result<std::string>> Sync::trigger_of(source::Revision revision, git::Globs globs) {
  if (revision.trees)
    if (const auto found = revision.trees->matches.find(globs); found != revision.trees->matches.end()) co_return found->second;
  auto trees = co_await context_.git.trees({revision.url, revision.commit, {}, {globs}, revision.timeout});
  if (!trees) co_return std::unexpected(std::move(trees.error()));
  const auto found = trees->matches.find(globs);
  co_return found == trees->matches.end() ? revision.commit : found->second;
}

/// images_ becomes what this revision needs. Costs nothing where that is known already.
Task<Result<>> Sync::resolve_images(const source::Revision& revision) {
  auto asked = images_asked(revision);
  if (!asked) co_return std::unexpected(std::move(asked.error()));
  if (*asked == images_.asked) {
    if (images_.refused) co_return std::unexpected(*images_.refused);
    co_return Result<>{};
  }
  Images images;
  images.asked = std::move(*asked);
  const auto spec = spec_->spec.images; // it may be edited meanwhile
  if (const auto globs = spec_->spec.paths; !globs.empty()) {
    auto trigger = co_await trigger_of(revision, globs);
    if (!trigger) co_return wrap(std::move(trigger.error()), cat("GitSync ", meta_.key(), ": spec.paths"));
    images.trigger = std::move(*trigger);
  }
  for (const auto& image : spec) {
    std::string url = revision.url, commit = revision.commit;
    auto timeout = revision.timeout;
    if (!image.source_name.empty()) {
      const auto* source = context_.source(api::owner_name(meta_.ns, image.source_name));
      if (!source || !source->revision()) co_return Result<>{}; // it went meanwhile, and has woken the loop
      url = source->revision()->url;
      commit = source->revision()->commit;
      timeout = source->revision()->timeout;
    }
    if (!image.paths.empty()) {
      git::HistoryRequest request{url, commit, image.paths, timeout};
      auto change = co_await context_.git.last_change(std::move(request));
      if (!change) {
        auto error = wrap(std::move(change.error()), cat("GitSync ", meta_.key(), ": spec.images: ", image.name.text()));
        if (error.error().retry == Retry::Never && error.error().code != Code::Cancelled) {
          images_.asked = std::move(images.asked); // the tags that are enforced stay known
          images_.refused = error.error();
        }
        co_return error;
      }
      commit = change->commit;
    }
    images.tags[image.name] = image_tag(image.tag, commit);
    images.wanted.push_back({image.name, images.tags[image.name], commit, image.secret, image.timeout});
  }
  images_ = std::move(images);
  co_return Result<>{};
}

/// What was read is no longer what is wanted, and the loop has been woken for that.
bool Sync::overtaken(const source::Revision& revision, const Read& read) const {
  if (meta_.generation != read.generation || meta_.deleting) return true;
  const auto* source = context_.source(spec_->source_key());
  if (!source || !source->revision() || source->revision()->commit != revision.commit) return true;
  const auto asked = images_asked(revision);
  return !asked || *asked != read.images.asked;
}

/// Of the images that stand in what was read. The first look at each is awaited, so that an image that is there delays nothing
/// and whoever asked by `gitsync reconcile` is told what came of it.
Task<Sync::ImagesThere> Sync::images_there(const source::Revision& revision, const Read& read) {
  const auto missing = [&] {
    std::vector<WantedImage> out;
    for (const auto& image : read.images.wanted)
      if (read.used.contains(image.name) && !image_watch_.found(image)) out.push_back(image);
    return out;
  };
  auto images = missing();
  image_watch_.follow(images);
  if (images.empty()) co_return ImagesThere::Yes;
  while (std::ranges::any_of(images, [&](const WantedImage& image) { return !image_watch_.state(image).looked; })) {
    image_news_.reset();
    if (!co_await image_news_.wait() || overtaken(revision, read)) co_return ImagesThere::No;
  }
  images = missing();
  image_watch_.follow(images);
  if (images.empty()) co_return ImagesThere::Again;
  report_awaited_images(revision, images);
  // What is enforced goes on as before: an object that was waited for, or that its deletion has freed, is applied.
  if (!pending().empty()) {
    const auto applied = co_await apply_pending();
    blocked_ = applied.waiting > 0;
    if (blocked_ && blocked_since_ == Instant{}) blocked_since_ = std::chrono::steady_clock::now();
  }
  co_return ImagesThere::No;
}

void Sync::report_awaited_images(const source::Revision& revision, const std::vector<WantedImage>& missing) {
  const api::At at{meta_.generation, std::chrono::system_clock::now()};
  const std::string kept =
      desired_.revision.empty() ? std::string() : cat("; ", api::short_revision(desired_.revision), " stays enforced");
  std::optional<Error> failure;
  std::string text;
  for (const auto& image : missing) {
    const auto state = image_watch_.state(image);
    std::string waits = cat("waits for image ", image.text(), ", built from ", image.commit.substr(0, 7));
    // The registry's answer to an unknown image is what is waited for to change; what it refuses, somebody has to.
    const bool refused = state.error && state.error->code == Code::RegistryAuth;
    if (!failure && refused) {
      failure = *state.error;
    } else if (!failure && state.overdue) {
      failure = state.error ? *state.error
                            : Error{Code::ImageNotFound,
                                    cat("image ", image.text(), ", built from ", image.commit.substr(0, 7),
                                        ", is not in the registry after ", duration_text(image.timeout)),
                                    Retry::Backoff,
                                    {}};
    } else if (state.error) {
      const std::string prefix = cat("image ", image.text(), ": "); // that is said already
      const std::string_view why = state.error->message;
      waits += cat(" (", why.starts_with(prefix) ? why.substr(prefix.size()) : why, ")");
    }
    if (text.empty()) text = std::move(waits);
  }
  if (missing.size() > 1) text += cat(" (and ", missing.size() - 1, " more)");
  status_.last_attempted_revision = revision.revision;
  const auto* ready = api::find_condition(status_.conditions, api::ready_condition);
  const std::string before = ready ? cat(ready->reason, ready->message) : std::string();
  if (failure) {
    failure->retry = Retry::Backoff; // it is looked for on and on
    status_.errors = {failure->text()};
    failure->message += kept;
    api::mark_failed(status_.conditions, *failure, at);
  } else {
    status_.errors.clear();
    api::mark_waiting(status_.conditions, api::reason::waiting_for_image, text + kept, at);
  }
  publish(report::Urgency::Soon);
  ready = api::find_condition(status_.conditions, api::ready_condition);
  if (cat(ready->reason, ready->message) == before) return;
  event(failure ? report::EventReason::ImageNotFound : report::EventReason::WaitingForImage, failure ? failure->text() : text);
  log::info("waiting for images", {{"gitsync", meta_.key()},
                                   {"revision", revision.revision},
                                   {"images", missing.size()},
                                   {"why", failure ? failure->text() : text}});
}

/// Most likely a typing error, or a manifest that has moved: told once, and in nobody's way.
void Sync::tell_unused_images(const Read& read) {
  if (!read.delta.full) return; // of a part one can't tell
  std::set<ImageName> unused;
  for (const auto& [name, tag] : read.images.tags)
    if (!read.used.contains(name)) unused.insert(name);
  for (const auto& name : unused)
    if (!unused_images_.contains(name))
      event(report::EventReason::ImageUnused,
            cat("spec.images: ", name.text(), " stands in no manifest of ", spec_->spec.path, ": nothing gets its tag"));
  unused_images_ = std::move(unused);
}

} // namespace gitsync::reconcile
