// Public keys by their fixed encodings: a key type and a length leave nothing to parse.
#include "bb/public_key.h"

#include <algorithm>
#include <array>

#include "bb/hash.h"

namespace bb {
namespace {

constexpr std::uint64_t kIdentityCode = 0;
constexpr std::uint64_t kSha256Code = 0x12;
constexpr std::size_t kInlineMax = 42;

constexpr std::array<std::uint8_t, 4> kEd25519Prefix = {0x08, 0x01, 0x12, 0x20};
constexpr std::size_t kEd25519Bytes = kEd25519Prefix.size() + 32;

// Key type 3 and 91 bytes of DER: the sequence of id-ecPublicKey and prime256v1, then the bit string of an uncompressed point.
constexpr std::array<std::uint8_t, 31> kP256Prefix = {0x08, 0x03, 0x12, 0x5b, 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
                                                      0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr std::size_t kP256Bytes = kP256Prefix.size() + 64;
constexpr std::size_t kHeaderBytes = 4;  // key type and length
static_assert(kP256Bytes == PublicKey::kBytesMax);

}  // namespace

Result<PublicKey> PublicKey::from_bytes(Bytes encoded) {
  if (encoded.size() < kHeaderBytes) return fail(Code::truncated, encoded.size());
  const bool p256 = encoded[1] == kP256Prefix[1];
  const Bytes prefix = p256 ? Bytes(kP256Prefix) : Bytes(kEd25519Prefix);
  const std::size_t size = p256 ? kP256Bytes : kEd25519Bytes;
  const auto differs = std::mismatch(prefix.begin(), prefix.end(), encoded.begin(), encoded.end());
  if (differs.first != prefix.end() && differs.second != encoded.end())
    return fail(Code::invalid_value, differs.first - prefix.begin());
  if (encoded.size() < size) return fail(Code::truncated, encoded.size());
  if (encoded.size() > size) return fail(Code::trailing_bytes, size);
  return PublicKey{.algorithm = p256 ? SignatureAlgorithm::p256 : SignatureAlgorithm::ed25519,
                   .encoded = encoded,
                   .key = encoded.subspan(kHeaderBytes)};
}

PeerId PublicKey::peer_id() const {
  PeerId id;
  if (encoded.size() <= kInlineMax) {
    id.code = kIdentityCode;
    id.size = static_cast<std::uint8_t>(encoded.size());
    std::copy(encoded.begin(), encoded.end(), id.digest.begin());
  } else {
    const auto digest = sha256(encoded);
    id.code = kSha256Code;
    id.size = digest.size();
    std::copy(digest.begin(), digest.end(), id.digest.begin());
  }
  return id;
}

}  // namespace bb
