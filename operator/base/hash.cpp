#include "base/hash.h"

#include "base/text.h"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdexcept>
#include <zlib.h>

namespace gitsync {
namespace {
struct Sha256 {
  EVP_MD* md = EVP_MD_fetch(nullptr, "SHA256", nullptr); // fetched once: fetching costs more than hashing a small object
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Sha256() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(md);
  }
};

std::array<uint8_t, 32> sha256(std::string_view first, std::string_view second) {
  thread_local Sha256 state;
  std::array<uint8_t, 32> out{};
  unsigned size = 0;
  if (EVP_DigestInit_ex2(state.context, state.md, nullptr) != 1 ||
      EVP_DigestUpdate(state.context, first.data(), first.size()) != 1 ||
      EVP_DigestUpdate(state.context, second.data(), second.size()) != 1 ||
      EVP_DigestFinal_ex(state.context, out.data(), &size) != 1)
    throw std::runtime_error("OpenSSL cannot compute SHA-256");
  return out;
}
} // namespace

std::string Digest::hex() const { return gitsync::hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()}); }

std::optional<Digest> Digest::parse(std::string_view text) {
  Digest out;
  if (text.size() != out.bytes.size() * 2) return {};
  for (size_t i = 0; i < out.bytes.size(); ++i) {
    const auto [end, error] = std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, out.bytes[i], 16);
    if (error != std::errc{} || end != text.data() + 2 * i + 2) return {};
  }
  return out;
}

Digest digest(std::string_view salt, std::string_view content) {
  const auto full = sha256(salt, content);
  Digest out;
  std::copy_n(full.begin(), out.bytes.size(), out.bytes.begin());
  return out;
}

std::string sha256_hex(std::string_view content) {
  const auto full = sha256({}, content);
  return hex({reinterpret_cast<const char*>(full.data()), full.size()});
}

std::string hmac_sha256_hex(std::string_view key, std::string_view content) {
  std::array<uint8_t, 32> out{};
  unsigned size = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(content.data()),
            content.size(), out.data(), &size))
    throw std::runtime_error("OpenSSL cannot compute HMAC-SHA-256");
  return hex({reinterpret_cast<const char*>(out.data()), out.size()});
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1)
    throw std::runtime_error("OpenSSL has no random bytes");
  return out;
}

std::string deflate(std::string_view text, int level) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()), text.size(), level) !=
      Z_OK)
    throw std::runtime_error("zlib cannot compress");
  out.resize(size);
  out.shrink_to_fit();
  return out;
}

Result<std::string> inflate(std::string_view bytes, size_t limit) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return fail(Code::Internal, "zlib cannot start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK) {
    const size_t had = out.size();
    const size_t step = std::min<size_t>(std::max<size_t>(bytes.size() * 4, 4096), limit + 1 - had);
    if (step == 0) break;
    out.resize(had + step);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(step);
    status = inflate(&stream, Z_NO_FLUSH);
    out.resize(had + step - stream.avail_out);
    if (status == Z_BUF_ERROR && stream.avail_in == 0) break;
  }
  const bool trailing = stream.avail_in > 0;
  inflateEnd(&stream);
  if (out.size() > limit) return fail(Code::InventoryCorrupt, cat("compressed data expands beyond ", limit, " bytes"));
  if (status != Z_STREAM_END || trailing) return fail(Code::InventoryCorrupt, "compressed data is damaged");
  return out;
}

} // namespace gitsync
