#include "git/protocol.h"

#include "base/text.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::git;

TEST_CASE("messages arrive as they were sent", "[git]") {
  const Credentials credentials{"u", "p\n", "t", "c", "i", "k", "crt", "key", "proxy", "pu", "pp"};
  const FetchJob fetch{"/m", "https://h/a", {.tag = "v\"1\""}, credentials, 1ull << 40, true};
  const auto job = decode_job(encode(Job(fetch)));
  REQUIRE(job);
  const auto& f = std::get<FetchJob>(*job);
  CHECK(f.mirror == fetch.mirror);
  CHECK(f.url == fetch.url);
  CHECK(f.ref.tag == fetch.ref.tag);
  CHECK(f.credentials.password == "p\n");
  CHECK(f.credentials.known_hosts == "k");
  CHECK(f.credentials.tls_crt == "crt");
  CHECK(f.credentials.tls_key == "key");
  CHECK(f.credentials.proxy == "proxy");
  CHECK(f.credentials.proxy_username == "pu");
  CHECK(f.credentials.proxy_password == "pp");
  CHECK(f.max_repository == 1ull << 40);
  CHECK(f.whole_history);

  FileChange change{.file = "a.yaml"};
  change.manifests.push_back({.ref = {"apps", "Deployment", "n", "d"}, .version = "v1", .at = {"a.yaml", 7}});
  change.manifests[0].body = {{"big", 9223372036854775807},
                              {"huge", 18446744073709551615u},
                              {"float", 1.0},
                              {"tiny", 5e-324},
                              {"text", "\u0001ü"},
                              {"null", nullptr}};
  const auto body = change.manifests[0].body;
  const auto answer = decode_answer(encode(Answer(std::move(change))));
  REQUIRE(answer);
  const auto& manifest = std::get<FileChange>(*answer).manifests.at(0);
  CHECK(manifest.ref == ObjectRef{"apps", "Deployment", "n", "d"});
  CHECK(manifest.at.text() == "a.yaml:7");
  CHECK(manifest.body == body);
  CHECK(manifest.body["float"].is_number_float());

  ReadResult result{.tree = "t", .full = true, .files = 3};
  result.errors.push_back({Code::UnsafePath, "x: \xff", Retry::After, std::chrono::milliseconds(5)});
  const auto read = decode_answer(encode(Answer(result)));
  REQUIRE(read);
  const auto& error = std::get<ReadResult>(*read).errors.at(0);
  CHECK(error.code == Code::UnsafePath);
  CHECK(error.retry == Retry::After);
  CHECK(error.after == std::chrono::milliseconds(5));
}

TEST_CASE("a question about trees arrives as it was asked, and so does its answer", "[git]") {
  const auto job = decode_job(encode(Job(TreesJob{"/m", "https://h/a", "c", {"./a", "b/c"}, {{"x/**", "y"}, {"z"}}})));
  REQUIRE(job);
  CHECK(std::get<TreesJob>(*job).paths == std::vector<std::string>{"./a", "b/c"});
  CHECK(std::get<TreesJob>(*job).globs == std::vector<Globs>{{"x/**", "y"}, {"z"}});
  const auto answer = decode_answer(encode(Answer(Trees{{{"./a", "t1"}, {"b/c", "t2"}}, {{{"x/**", "y"}, "d1"}}})));
  REQUIRE(answer);
  CHECK(std::get<Trees>(*answer).matches.at({"x/**", "y"}) == "d1");
  CHECK(std::get<Trees>(*answer).ids.at("b/c") == "t2");
}

TEST_CASE("a question for the last change arrives as it was sent", "[git]") {
  const auto job = decode_job(encode(Job(HistoryJob{"/m", "u", "c", {"a/**", "b \"c\""}, "k", "l"})));
  REQUIRE(job);
  const auto& history = std::get<HistoryJob>(*job);
  CHECK(history.mirror == "/m");
  CHECK(history.commit == "c");
  CHECK(history.paths == std::vector<std::string>{"a/**", "b \"c\""});
  CHECK(history.known_commit == "k");
  CHECK(history.known_change == "l");
  const auto answer = decode_answer(encode(Answer(LastChange{"d"})));
  REQUIRE(answer);
  CHECK(std::get<LastChange>(*answer).commit == "d");
}

TEST_CASE("a question for signed objects arrives as it was sent, and they with all their bytes", "[git]") {
  const auto job = decode_job(encode(Job(ProofJob{"/m", "u", "c", "t", true, "b"})));
  REQUIRE(job);
  const auto& proof = std::get<ProofJob>(*job);
  CHECK(cat(proof.mirror, proof.url, proof.commit, proof.tag, proof.base) == "/muctb");
  CHECK(proof.since);
  const std::string bytes("\xFF\0\n", 3);
  const auto answer = decode_answer(encode(Answer(Proof{{{"a", true, bytes}, {"b", false, ""}}, false})));
  REQUIRE(answer);
  const auto& found = std::get<Proof>(*answer);
  REQUIRE(found.objects.size() == 2);
  CHECK(found.objects[0].content == bytes);
  CHECK(found.objects[0].tag);
  CHECK(found.objects[1].id == "b");
  CHECK_FALSE(found.forward);
  const auto fetched = decode_answer(encode(Answer(Fetched{.commit = "c", .ref = "v1", .revision = "v1@c", .tag = "t"})));
  REQUIRE(fetched);
  CHECK(std::get<Fetched>(*fetched).tag == "t");
}

TEST_CASE("garbage is an error, never an exception", "[git]") {
  for (const char* text :
       {"", "{", "[]", "null", "{}", R"({"job":"fetch"})", R"({"job":1})", R"({"job":"x"})", R"({"file":1})", R"({"error":{}})",
        R"({"file":"a","manifests":[[]]})", R"({"tree":"a","full":1,"files":-1,"errors":[]})", "\xff"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_job(text));
    CHECK_FALSE(decode_answer(text));
  }
}

TEST_CASE("credential sets are told apart", "[git]") {
  CHECK(credentials_key({}) == credentials_key({}));
  CHECK(credentials_key({.username = "a"}) != credentials_key({.password = "a"}));
  CHECK(credentials_key({.username = "a", .password = "b"}) != credentials_key({.username = "ab"}));
}
