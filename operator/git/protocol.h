// The messages between the operator and the git worker, as values and as JSON. Pure; both sides are the same binary, so there
// is no versioning. What cannot be read is WorkerDied: the other side is broken.
#pragma once
#include "git/client.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gitsync::git {

/// The first message to a fresh worker: the limits that it sets on itself.
struct StartJob {
  uint64_t memory = 0;    // RLIMIT_DATA, bytes
  uint64_t file_size = 0; // RLIMIT_FSIZE, bytes
  std::string home;       // a directory that does not exist and that the worker may make (fetch.cpp: host key preference)
};

struct FetchJob {
  std::string mirror; // directory
  std::string url;
  RefSpec ref;
  Credentials credentials;
  uint64_t max_repository = 0;
  bool whole_history = false;
};

struct ReadJob {
  std::string mirror;
  std::string url; // for messages
  std::string commit;
  std::string path;
  std::string base_tree;
};

struct TreesJob {
  std::string mirror;
  std::string url; // for messages
  std::string commit;
  std::vector<std::string> paths;
  std::vector<Globs> globs;
};

struct HistoryJob {
  std::string mirror;
  std::string url; // for messages
  std::string commit;
  std::vector<std::string> paths;
  std::string known_commit, known_change; // what an earlier one found: ends the walk where it meets known_commit
};

struct ProofJob {
  std::string mirror; // directory
  std::string url;    // for messages
  std::string commit;
  std::string tag;
  bool since = false;
  std::string base;
};

using Job = std::variant<StartJob, FetchJob, ReadJob, TreesJob, HistoryJob, ProofJob>;
/// What a job ends with. FileChange is not the end: a read sends one per file, then its ReadResult.
using Answer = std::variant<Error, Fetched, FileChange, ReadResult, Trees, LastChange, Proof>;

std::string encode(const Job& job);
Result<Job> decode_job(std::string_view message);

/// Moves the manifests' bodies out of the answer: they are not copied.
std::string encode(Answer answer);
Result<Answer> decode_answer(std::string_view message);

/// A name for a credential set that does not give it away: workers are never shared between two of them.
std::string credentials_key(const Credentials& credentials);

} // namespace gitsync::git
