#include "source/verification.h"

#include "base/text.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::source;
using api::VerifyMode;

namespace {

const std::string head(40, 'a'), earlier(40, 'b'), tag_id(40, 'c');

render::Verdict good(const char* signer = "anna@example.com", const char* author = "anna@example.com") {
  return {true, "", signer, cat("SHA256:", signer), "SSH", author, "carl@example.com", ""};
}
render::Verdict bad(const char* problem) { return {false, problem, "", "", "", "anna@example.com", "carl@example.com", ""}; }
render::Verdict good_tag(const char* name) {
  auto out = good();
  out.tag = name;
  return out;
}

git::Proof proof(bool tag, size_t commits) {
  git::Proof out;
  if (tag) out.objects.push_back({tag_id, true, ""});
  for (size_t i = 0; i < commits; ++i) out.objects.push_back({i == 0 ? head : earlier, false, ""});
  return out;
}

} // namespace

TEST_CASE("which objects each mode asks for", "[source][verify]") {
  git::Fetched fetched{.commit = head, .ref = "v1", .revision = "v1@sha1:" + head, .tag = tag_id};
  const struct {
    VerifyMode mode;
    std::string base, tag;
    bool since;
  } rows[] = {{VerifyMode::Head, earlier, "", false},
              {VerifyMode::Tag, earlier, tag_id, false},
              {VerifyMode::TagAndHead, earlier, tag_id, false},
              {VerifyMode::EveryCommit, earlier, "", true},
              {VerifyMode::EveryCommit, "", "", false}}; // the very first revision
  for (const auto& row : rows) {
    const auto wanted = proof_wanted({.mode = row.mode}, fetched, row.base);
    CHECK(wanted.commit == head);
    CHECK(wanted.tag == row.tag);
    CHECK(wanted.since == row.since);
    CHECK(wanted.base == row.base);
  }
}

TEST_CASE("a revision is good where everything that its mode names is", "[source][verify]") {
  const struct {
    const char* what;
    VerifyMode mode;
    bool annotated;
    git::Proof proof;
    std::vector<render::Verdict> verdicts;
    const char* problem; // "" for good
  } rows[] = {
      {"a signed head", VerifyMode::Head, false, proof(false, 1), {good()}, ""},
      {"an unsigned head",
       VerifyMode::Head,
       false,
       proof(false, 1),
       {bad("it is not signed")},
       "commit aaaaaaa: it is not signed"},
      {"every commit", VerifyMode::EveryCommit, false, proof(false, 2), {good(), good()}, ""},
      {"one of them not",
       VerifyMode::EveryCommit,
       false,
       proof(false, 2),
       {good(), bad("it is not signed")},
       "commit bbbbbbb: it is not signed"},
      {"the head not", VerifyMode::EveryCommit, false, proof(false, 2), {bad("no"), good()}, "commit aaaaaaa: no"},
      {"a signed tag on an unsigned commit",
       VerifyMode::Tag,
       true,
       proof(true, 1),
       {good_tag("v1"), bad("it is not signed")},
       ""},
      {"an unsigned tag on a signed commit",
       VerifyMode::Tag,
       true,
       proof(true, 1),
       {bad("it is not signed"), good()},
       "tag ccccccc: it is not signed"},
      {"another tag", VerifyMode::Tag, true, proof(true, 1), {good_tag("v0"), good()}, "signed as the tag v0, not as v1"},
      {"a lightweight tag", VerifyMode::Tag, false, proof(false, 1), {good()}, "tag v1 is not annotated"},
      {"both", VerifyMode::TagAndHead, true, proof(true, 1), {good_tag("v1"), good()}, ""},
      {"both wanted, the commit not signed",
       VerifyMode::TagAndHead,
       true,
       proof(true, 1),
       {good_tag("v1"), bad("no")},
       "commit aaaaaaa: no"},
      {"both wanted, a lightweight tag", VerifyMode::TagAndHead, false, proof(false, 1), {good()}, "not annotated"},
      {"more wrong than is told",
       VerifyMode::EveryCommit,
       false,
       proof(false, 5),
       {bad("a"), bad("b"), bad("c"), bad("d"), bad("e")},
       "commit bbbbbbb: c; 2 more"},
      {"verdicts that are missing", VerifyMode::EveryCommit, false, proof(false, 2), {good()}, "verdicts are missing"},
      {"nothing at all", VerifyMode::Head, false, proof(false, 0), {}, "nothing was verified"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const git::Fetched fetched{
        .commit = head, .ref = "v1", .revision = "v1@sha1:" + head, .tag = row.annotated ? tag_id : std::string()};
    const auto told = judge({.mode = row.mode}, "v1", fetched, row.proof, row.verdicts);
    CHECK(told.has_value() == std::string_view(row.problem).empty());
    if (!told) CHECK(told.error().message.find(row.problem) != std::string::npos);
  }
  const auto told = judge({.mode = VerifyMode::EveryCommit}, "", {.commit = head, .ref = {}, .revision = {}, .tag = {}},
                          proof(false, 3), {good(), good(), good()});
  CHECK(*told == "commit aaaaaaa: good SSH signature of anna@example.com, key SHA256:anna@example.com; and the 2 commits since "
                 "the revision before");
}

TEST_CASE("authors and committers have to be of the lists, of every commit that counts", "[source][verify]") {
  const git::Fetched fetched{.commit = head, .ref = "main", .revision = {}, .tag = tag_id};
  const auto refused = [&](api::VerifySpec spec, const git::Proof& objects, const std::vector<render::Verdict>& verdicts) {
    const auto told = judge(spec, "v1", fetched, objects, verdicts);
    return told ? std::string() : told.error().message;
  };
  CHECK(refused({.authors = {"bob@example.com", "*@EXAMPLE.com"}}, proof(false, 1), {good()}).empty());
  CHECK(refused({.authors = {"bob@example.com"}}, proof(false, 1), {good()}).find("author anna@example.com is none of") !=
        std::string::npos);
  CHECK(refused({.authors = {"*"}}, proof(false, 1), {good("anna", "")}).find("author cannot be read") != std::string::npos);
  CHECK(refused({.committers = {"carl@*"}}, proof(false, 1), {good()}).empty());
  CHECK(refused({.committers = {"anna@*"}}, proof(false, 1), {good()}).find("committer carl@example.com") != std::string::npos);
  CHECK(refused({.mode = VerifyMode::EveryCommit, .authors = {"anna@*"}}, proof(false, 2), {good(), good("m", "mallory@x.org")})
            .find("mallory@x.org") != std::string::npos);
  // A signed tag vouches for its commit, which still has to be by one of them.
  CHECK(refused({.mode = VerifyMode::Tag, .authors = {"bob@*"}}, proof(true, 1), {good_tag("v1"), good()}).find("author") !=
        std::string::npos);
}

TEST_CASE("mail patterns", "[source][verify]") {
  const struct {
    const char *pattern, *address;
    bool match;
  } rows[] = {{"*", "a@b.c", true},
              {"*@b.c", "a@b.c", true},
              {"*@b.c", "a@b.c.evil.org", false},
              {"a@b.c", "A@B.C", true},
              {"a?b", "axb", true},
              {"a?b", "ab", false},
              {"*@*.c", "x@y.z.c", true},
              {"*@b.c", "@b.c", true},
              {"", "", true},
              {"", "a", false},
              {"a*b*c", "a--b--b--c", true},
              {"a*b*c", "a--b--b--", false},
              {"*@b.c", "a@b.c\n", false},
              {"**", "", true}};
  for (const auto& row : rows) {
    INFO(row.pattern << " and " << row.address);
    CHECK(mail_matches(row.pattern, row.address) == row.match);
  }
}

TEST_CASE("who has written commits follows from good signatures and the table alone", "[source][verify]") {
  const api::VerifySpec spec{.users = {{"anna@example.com", "anna"}, {"SHA256:bob@example.com", "bob"}}};
  const auto both = authors_of(spec, proof(false, 2), {good(), good("bob@example.com")});
  CHECK(both.proven);
  CHECK(both.users == std::set<std::string>{"anna", "bob"});
  CHECK(authors_of(spec, proof(false, 0), {}).proven); // nothing is new
  const auto unsigned_one = authors_of(spec, proof(false, 2), {good(), bad("it is not signed")});
  CHECK_FALSE(unsigned_one.proven);
  CHECK(unsigned_one.why == "commit bbbbbbb: it is not signed");
  const auto stranger = authors_of(spec, proof(false, 1), {good("carl@example.com")});
  CHECK_FALSE(stranger.proven);
  CHECK(stranger.why.find("names no user for carl@example.com") != std::string::npos);
  CHECK_FALSE(authors_of(spec, proof(false, 2), {good()}).proven);
  // What an OpenPGP key calls itself is not what somebody has checked: only its fingerprint is.
  auto claimed = good();
  claimed.format = "OpenPGP";
  claimed.fingerprint = "ABCD";
  CHECK_FALSE(authors_of(spec, proof(false, 1), {claimed}).proven);
}

TEST_CASE("the Secret's keys go where they belong", "[source][verify]") {
  const auto wanted = verdicts_wanted({{"allowed_signers", "a"}, {"revoked_signers", "r"}, {"team.asc", "k"}}, proof(true, 1));
  CHECK(wanted.allowed_signers == "a");
  CHECK(wanted.revoked_signers == "r");
  REQUIRE(wanted.keys.size() == 1);
  CHECK(wanted.keys[0].name == "team.asc");
  REQUIRE(wanted.objects.size() == 2);
  CHECK(wanted.objects[0].tag);
}
