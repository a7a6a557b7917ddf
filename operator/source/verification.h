// What spec.verify asks of a revision, and whether the verdicts on its signatures meet it. Pure.
#pragma once
#include "api/git_repository.h"
#include "git/client.h"
#include "plan/consent.h"
#include "render/protocol.h"

#include <map>
#include <string>
#include <vector>

namespace gitsync::source {

/// What git has to be asked: `base` is the revision before ("" for none). The first revision of all has nothing before it: its
/// own signature is what everything later is built on.
git::ProofRequest proof_wanted(const api::VerifySpec& spec, const git::Fetched& fetched, const std::string& base);

/// The keys of spec.verify.secretRef, and what they are to judge. `data` are the Secret's values, decoded: allowed_signers and
/// revoked_signers are for SSH, every other one is an OpenPGP key.
render::VerifyRequest verdicts_wanted(const std::map<std::string, std::string>& data, const git::Proof& proof);

/// For the Verified condition: who has signed, or NotVerified with all that is wrong (three objects at most). `tag` is the
/// ref's name, which a signed tag has to bear: else an old tag could be passed off as a new one.
Result<std::string> judge(const api::VerifySpec& spec, const std::string& tag, const git::Fetched& fetched,
                          const git::Proof& proof, const std::vector<render::Verdict>& verdicts);

/// Whom of the cluster's users the commits are by, from the table spec.verify.users. Not proven where one has no good
/// signature, or its signer is no user.
Authorship authors_of(const api::VerifySpec& spec, const git::Proof& proof, const std::vector<render::Verdict>& verdicts);

/// Whether a mail address matches a pattern: * is any text, ? any character; upper and lower case are the same.
bool mail_matches(std::string_view pattern, std::string_view address);

} // namespace gitsync::source
