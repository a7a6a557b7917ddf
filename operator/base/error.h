// The one error type, its codes, and Result<T>. Includes nothing of ours.
#pragma once
#include <chrono>
#include <expected>
#include <string>
#include <string_view>

namespace gitsync {

/// What went wrong, as users meet it. Each has a stable text ("GS201") documented in docs/errors.md; a retired code is never
/// used again. Codes are grouped by the room where they are born.
enum class Code {
  Internal,         // GS001 a defect of ours: report it
  Cancelled,        // GS002 stopped on purpose (shutdown, newer revision)
  Timeout,          // GS003 a deadline passed
  InvalidArgument,  // GS004 a command-line flag or file is wrong
  InvalidSpec,      // GS101 a custom resource's spec cannot be used: its object becomes Stalled
  SourceNotFound,   // GS102 sourceRef names nothing
  SourceNotReady,   // GS103 the GitRepository has no revision yet
  YamlSyntax,       // GS201 not YAML
  YamlDuplicateKey, // GS202 a mapping has the same key twice
  YamlBudget,       // GS203 too many nodes, too deep, too large, or an alias that contains itself
  YamlType,         // GS204 a value that JSON cannot carry (NaN, a mapping as key, invalid UTF-8)
  InvalidManifest,  // GS211 apiVersion, kind, metadata.name missing or wrong
  DuplicateObject,  // GS212 the same object twice in one revision
  UnknownKind,      // GS213 the API server does not serve this kind
  InvalidScope,     // GS214 namespace missing, or given for a cluster-scoped object
  OwnedByOther,     // GS215 another GitSync declares this object
  EmptyRevision,    // GS216 nothing left to apply: would prune everything
  PruneBlocked,     // GS219 it would delete too much: waits for an Approval
  AdoptionRefused,  // GS220 an object exists, and another tool owns it or spec.adopt is Never
  UnsafePath,       // GS217 symlink, submodule or .. where a plain file was expected
  PathNotFound,     // GS218 spec.path is not in the commit
  GitFetch,         // GS301 the remote cannot be reached or refuses
  GitRefNotFound,   // GS302 the branch, tag or commit does not exist
  GitAuth,          // GS303 credentials are missing or refused
  GitLimit,         // GS304 the repository exceeds a budget
  WorkerDied,       // GS305 a worker process was killed or crashed
  NotVerified,      // GS306 a commit or tag is not signed as spec.verify wants it
  HistoryRewound,   // GS307 the commit does not descend from the applied one: waits for an Approval
  ApiUnreachable,   // GS401 no connection to the API server
  ApiUnauthorized,  // GS402 401: the token or certificate is not accepted
  ApiForbidden,     // GS403 403: RBAC or admission says no
  ApiNotFound,      // GS404 404
  ApiConflict,      // GS409 409: precondition or field manager
  ApiExpired,       // GS410 410: the resourceVersion is too old, list again
  ApiInvalid,       // GS422 400, 422: the API server refuses the object
  ApiThrottled,     // GS429 429 or 503 with Retry-After
  ApiServerError,   // GS500 5xx
  RegistryDown,     // GS701 no connection to the container registry, or its certificate is not trusted
  RegistryAuth,     // GS702 the registry wants other credentials
  ImageNotFound,    // GS703 the registry does not have the image, and its time is over
  RegistryError,    // GS704 an answer of the registry that is neither yes nor no
  InventoryCorrupt, // GS601 the stored inventory cannot be read; nothing is pruned from it
};

/// The stable text of a code ("GS201"). Never empty.
std::string_view code_text(Code code);

/// Whether trying again can help; decided where the error is born.
enum class Retry {
  Never,   // the same input gives the same answer: wait for new input
  Backoff, // transient: try again with growing pauses
  After,   // the server said when: Error::after
};

struct Error {
  Code code = Code::Internal;
  std::string message; // begins with the object or file:line, ends with the cause
  Retry retry = Retry::Never;
  std::chrono::milliseconds after{0};

  /// "GS201 apps/a.yaml:3: …", as it goes to status, logs and the terminal.
  std::string text() const;
};

template <class T = void> using Result = std::expected<T, Error>;

/// The retry policy that a code has unless its birthplace knows better.
Retry default_retry(Code code);

std::unexpected<Error> fail(Code code, std::string message);
std::unexpected<Error> fail(Code code, std::string message, Retry retry, std::chrono::milliseconds after = {});
/// The same error with "prefix: " before its message.
std::unexpected<Error> wrap(Error error, std::string_view prefix);

} // namespace gitsync
