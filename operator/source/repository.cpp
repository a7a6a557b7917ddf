#include "source/repository.h"

#include "api/names.h"
#include "base/json_read.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "git/ref.h"
#include "source/verification.h"

#include <random>

namespace gitsync::source {
namespace {

using nlohmann::json;

std::string object_path(const api::Meta& meta) {
  return cat("/apis/", api::api_group_version, "/namespaces/", meta.ns, "/", api::git_repository_plural, "/", meta.name);
}

json status_of(const json& object) { return object.contains("status") ? object["status"] : json::object(); }

/// Polls of many repositories spread out: ±10 %.
std::chrono::milliseconds jittered(std::chrono::milliseconds interval) {
  static std::minstd_rand random(std::random_device{}());
  const auto tenth = static_cast<int64_t>(interval.count() / 10);
  return interval +
         std::chrono::milliseconds(tenth ? static_cast<int64_t>(random() % static_cast<uint64_t>(2 * tenth + 1)) - tenth : 0);
}

} // namespace

Repository::Repository(Context context, const json& object, std::function<void()> changed, std::function<Followed()> followed)
    : context_(std::move(context)), changed_(std::move(changed)), followed_(std::move(followed)),
      meta_(api::parse_meta(object)), parsed_(api::parse_git_repository(object)),
      status_(api::parse_git_repository_status(object)),
      writer_(context_.kube, context_.executor, object_path(meta_), status_of(object), {.may_write = context_.may_write}),
      group_(context_.executor), wake_(context_.executor) {
  group_.spawn("poll " + meta_.key(), run());
  group_.spawn("status " + meta_.key(), writer_.run());
}

Repository::~Repository() = default;

void Repository::update(const json& object) {
  const auto meta = api::parse_meta(object);
  const bool generation_news = meta.generation != meta_.generation;
  const bool news = generation_news || meta.requested_at() != meta_.requested_at();
  meta_ = meta;
  parsed_ = api::parse_git_repository(object);
  if (!news) return;
  failures_ = 0;
  if (!generation_news && round_answers_.contains(meta.requested_at())) {
    // The very request that a GitSync has brought before: that poll is the answer to this one too.
    round_request_ = meta.requested_at();
    if (!polling_) publish(report::Urgency::Soon);
    return;
  }
  wake_.set();
}

Task<bool> Repository::poll_now(std::string request) {
  const auto mine = std::make_shared<Event>(context_.executor);
  asked_.push_back({std::move(request), mine});
  wake_.set();
  co_return co_await mine->wait();
}

void Repository::stop() {
  for (const auto& asked : std::exchange(asked_, {})) asked.done->set(); // nobody waits for what ends
  group_.stop();
}

report::EventSubject Repository::subject() const {
  return {std::string(api::api_group_version), std::string(api::git_repository_kind), meta_.ns, meta_.name, meta_.uid};
}

void Repository::publish(report::Urgency urgency) {
  status_.observed_generation = round_generation_;
  if (!round_request_.empty()) status_.last_handled_reconcile_at = round_request_;
  context_.reporter.metrics.set_ready(api::git_repository_kind, meta_.ns, meta_.name,
                                      api::is_true(status_.conditions, api::ready_condition));
  writer_.set(api::status_to_json(status_), urgency);
}

void Repository::mark_failed(const Error& error) {
  ++failures_;
  const bool news = !error_ || error_->message != error.message;
  error_ = error;
  api::mark_failed(status_.conditions, error, {round_generation_, std::chrono::system_clock::now()});
  publish(report::Urgency::Soon);
  if (!news) return;
  log::warn("fetch failed", {{"gitrepository", meta_.key()}, {"error", error.text()}});
  context_.reporter.events.record(subject(), report::EventReason::FetchFailed, error.text());
  changed_();
}

Task<Result<git::Credentials>> Repository::credentials() {
  git::Credentials out;
  if (parsed_->spec.secret.empty()) co_return out;
  const std::string name = parsed_->spec.secret;
  auto secret = co_await context_.kube.get(cat("/api/v1/namespaces/", meta_.ns, "/secrets/", name));
  if (!secret) co_return wrap(std::move(secret.error()), cat("GitRepository ", meta_.key(), ": spec.secretRef"));
  const json data = secret->value("data", json::object());
  const auto read = [&](const char* key, std::string& into) {
    if (!data.is_object() || !data.contains(key) || !data[key].is_string()) return;
    into = base64_decode(data[key].get<std::string>()).value_or("");
    if (std::string_view(key) != "username" && std::string_view(key) != "known_hosts" && std::string_view(key) != "ca.crt" &&
        std::string_view(key) != "tls.crt")
      register_secret(into);
  };
  read("username", out.username);
  read("password", out.password);
  read("bearerToken", out.bearer_token);
  read("ca.crt", out.ca_crt);
  read("tls.crt", out.tls_crt);
  read("tls.key", out.tls_key);
  read("identity", out.identity);
  read("known_hosts", out.known_hosts);
  if (out.tls_crt.empty() != out.tls_key.empty())
    co_return fail(Code::InvalidSpec, cat("GitRepository ", meta_.key(), ": spec.secretRef: Secret ", name,
                                          " has only one of tls.crt and tls.key; a client certificate needs both"));
  co_return out;
}

Task<Result<Repository::Keys>> Repository::verification_keys(std::string name) {
  const auto subject = cat("GitRepository ", meta_.key(), ": spec.verify.secretRef");
  auto secret = co_await context_.kube.get(cat("/api/v1/namespaces/", meta_.ns, "/secrets/", name));
  if (!secret && secret.error().code == Code::ApiNotFound)
    co_return fail(Code::NotVerified, cat(subject, ": there is no Secret ", name));
  if (!secret) co_return wrap(std::move(secret.error()), subject);
  Keys out{.data = {}, .version = read_text(read_member(*secret, "metadata"), "resourceVersion")};
  if (const auto& data = read_member(*secret, "data"); data.is_object())
    for (const auto& [key, value] : data.items()) {
      auto text = value.is_string() ? base64_decode(value.get_ref<const std::string&>()) : std::nullopt;
      if (text) out.data[key] = std::move(*text);
    }
  if (out.data.empty())
    co_return fail(Code::NotVerified,
                   cat(subject, ": the Secret ", name,
                       " is empty: put allowed_signers or armored OpenPGP public keys into it (docs/verification.md)"));
  co_return out;
}

/// The commit of the last revision that was handed on, also by an earlier process; "" where there was none.
std::string Repository::last_verified() const {
  if (revision_) return revision_->commit;
  const auto at = status_.revision.rfind("sha1:");
  const auto commit = at == std::string::npos ? std::string() : status_.revision.substr(at + 5);
  return git::is_commit_id(commit) ? commit : std::string();
}

/// For the Verified condition, or why the revision may not be used.
Task<Result<std::string>> Repository::verify(const api::GitRepositorySpec& spec, const git::Fetched& fetched,
                                             const Keys& keys) {
  auto wanted = proof_wanted(*spec.verify, fetched, last_verified());
  wanted.url = spec.url;
  wanted.timeout = spec.timeout;
  const auto proof = co_await context_.git.proof(std::move(wanted));
  if (!proof) co_return std::unexpected(proof.error());
  const auto verdicts = co_await context_.render.verify(verdicts_wanted(keys.data, *proof));
  if (!verdicts && verdicts.error().code == Code::InvalidSpec) // what stands in the Secret is not in the spec
    co_return fail(Code::NotVerified, cat("Secret ", spec.verify->secret, ": ", verdicts.error().message));
  if (!verdicts) co_return std::unexpected(verdicts.error());
  co_return judge(*spec.verify, spec.ref.tag, fetched, *proof, *verdicts);
}

Task<Result<Lineage>> Repository::lineage(std::string base, std::string commit, bool with_authors) {
  Lineage out;
  if (!parsed_) co_return out;
  const auto spec = parsed_->spec;
  if (with_authors && !spec.verify) {
    out.authors.why = cat("GitRepository ", meta_.key(), " has no spec.verify");
    with_authors = false;
    if (base.empty()) co_return out;
  }
  git::ProofRequest wanted{.url = spec.url, .commit = commit, .tag = {}, .since = with_authors, .base = base};
  wanted.timeout = spec.timeout;
  auto proof = co_await context_.git.proof(std::move(wanted));
  if (!proof) co_return wrap(std::move(proof.error()), "GitRepository " + meta_.key());
  out.forward = proof->forward;
  if (!with_authors) co_return out;
  if (commit == base) proof->objects.clear(); // nothing of it is new
  const auto keys = co_await verification_keys(spec.verify->secret);
  if (!keys) co_return std::unexpected(keys.error());
  auto verdicts = co_await context_.render.verify(verdicts_wanted(keys->data, *proof));
  if (!verdicts) co_return wrap(std::move(verdicts.error()), "GitRepository " + meta_.key() + ": spec.verify.secretRef");
  out.authors = authors_of(*spec.verify, *proof, *verdicts);
  co_return out;
}

Task<> Repository::poll() {
  const auto spec = parsed_->spec;
  if (spec.url.starts_with("file:") && !context_.allow_file_urls) {
    mark_failed(
        Error{Code::InvalidSpec,
              cat("GitRepository ", meta_.key(),
                  ": spec.url: file:// reads from the operator's own disk; start the operator with --allow-file-urls if "
                  "that is wanted"),
              Retry::Never,
              {}});
    co_return;
  }
  const auto started = std::chrono::steady_clock::now();
  auto secret = co_await credentials();
  if (!secret) {
    mark_failed(secret.error());
    co_return;
  }
  const bool history = spec.verify && (spec.verify->mode == api::VerifyMode::EveryCommit || !spec.verify->users.empty() ||
                                       spec.verify->history == api::HistoryRule::ForwardOnly);
  git::FetchRequest request{
      spec.url, {spec.ref.branch, spec.ref.tag, spec.ref.commit, spec.ref.name}, std::move(*secret), spec.timeout, history};
  auto fetched = co_await context_.git.fetch(std::move(request));
  const auto now = std::chrono::system_clock::now();
  const double seconds = milliseconds_between(started, std::chrono::steady_clock::now()) / 1000;
  auto& metrics = context_.reporter.metrics;
  metrics.phase(report::Phase::Fetch, seconds);
  if (!fetched) {
    metrics.git_polled(meta_.ns, meta_.name, report::PollResult::Failed, now);
    auto& error = fetched.error();
    if (error.code == Code::Timeout) metrics.worker_killed(report::WorkerEnd::Deadline);
    if (error.code == Code::WorkerDied) metrics.worker_killed(report::WorkerEnd::Crash);
    if (error.code == Code::Timeout) error.code = Code::GitFetch; // for people it is the remote that failed
    mark_failed(wrap(std::move(error), "GitRepository " + meta_.key()).error());
    co_return;
  }
  std::string proven;
  if (spec.verify) {
    const auto refused = [&](Error error) {
      metrics.git_polled(meta_.ns, meta_.name, report::PollResult::Failed, now);
      if (error.code == Code::Timeout) error.code = Code::GitFetch;
      const std::string name = "GitRepository " + meta_.key();
      if (!error.message.starts_with(name))
        error = wrap(std::move(error), cat(name, ": ", fetched->revision, " is not used")).error();
      if (error.code == Code::NotVerified) {
        if (revision_) error.message += cat("; ", api::short_revision(revision_->revision), " stays in use");
        api::set_condition(status_.conditions,
                           {std::string(api::verified_condition),
                            api::Truth::False,
                            std::string(api::reason::not_verified),
                            error.message,
                            {},
                            round_generation_},
                           now);
      }
      proven_.clear();
      mark_failed(error);
    };
    const auto keys = co_await verification_keys(spec.verify->secret);
    if (!keys) {
      refused(keys.error());
      co_return;
    }
    proven = cat(fetched->commit, " ", fetched->tag, " ", keys->version, " ", round_generation_);
    if (proven != proven_ || error_) {
      const auto told = co_await verify(spec, *fetched, *keys);
      if (!told) {
        refused(told.error());
        co_return;
      }
      api::set_condition(status_.conditions,
                         {std::string(api::verified_condition),
                          api::Truth::True,
                          std::string(api::reason::verified),
                          *told,
                          {},
                          round_generation_},
                         now);
    }
  } else {
    api::remove_condition(status_.conditions, api::verified_condition);
  }
  // Other keys, or another table of users, may answer what a plan waits for.
  const bool reproven = proven != proven_;
  proven_ = std::move(proven);
  const bool changed = !revision_ || revision_->commit != fetched->commit || revision_->url != spec.url || error_ || reproven;
  std::shared_ptr<const git::Trees> trees;
  if (changed && revision_) // at the first look all GitSyncs have something to find out
    if (const auto followed = followed_(); followed.paths.size() > 1 || !followed.globs.empty()) {
      git::TreesRequest question{spec.url,
                                 fetched->commit,
                                 {followed.paths.begin(), followed.paths.end()},
                                 {followed.globs.begin(), followed.globs.end()},
                                 spec.timeout};
      if (auto found = co_await context_.git.trees(std::move(question)))
        trees = std::make_shared<const git::Trees>(std::move(*found)); // without them each GitSync reads for itself
    }
  const bool new_revision = status_.revision != fetched->revision;
  const bool recovered = error_.has_value();
  metrics.git_polled(meta_.ns, meta_.name, changed ? report::PollResult::Changed : report::PollResult::Unchanged, now);
  failures_ = 0;
  error_.reset();
  revision_ = Revision{spec.url, fetched->commit, fetched->revision, spec.timeout, std::move(trees)};
  if (changed) changed_(); // first the work, then the telling
  status_.revision = fetched->revision;
  if (new_revision) {
    status_.last_fetch = api::LastFetch{now, seconds * 1000};
    log::info("fetched", {{"gitrepository", meta_.key()}, {"revision", fetched->revision}});
  }
  // A new commit is told by the status; an Event tells that what had failed, or never been, is there.
  if (recovered || status_.conditions.empty())
    context_.reporter.events.record(subject(), report::EventReason::Fetched, "Fetched revision " + fetched->revision);
  api::mark_ready(status_.conditions, api::reason::fetched, "Fetched revision " + fetched->revision, {round_generation_, now});
  publish(report::Urgency::Soon);
}

Task<> Repository::run() {
  for (;;) {
    wake_.reset();
    const auto asked = std::exchange(asked_, {});
    round_generation_ = meta_.generation;
    round_request_ = meta_.requested_at();
    round_answers_.clear();
    for (const auto& one : asked)
      if (!one.request.empty()) round_answers_.insert(one.request);
    std::chrono::milliseconds pause = std::chrono::hours(24);
    if (!parsed_) {
      mark_failed(parsed_.error());
    } else if (parsed_->spec.suspend) {
      api::mark_not_ready(status_.conditions, api::reason::suspended, "Suspended: spec.suspend is true",
                          {round_generation_, std::chrono::system_clock::now()});
      publish(report::Urgency::Soon);
    } else if (!meta_.deleting) {
      polling_ = true;
      co_await poll();
      polling_ = false;
      pause = parsed_ ? jittered(parsed_->spec.interval) : pause;
      // A remote that fails is asked less often, never more often than its interval, and at least every five minutes.
      if (failures_ > 0)
        pause = std::max(pause, std::min(pause * (1 << std::min(failures_ - 1, 5)), std::chrono::milliseconds(300'000)));
    }
    for (const auto& one : asked) one.done->set();
    co_await wake_.wait_for(pause);
  }
}

} // namespace gitsync::source
