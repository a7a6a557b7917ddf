#include "source/verification.h"

#include "base/text.h"

#include <algorithm>

namespace gitsync::source {
namespace {

constexpr size_t most_told = 3; // objects with something wrong

std::string name_of(const git::SignedObject& object) { return cat(object.tag ? "tag " : "commit ", object.id.substr(0, 7)); }

/// The patterns of a list that nobody's address matches are no address's: an empty list takes everybody.
std::string not_allowed(const std::vector<std::string>& patterns, std::string_view role, const std::string& address) {
  if (patterns.empty()) return {};
  if (address.empty()) return cat("its ", role, " cannot be read");
  if (std::ranges::any_of(patterns, [&](const std::string& pattern) { return mail_matches(pattern, address); })) return {};
  return cat("its ", role, " ", shorten(address, 100), " is none of spec.verify.", role, "s");
}

std::string problem_of(const api::VerifySpec& spec, const std::string& tag, const git::SignedObject& object,
                       const render::Verdict& verdict) {
  if (!verdict.good) return verdict.problem.empty() ? "its signature is not good" : verdict.problem;
  if (object.tag)
    return verdict.tag == tag ? std::string() : cat("it is signed as the tag ", shorten(verdict.tag, 100), ", not as ", tag);
  if (auto problem = not_allowed(spec.authors, "author", verdict.author); !problem.empty()) return problem;
  return not_allowed(spec.committers, "committer", verdict.committer);
}

std::string signed_by(const render::Verdict& verdict) {
  return cat("good ", verdict.format, " signature of ", shorten(verdict.signer, 200), ", key ", verdict.fingerprint);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

} // namespace

bool mail_matches(std::string_view pattern, std::string_view address) {
  size_t p = 0, a = 0, star = std::string_view::npos, from = 0;
  while (a < address.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = a;
    } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(address[a]))) {
      ++p, ++a;
    } else if (star != std::string_view::npos) {
      p = star + 1; // the star takes one more
      a = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

git::ProofRequest proof_wanted(const api::VerifySpec& spec, const git::Fetched& fetched, const std::string& base) {
  const bool of_tag = spec.mode == api::VerifyMode::Tag || spec.mode == api::VerifyMode::TagAndHead;
  git::ProofRequest out;
  out.commit = fetched.commit;
  if (of_tag) out.tag = fetched.tag;
  out.since = spec.mode == api::VerifyMode::EveryCommit && !base.empty();
  out.base = base;
  return out;
}

render::VerifyRequest verdicts_wanted(const std::map<std::string, std::string>& data, const git::Proof& proof) {
  render::VerifyRequest out;
  for (const auto& [name, value] : data) {
    if (name == "allowed_signers")
      out.allowed_signers = value;
    else if (name == "revoked_signers")
      out.revoked_signers = value;
    else
      out.keys.push_back({name, value});
  }
  for (const auto& object : proof.objects) out.objects.push_back({object.tag, object.content});
  return out;
}

Result<std::string> judge(const api::VerifySpec& spec, const std::string& tag, const git::Fetched& fetched,
                          const git::Proof& proof, const std::vector<render::Verdict>& verdicts) {
  const auto refuse = [](std::string why) { return fail(Code::NotVerified, std::move(why)); };
  const bool of_tag = spec.mode == api::VerifyMode::Tag || spec.mode == api::VerifyMode::TagAndHead;
  if (of_tag && fetched.tag.empty()) return refuse(cat("tag ", tag, " is not annotated, so nobody can have signed it"));
  if (proof.objects.size() != verdicts.size()) return fail(Code::Internal, "verdicts are missing");
  std::vector<std::string> problems;
  size_t wrong = 0, tags = 0, commits = 0;
  std::string told;
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const auto& object = proof.objects[i];
    if (spec.mode == api::VerifyMode::Tag && !object.tag) {
      // The tag vouches for the commit; only who is in it may still be asked.
      auto problem = not_allowed(spec.authors, "author", verdicts[i].author);
      if (problem.empty()) problem = not_allowed(spec.committers, "committer", verdicts[i].committer);
      if (!problem.empty() && ++wrong <= most_told) problems.push_back(cat(name_of(object), ": ", problem));
      continue;
    }
    ++(object.tag ? tags : commits);
    if (const auto problem = problem_of(spec, tag, object, verdicts[i]); !problem.empty()) {
      if (++wrong <= most_told) problems.push_back(cat(name_of(object), ": ", problem));
    } else if (told.empty()) {
      told = cat(name_of(object), ": ", signed_by(verdicts[i]));
    }
  }
  if (wrong > most_told) problems.push_back(cat(wrong - most_told, " more"));
  if (wrong > 0) return refuse(join(problems, "; "));
  if (tags + commits == 0) return fail(Code::Internal, "nothing was verified"); // never by what is written above
  if (commits > 1) told += cat("; and the ", commits - 1, " commits since the revision before");
  return told;
}

Authorship authors_of(const api::VerifySpec& spec, const git::Proof& proof, const std::vector<render::Verdict>& verdicts) {
  Authorship out;
  for (size_t i = 0; i < proof.objects.size(); ++i) {
    const auto& object = proof.objects[i];
    const render::Verdict missing;
    const auto& verdict = i < verdicts.size() ? verdicts[i] : missing;
    if (!verdict.good) {
      out.why = cat(name_of(object), ": ", verdict.problem.empty() ? "it was not verified" : verdict.problem);
      return out;
    }
    const auto known = std::ranges::find_if(spec.users, [&](const api::SignerUser& each) {
      return each.signer == verdict.fingerprint || (verdict.format == "SSH" && each.signer == verdict.signer);
    });
    if (known == spec.users.end()) {
      out.why = cat(name_of(object), ": spec.verify.users of the GitRepository names no user for ",
                    shorten(verdict.signer, 200), ", key ", verdict.fingerprint);
      return out;
    }
    out.users.insert(known->user);
  }
  out.proven = true;
  return out;
}

} // namespace gitsync::source
