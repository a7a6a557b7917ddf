// One GitRepository: polls its remote and keeps the latest revision.
#pragma once
#include "api/git_repository.h"
#include "git/client.h"
#include "kube/client.h"
#include "plan/consent.h"
#include "render/client.h"
#include "report/reporter.h"
#include "report/status_writer.h"
#include "runtime/event.h"
#include "runtime/task_group.h"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace gitsync::source {

/// What a source offers to GitSyncs.
struct Revision {
  std::string url;
  std::string commit;
  std::string revision; // "main@sha1:…"
  std::chrono::milliseconds timeout{60'000};
  std::shared_ptr<const git::Trees> trees; // of what GitSyncs follow; null where nobody has asked for them
};

/// What GitSyncs look at in a repository.
struct Followed {
  std::set<std::string> paths;
  std::set<git::Globs> globs;
};

/// How a commit came to be, as seen from an earlier one.
struct Lineage {
  bool forward = true; // it is that one, or descends from it
  Authorship authors;  // of the commits between the two
};

/// What all repositories share.
struct Context {
  kube::Client& kube;
  git::Client& git;
  render::Client& render; // judges signatures
  report::Reporter reporter;
  asio::any_io_executor executor;
  std::function<bool()> may_write;
  bool allow_file_urls = false; // else whoever may write a GitRepository could read what lies on the operator's disk
};

/// Control thread only. The last good revision stays whatever happens to the remote.
class Repository {
public:
  /// `changed` is called whenever revision() or error() is another one.
  /// `followed` tells what GitSyncs look at: its trees and matches come with each new revision, so that a commit which touches
  /// nothing of a GitSync costs it nothing.
  Repository(Context context, const nlohmann::json& object, std::function<void()> changed, std::function<Followed()> followed);
  ~Repository();

  /// The custom resource as it is now: a new spec or a new request wakes the loop.
  void update(const nlohmann::json& object);
  /// Polls now; returns when a poll that began after the call has ended, false where cancelled. `request` is what the caller
  /// was asked by (its requestedAt, may be empty): where the repository is asked by the same one, that poll answers both.
  Task<bool> poll_now(std::string request);

  /// A webhook says that there is something new: polls now, and doesn't wait for it. Several become one poll.
  void poke() { wake_.set(); }
  /// How the commit came to be since `base` ("" for its whole history); `with_authors`: also by whom, which needs keys.
  Task<Result<Lineage>> lineage(std::string base, std::string commit, bool with_authors);
  /// Whether a commit that doesn't descend from the applied one has to wait for an Approval.
  bool forward_only() const {
    return parsed_ && parsed_->spec.verify && parsed_->spec.verify->history == api::HistoryRule::ForwardOnly;
  }
  /// Nothing where the spec cannot be used, or has none.
  std::optional<api::WebhookSpec> webhook() const {
    return parsed_ ? parsed_->spec.webhook : std::optional<api::WebhookSpec>();
  }

  const std::optional<Revision>& revision() const { return revision_; }
  const std::optional<Error>& error() const { return error_; }
  const api::Meta& meta() const { return meta_; }

  void stop();
  Task<> wait() { return group_.wait(); }

private:
  Task<> run();
  Task<> poll();
  Task<Result<git::Credentials>> credentials();
  struct Keys {
    std::map<std::string, std::string> data; // of spec.verify.secretRef, decoded
    std::string version;                     // its resourceVersion
  };
  Task<Result<Keys>> verification_keys(std::string name);
  Task<Result<std::string>> verify(const api::GitRepositorySpec& spec, const git::Fetched& fetched, const Keys& keys);
  std::string last_verified() const;
  void publish(report::Urgency urgency);
  void mark_failed(const Error& error);
  report::EventSubject subject() const;

  Context context_;
  std::function<void()> changed_;
  std::function<Followed()> followed_;
  api::Meta meta_;
  Result<api::GitRepository> parsed_;
  api::GitRepositoryStatus status_;
  report::StatusWriter writer_;
  TaskGroup group_;
  Event wake_;
  struct Asked {
    std::string request;
    std::shared_ptr<Event> done;
  };
  std::list<Asked> asked_; // callers of poll_now()
  std::optional<Revision> revision_;
  std::optional<Error> error_;
  int failures_ = 0;
  std::string proven_; // what was verified last, and by what: not done again while nothing of it changes
  // What the present round answers: latched at its start, so that a request or edit that comes meanwhile gets a round of its
  // own.
  int64_t round_generation_ = 0;
  std::string round_request_;
  std::set<std::string> round_answers_; // requests that were brought by poll_now()
  bool polling_ = false;
};

} // namespace gitsync::source
