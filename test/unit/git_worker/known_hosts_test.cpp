#include "git_worker/known_hosts.h"

#include "base/text.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::git;

namespace {
const std::string one = base64_encode("key-one"), two = base64_encode("key-two");
}

TEST_CASE("known_hosts lists keys by name, pattern, port and hash", "[git]") {
  struct Case {
    std::string line, host;
    uint16_t port;
    size_t keys;
  };
  const auto key = " ssh-ed25519 " + one;
  // The hashed name was made by `ssh-keygen -H` from "git.example.com".
  const Case cases[] = {
      {"git.example.com" + key, "git.example.com", 22, 1},
      {"git.example.com" + key, "GIT.example.com", 22, 1},
      {"git.example.com" + key, "git.example.com", 2222, 0},
      {"[git.example.com]:2222" + key, "git.example.com", 2222, 1},
      {"[git.example.com]:2222" + key, "git.example.com", 22, 0},
      {"a,git.example.com,b" + key, "git.example.com", 22, 1},
      {"*.example.com" + key, "git.example.com", 22, 1},
      {"*.example.com" + key, "example.com", 22, 0},
      {"g?t.example.com" + key, "git.example.com", 22, 1},
      {"*,!git.example.com" + key, "git.example.com", 22, 0},
      {"!git.example.com,*" + key, "git.example.com", 22, 0},
      {"# git.example.com" + key, "git.example.com", 22, 0},
      {"@cert-authority git.example.com" + key, "git.example.com", 22, 0},
      {"@revoked git.example.com" + key, "git.example.com", 22, 1},
      {"git.example.com ssh-ed25519 not*base64", "git.example.com", 22, 0},
      {"git.example.com ssh-ed25519", "git.example.com", 22, 0},
      {"\r\n\n  git.example.com" + key + "  a comment\r", "git.example.com", 22, 1},
      {"", "git.example.com", 22, 0},
      {"|1|HASHED1" + key, "git.example.com", 22, 0},
      {"|1|5/VD5uc16Bo/BSbDS1jVonXVZ1Y=|jnyxk5pm/luD/wU05w01qdm8LiE=" + key, "git.example.com", 22, 1},
      {"|1|5/VD5uc16Bo/BSbDS1jVonXVZ1Y=|jnyxk5pm/luD/wU05w01qdm8LiE=" + key, "other.example.com", 22, 0},
  };
  for (const auto& c : cases) {
    CAPTURE(c.line, c.host, c.port);
    CHECK(known_keys(c.line, c.host, c.port).size() == c.keys);
  }
}

TEST_CASE("a host key is trusted only where it is listed and not revoked", "[git]") {
  const auto keys = known_keys("h ssh-ed25519 " + one + "\n@revoked h ssh-ed25519 " + two + "\n", "h", 22);
  REQUIRE(keys.size() == 2);
  CHECK(judge_host_key(keys, "key-one") == HostKeyVerdict::Trusted);
  CHECK(judge_host_key(keys, "key-two") == HostKeyVerdict::Revoked);
  CHECK(judge_host_key(keys, "key-three") == HostKeyVerdict::Mismatch);
  CHECK(judge_host_key({}, "key-one") == HostKeyVerdict::Unknown);
  // A revoked line stands above another that trusts the same key.
  const auto both = known_keys("h ssh-ed25519 " + one + "\n@revoked * ssh-ed25519 " + one + "\n", "h", 22);
  CHECK(judge_host_key(both, "key-one") == HostKeyVerdict::Revoked);
}

TEST_CASE("the server is asked for the best key type that is listed", "[git]") {
  const auto preferred = [](std::string_view text) { return preferred_key_type(known_keys(text, "h", 22)); };
  CHECK(preferred("h ssh-rsa " + one + "\nh ecdsa-sha2-nistp256 " + one + "\nh ssh-ed25519 " + one) == "ssh-ed25519");
  CHECK(preferred("h ssh-rsa " + one + "\nh ecdsa-sha2-nistp256 " + one) == "ecdsa-sha2-nistp256");
  CHECK(preferred("h ssh-rsa " + one) == "ssh-rsa");
  CHECK(preferred("@revoked h ssh-ed25519 " + one).empty());
  CHECK(preferred("").empty());
}
