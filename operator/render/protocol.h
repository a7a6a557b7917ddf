// The messages between the operator and the render worker (render/worker/serve.go), as values and as JSON. Pure. Both sides
// come from the same build, so there is no versioning; what cannot be read is WorkerDied: the other side is broken.
#pragma once
#include "base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::render {

/// Expressions in CEL, each of which has to give true or false.
struct CelRequest {
  std::vector<std::string> expressions;
  /// The names that they may use. Without any: the members of `values`, whatever they are called, and `self` for all of it.
  std::vector<std::string> variables;
  /// A JSON object, their values by name; empty: the expressions are compiled, not evaluated.
  std::string values;
};

/// What became of one expression.
struct CelResult {
  std::optional<bool> value;
  std::string problem; // why there is none; empty also where it was only compiled. May quote what it was evaluated over
  bool broken = false; // no values would help; the problem begins "line:column: "
  friend bool operator==(const CelResult&, const CelResult&) = default;
};

std::string encode(uint64_t id, const CelRequest& request);

/// Signatures of git objects, to be judged by these keys.
struct VerifyRequest {
  struct Key {
    std::string name; // for messages: the Secret's key
    std::string text; // OpenPGP public keys, armored or not
  };
  struct Object {
    bool tag = false;
    std::string content; // of the commit or tag, as git stores it
  };
  std::vector<Key> keys;
  std::string allowed_signers, revoked_signers; // as git's gpg.ssh.allowedSignersFile; public keys, one a line
  std::vector<Object> objects;
};

/// What a signature is worth.
struct Verdict {
  bool good = false;
  std::string problem;                // why it is not good
  std::string signer;                 // the principal of allowed_signers, or the OpenPGP key's user id
  std::string fingerprint;            // "SHA256:…" of an SSH key, 40 or 64 hex digits of an OpenPGP primary key
  std::string format;                 // "SSH", "OpenPGP"; empty where there is no signature
  std::string author, committer, tag; // mail addresses and the tag's name, as the object says; empty where it is malformed
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

std::string encode(uint64_t id, const VerifyRequest& request);

struct VerifyAnswer {
  std::vector<Verdict> verdicts; // one per object
  std::string key_problem;       // a key or line that cannot be used; then there are no verdicts
};
VerifyAnswer decode_verify_answer(std::string_view message);

/// What all answers have.
struct AnswerHead {
  uint64_t id = 0;
  std::string error; // what was wrong with the request itself
};
Result<AnswerHead> decode_head(std::string_view message);

/// One per expression.
std::vector<CelResult> decode_cel_answer(std::string_view message);

} // namespace gitsync::render
