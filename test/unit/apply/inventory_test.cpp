#include "apply/inventory.h"

#include "base/text.h"
#include "support/catch.h"

#include <bit>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

using namespace gitsync;
using nlohmann::json;

namespace {

std::string word(std::mt19937& random, size_t most) {
  static const std::vector<std::string> parts = {"a", "B", "7", "-", ".", "/", "ä", "…", "\"", "\\", "\n", " "};
  std::string out;
  for (size_t i = random() % (most + 1); i != 0; --i) out += parts[random() % parts.size()];
  return out;
}

Digest some_digest(std::mt19937& random) { return random() % 3 ? digest("s", word(random, 9) + "x") : Digest{}; }

std::vector<PathHash> hashes(std::mt19937& random) {
  std::vector<PathHash> out;
  for (size_t i = random() % 4; i != 0; --i) out.push_back(random() % 2 ? ~PathHash{0} - random() : random());
  return out;
}

ObjectRef some_ref(std::mt19937& random) { return {word(random, 3), word(random, 4), word(random, 2), word(random, 9)}; }

InventoryMeta some_meta(std::mt19937& random) {
  InventoryMeta out;
  out.salt = random_bytes(16);
  out.chunks = 1u << random() % 13;
  for (auto* text : {&out.revision, &out.commit, &out.tree, &out.spec_key}) *text = word(random, 9);
  if (random() % 2) {
    out.healthy = {word(random, 9), "c" + word(random, 9), word(random, 9), word(random, 9)};
    out.healthy_chunks = 1u << random() % 13;
  }
  if (random() % 2) {
    out.quarantine = {word(random, 9), "c" + word(random, 9), word(random, 9), word(random, 9), word(random, 60)};
    out.rolling_back = random() % 2;
    out.under_way = {"t" + word(random, 9), word(random, 9), word(random, 9)};
  }
  for (size_t i = random() % 5; i != 0; --i) out.pending.push_back(some_ref(random));
  return out;
}

InventoryRecord some_record(std::mt19937& random) {
  InventoryRecord out;
  out.ref = some_ref(random);
  out.version = word(random, 3);
  out.at = {word(random, 9), static_cast<int>(random() % 100'000)};
  out.uid = word(random, 9);
  out.applied = some_digest(random);
  out.owned = some_digest(random);
  out.foreign = hashes(random);
  out.empties = hashes(random);
  out.created = random() % 2;
  out.unasked = random() % 2;
  out.body = word(random, random() % 10 == 0 ? 20'000 : 60);
  out.leaving = random() % 2;
  return out;
}

bool same(const InventoryRecord& a, const InventoryRecord& b) {
  return a.ref == b.ref && a.version == b.version && a.at.file == b.at.file && a.at.line == b.at.line && a.uid == b.uid &&
         a.applied == b.applied && a.owned == b.owned && a.foreign == b.foreign && a.empties == b.empties && a.body == b.body &&
         a.leaving == b.leaving && a.created == b.created && a.unasked == b.unasked;
}

template <class T> bool corrupt(const Result<T>& result) { return !result && result.error().code == Code::InventoryCorrupt; }

/// One node of the value is replaced by something of another type.
json twisted(json value, std::mt19937& random) {
  static const std::vector<json> odd = {
      nullptr, true, -1, 1.5, 1e300, "x", "", json::array(), json::object(), json::array({1, 2, 3, 4}), {{"a", 1}}};
  json* node = &value;
  for (size_t depth = random() % 5; depth != 0 && node->is_structured() && !node->empty(); --depth) {
    auto it = node->begin();
    std::advance(it, static_cast<long>(random() % node->size()));
    node = &*it;
  }
  if (random() % 4 == 0 && node->is_object() && !node->empty())
    node->erase(node->begin());
  else
    *node = odd[random() % odd.size()];
  return value;
}

} // namespace

TEST_CASE("an inventory comes back as it was stored", "[apply]") {
  const auto seed = GENERATE(range(0u, 50u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto meta = some_meta(random);
  const auto meta_back = decode_meta(encode_meta(meta));
  REQUIRE(meta_back);
  CHECK(*meta_back == meta);

  std::vector<InventoryRecord> records;
  for (size_t i = random() % 20; i != 0; --i) records.push_back(some_record(random));
  const auto back = decode_chunk(encode_chunk(records));
  REQUIRE(back);
  REQUIRE(back->size() == records.size());
  for (size_t i = 0; i < records.size(); ++i) CHECK(same((*back)[i], records[i]));
}

TEST_CASE("file names in git are any bytes: an inventory with them can be stored and read", "[apply]") {
  std::mt19937 random(1);
  auto record = some_record(random);
  record.at.file = "apps/\xff\xfe.yaml";
  const auto chunk = decode_chunk(encode_chunk({record}));
  REQUIRE(chunk);
  CHECK(chunk->size() == 1);
  auto meta = some_meta(random);
  meta.revision = "main\xff@sha1:x"; // a branch's name is any bytes too
  std::string bytes;
  CHECK_NOTHROW(bytes = encode_meta(meta));
  CHECK(decode_meta(bytes));
}

TEST_CASE("damaged bytes are InventoryCorrupt, never a crash and never something else", "[apply]") {
  std::mt19937 random(2);
  const std::string meta = encode_meta(some_meta(random)), chunk = encode_chunk({some_record(random), some_record(random)});
  CHECK(corrupt(decode_meta("")));
  CHECK(corrupt(decode_chunk("")));
  for (size_t cut = 1; cut < chunk.size(); cut += 7) CHECK(corrupt(decode_chunk(chunk.substr(0, cut))));
  for (int i = 0; i < 300; ++i) {
    std::string bad_meta = meta, bad_chunk = chunk;
    bad_meta[2 + random() % (meta.size() - 2)] ^= static_cast<char>(1 << random() % 8);
    bad_chunk[2 + random() % (chunk.size() - 2)] ^= static_cast<char>(1 << random() % 8);
    // The last byte of a compressed stream has bits that mean nothing: what reads all the same must be what was written.
    const auto read_meta = decode_meta(bad_meta);
    CHECK((corrupt(read_meta) || (read_meta && encode_meta(*read_meta) == meta)));
    const auto read_chunk = decode_chunk(bad_chunk);
    CHECK((corrupt(read_chunk) || (read_chunk && encode_chunk(*read_chunk) == chunk)));
  }
}

TEST_CASE("well-compressed nonsense is InventoryCorrupt too", "[apply]") {
  for (const std::string text :
       {"", "null", "[]", "{}", "\"x\"", "{\"format\":1}", "{\"format\":\"1\"}", "{\"format\":null}", "{\"format\":{}}",
        "{\"format\":2}", "{\"format\":1,\"records\":5}", "{\"format\":1,\"records\":[5]}",
        "{\"format\":1,\"records\":[{\"ref\":[]}]}", "{\"format\":1"}) {
    INFO(text);
    CHECK_NOTHROW(corrupt(decode_meta(deflate(text))));
    CHECK_NOTHROW(corrupt(decode_chunk(deflate(text))));
  }
  for (const std::string text : {"[]", "{}", "{\"format\":1}", "{\"format\":2}", "{\"format\":1,\"records\":[5]}"}) {
    INFO(text);
    CHECK(corrupt(decode_meta(deflate(text))));
    CHECK(corrupt(decode_chunk(deflate(text))));
  }
}

TEST_CASE("a value of another type anywhere is InventoryCorrupt or harmless, never an exception", "[apply]") {
  const auto seed = GENERATE(range(0u, 20u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto meta = json::parse(*inflate(encode_meta(some_meta(random)), 1u << 20));
  const auto chunk = json::parse(*inflate(encode_chunk({some_record(random), some_record(random)}), 1u << 20));
  for (int i = 0; i < 100; ++i) {
    const auto bad_meta = twisted(meta, random), bad_chunk = twisted(chunk, random);
    INFO(bad_meta.dump(-1, ' ', true).substr(0, 500));
    INFO(bad_chunk.dump(-1, ' ', true).substr(0, 500));
    try {
      const auto one = decode_meta(deflate(bad_meta.dump()));
      CHECK((one || corrupt(one)));
      const auto two = decode_chunk(deflate(bad_chunk.dump()));
      CHECK((two || corrupt(two)));
    } catch (const std::exception& error) { FAIL_CHECK(error.what()); }
  }
}

TEST_CASE("a head without its salt or with absurdly many chunks is refused", "[apply]") {
  std::mt19937 random(3);
  auto meta = some_meta(random);
  meta.salt.clear();
  CHECK(corrupt(decode_meta(encode_meta(meta))));
  meta = some_meta(random);
  meta.chunks = 1u << 20;
  CHECK(corrupt(decode_meta(encode_meta(meta))));
}

TEST_CASE("an inventory of another format says what to do", "[apply]") {
  const auto result = decode_meta(deflate("{\"format\":99}"));
  REQUIRE(corrupt(result));
  CHECK(result.error().message.find("run the version that wrote it") != std::string::npos);
}

TEST_CASE("the chunk of an object never changes between versions", "[apply]") {
  // Golden: worked out by hand as the first 32 bits of SHA-256 of "group/kind" + "namespace/name". Another value here means
  // that an upgraded operator would look for objects in the wrong Secret.
  struct Row {
    ObjectRef ref;
    unsigned of_4096;
  };
  const std::vector<Row> rows = {
      {{"", "ConfigMap", "shop", "a"}, 744u}, {{"apps", "Deployment", "shop", "web"}, 1501u},
      {{"", "Namespace", "", "shop"}, 445u},  {{"rbac.authorization.k8s.io", "ClusterRole", "", "view"}, 439u},
      {{"", "Secret", "a", "b/c"}, 936u},
  };
  for (const auto& row : rows) {
    INFO(row.ref.text());
    for (const unsigned chunks : {1u, 2u, 16u, 4096u}) CHECK(chunk_of(row.ref, chunks) == row.of_4096 % chunks);
  }
}

TEST_CASE("chunks are as many as bodies need: a power of two, one at least, bounded", "[apply]") {
  CHECK(chunks_for(0) == 1);
  unsigned before = 1;
  for (size_t bytes = 1; bytes < (size_t{1} << 34); bytes *= 3) {
    CAPTURE(bytes);
    const unsigned chunks = chunks_for(bytes);
    CHECK(std::has_single_bit(chunks));
    CHECK(chunks >= before);
    CHECK(chunks <= 4096);
    if (chunks < 4096) CHECK(bytes / chunks <= 256u << 10); // a Secret holds a MiB, compressed this is far below
    before = chunks;
  }
  CHECK(before == 4096);
  CHECK(chunks_for(SIZE_MAX) == 4096);
}

TEST_CASE("objects spread evenly over chunks", "[apply]") {
  std::vector<size_t> count(64);
  for (int i = 0; i < 6'400; ++i) ++count[chunk_of({"", "ConfigMap", "shop", cat("many-", i)}, 64)];
  for (const size_t one : count) {
    CHECK(one > 50);
    CHECK(one < 200);
  }
}

TEST_CASE("an inventory that the first version wrote is read, and members that only a later one knows are read past",
          "[apply][upgrade]") {
  // What the first version's encoder wrote (format 1, without any of the later members), compressed by another program; never
  // make it anew.
  const auto bytes = [](std::string_view text) {
    const auto decoded = base64_decode(text);
    REQUIRE(decoded);
    return *decoded;
  };
  const char* meta = "eJxNTcsKgkAU/Ze7nkUjBjEgBD02YVGbKHExjVe96dwRxyKL/"
                     "r1x1+o8OecDpn5w40FFAoyzlgZQsLjhTBaxAQGl660OnhTQIRfEFagsg5CsHJdUpboL3NduAsbXAHkuoMcneXIctqwmXvpaS/W36nU7/"
                     "aTrzZi+j3J/N/HhvKVLdGqvVZJMjQ7NDsdQaoIaesRA56glfH/bXzeI";
  const char* chunk = "eJxVjjtuwzAQRO8yNWObsGQlbJ02J7BcMCalLEJxCeoDCILunlXhT6rFDmbmzYKGc2cHGK2Q/"
                      "Y2z62EuC77ZzTBYavxSdDVMjU+fAs+"
                      "dj0ONFQoNBS8Wm9LeJtrNtgubytlTG6WkUvq9KE5VURyqY3X4KEt90uVVIVCU4HEDNuLbGnpJPvvl6X84yZFiSGIkJ6TxTYs0+"
                      "dwTCwCTxqqW1x0c3H1H8Hai2MIMefR3pn4wxXHm2FD7ZdMTJ/kN9x9xXf8AqI1bAA==";
  // The same as a version after this one might write them: a downgrade by one version reads them.
  const char* later_meta = "eJxNjU8LgkAUxL/LO3toxSAWhKA/l7CoS5R4eK1P3XR3xbXIxO/"
                           "e89Zpht8MMyOo6mVrDzIMQDljdA8SVg9aiDxSEEDhOoPMRAAt2VzbEmSaAicbZwtdJtiy95WbxdKnhywLoKO39tpZ3jKo7dpXKO"
                           "Tfqsdm/km2uyH5nsXxqaLTda9v4aW5l3E8N5yhHAeQIyA/imxi1pI6EDOoudF3RGyXhAKmH4TFPeQ=";
  const char* later_chunk =
      "eJxVjsFuwyAQRP9lzjQNih23XNtrviDOgRbsomIWgW3FQv73rA9p0hNa9GbmFXSUBj1CSYFkvymZDHUu+CKzQKG0+"
      "HXBtFAtPm30tAw2jC1WCHTOW0Z0jK86ut2iB7/9UrKuD1zSCPlWVcemqvbNodm/17U8yvoi4F3g4GEb7JjbGjInH/185B+K/"
      "HAxOJFpsEazUMGVVVeByRnenl4kQ7NN2RFPYpZYRXk2I2/uZt7q2YUeakyTvVvIPwsmPih0rj/p+BDg/Cbwf+LZSK439/FkiA==";
  for (const auto* text : {meta, later_meta}) {
    const auto head = decode_meta(bytes(text));
    REQUIRE(head);
    InventoryMeta expected;
    expected.salt = "0123456789abcdef";
    expected.chunks = 2;
    expected.revision = "main@sha1:8be01d4c";
    expected.commit = "8be01d4c";
    expected.tree = "5ea1";
    expected.spec_key = "k";
    expected.pending = {{"", "ConfigMap", "shop", "next"}};
    CHECK(*head == expected);
  }
  for (const auto* text : {chunk, later_chunk}) {
    const auto records = decode_chunk(bytes(text));
    REQUIRE(records);
    REQUIRE(records->size() == 2);
    const auto& first = records->front();
    CHECK(first.ref == ObjectRef{"apps", "Deployment", "shop", "api"});
    CHECK(first.version == "v1");
    CHECK(first.at.text() == "app/api.yaml:3");
    CHECK(first.uid == "u-1");
    CHECK(first.foreign == std::vector<PathHash>{7, ~PathHash{0}});
    CHECK(first.body == R"({"kind":"Deployment"})");
    CHECK_FALSE(first.leaving);
    CHECK(records->back().leaving);
    CHECK_FALSE(records->back().given_up);
  }
  // What is written now has for an inventory without news nothing that the first version didn't know.
  auto plain = decode_meta(bytes(meta));
  REQUIRE(plain);
  const auto written = inflate(encode_meta(*plain), 1 << 20), before = inflate(bytes(meta), 1 << 20);
  REQUIRE(written);
  REQUIRE(before);
  CHECK(json::parse(*written) == json::parse(*before));
}
