// Reads a path's manifests from a mirror's object database. Worker side only: no work tree, nothing is written.
#pragma once
#include "git/protocol.h"
#include "git_worker/mirror.h"
#include "runtime/frame.h"

#include <functional>

namespace gitsync::git {

/// What one read may cost besides the walk's and the decoder's own limits.
struct ReadLimits {
  uint64_t bytes = 512ull << 20;    // of manifest files in all
  size_t message = max_frame_bytes; // of one file's manifests as JSON
  size_t errors = 100;
};

/// Sends the files that differ from the base (ReadRequest in client.h has the rules), as encoded answers, in byte order of
/// their paths; stops sending at the first error but goes on looking for more of them. A damaged mirror is removed, so that the
/// next fetch clones anew. `send` returns an error when nobody listens any more; the read then ends with it. Errors: GitFetch,
/// PathNotFound, UnsafePath, GitLimit; what is wrong with files is in ReadResult::errors.
Result<ReadResult> read(Mirrors& mirrors, const ReadJob& job, const std::function<Result<>(std::string_view)>& send,
                        const ReadLimits& limits = {});

} // namespace gitsync::git
