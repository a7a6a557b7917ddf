// SHA-256 over OpenSSL, and deflate over zlib: what inventories and rendered sets are made of.
#pragma once
#include "base/error.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gitsync {

/// The first 128 bits of a salted SHA-256: enough that two different contents never meet, small enough for 10,000 objects.
struct Digest {
  std::array<uint8_t, 16> bytes{};
  friend bool operator==(const Digest&, const Digest&) = default;
  bool empty() const { return *this == Digest{}; }
  std::string hex() const;
  static std::optional<Digest> parse(std::string_view hex);
};

/// Salted, because a plain hash of a short secret can be guessed (decisions: "hashes of secret values are salted").
Digest digest(std::string_view salt, std::string_view content);
/// Lower-case hex of the whole SHA-256.
std::string sha256_hex(std::string_view content);
/// HMAC-SHA-256 in lower-case hex.
std::string hmac_sha256_hex(std::string_view key, std::string_view content);
/// Whether both are the same; takes as long whichever byte differs. Their lengths are no secret.
bool equal_in_constant_time(std::string_view a, std::string_view b);
/// `count` bytes from the system's random source.
std::string random_bytes(size_t count);

std::string deflate(std::string_view text, int level = 1);
/// Refuses to expand beyond `limit` bytes (a compressed bomb); an error where the input is not what deflate() made.
Result<std::string> inflate(std::string_view bytes, size_t limit);

} // namespace gitsync
