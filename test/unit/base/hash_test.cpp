#include "base/hash.h"

#include "base/text.h"
#include "support/catch.h"

#include <random>
#include <set>

using namespace gitsync;

namespace {
std::string random_text(std::mt19937& random, size_t most) {
  std::string text(random() % (most + 1), '\0');
  const int kinds = 1 + static_cast<int>(random() % 256); // from "all the same" to "incompressible"
  for (auto& c : text) c = static_cast<char>(random() % static_cast<unsigned>(kinds));
  return text;
}
} // namespace

TEST_CASE("SHA-256 as FIPS 180-4 gives it", "[base]") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a digest is stable, salted and written as hex", "[base]") {
  const auto one = digest("salt", "content");
  CHECK(one == digest("salt", "content"));
  CHECK(one.hex() == sha256_hex("saltcontent").substr(0, 32)); // golden: stored inventories depend on it
  CHECK_FALSE(one.empty());
  CHECK(Digest{}.empty());
  std::set<std::string> all;
  for (const auto* salt : {"", "a", "b"})
    for (const auto* content : {"", "x", "y", "xx"}) all.insert(digest(salt, content).hex());
  CHECK(all.size() == 12);
  CHECK(Digest::parse(one.hex()) == one);
}

TEST_CASE("a digest's text is 32 hex digits and nothing else", "[base]") {
  const std::string good = digest("s", "c").hex();
  for (const auto& bad : {std::string(), good.substr(1), good + "0", "-" + good.substr(1), " " + good.substr(1),
                          "g" + good.substr(1), good.substr(0, 31) + "x", "0x" + good.substr(2), good.substr(0, 30) + "+1"}) {
    INFO(bad);
    CHECK_FALSE(Digest::parse(bad));
  }
}

TEST_CASE("random bytes are as many as asked for, and others each time", "[base]") {
  CHECK(random_bytes(0).empty());
  CHECK(random_bytes(16).size() == 16);
  CHECK(random_bytes(16) != random_bytes(16));
}

TEST_CASE("deflate and inflate keep any bytes", "[base]") {
  std::mt19937 random(3);
  for (int i = 0; i < 100; ++i) {
    const auto text = random_text(random, i % 10 == 0 ? 300'000 : 2'000);
    const int level = static_cast<int>(random() % 10);
    const auto out = inflate(deflate(text, level), text.size());
    REQUIRE(out);
    REQUIRE(*out == text);
  }
}

TEST_CASE("inflate stops at its limit", "[base]") {
  const std::string bomb = deflate(std::string(8u << 20, 'x'), 9);
  for (const size_t limit : {size_t{0}, size_t{1}, size_t{4096}, (size_t{8} << 20) - 1}) {
    CAPTURE(limit);
    const auto out = inflate(bomb, limit);
    REQUIRE_FALSE(out);
    CHECK(out.error().code == Code::InventoryCorrupt);
    CHECK(out.error().message.find(cat(limit)) != std::string::npos);
  }
  CHECK(inflate(bomb, 8u << 20));
  CHECK(inflate(deflate(""), 0));
}

TEST_CASE("inflate refuses what is damaged, cut or has more behind it", "[base]") {
  std::mt19937 random(5);
  const std::string good = deflate(random_text(random, 5'000) + "end");
  const auto refused = [](const std::string& bytes) {
    const auto out = inflate(bytes, 1u << 20);
    return !out && out.error().code == Code::InventoryCorrupt;
  };
  CHECK(refused(""));
  CHECK(refused("not compressed at all"));
  for (size_t cut = 1; cut < good.size(); cut += 1 + cut / 10) CHECK(refused(good.substr(0, cut)));
  for (int i = 0; i < 200; ++i) {
    std::string bad = good;
    bad[2 + random() % (bad.size() - 2)] ^=
        static_cast<char>(1 << random() % 8); // beyond zlib's header, whose hints mean nothing
    CHECK(refused(bad));
  }
  CHECK(refused(good + "more"));
}

TEST_CASE("HMAC-SHA-256 is that of RFC 4231, and comparing tells whether both are the same", "[base]") {
  CHECK(hmac_sha256_hex("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hmac_sha256_hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(equal_in_constant_time("", ""));
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abc", "ab"));
}
