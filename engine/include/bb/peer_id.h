// layer: wire
// A peer's name: a multihash of up to 64 digest bytes, byte compatible with libp2p peer ids (spec A §1.5).
#pragma once

#include <array>
#include <compare>
#include <optional>

#include "bb/bytes.h"
#include "bb/error.h"

namespace bb {

struct PeerId {
  static constexpr std::size_t kDigestMax = 64;
  static constexpr std::size_t kBytesMax = 75;

  std::uint64_t code = 0;
  std::uint8_t size = 0;
  std::array<std::uint8_t, kDigestMax> digest{};  // zero beyond `size`, so equality and order are memberwise

  auto operator<=>(const PeerId&) const = default;
  /// By words: WebAssembly's memcmp goes byte by byte, and every delivery and every send compares peers.
  friend bool operator==(const PeerId& a, const PeerId& b) {
    std::uint64_t different = (a.code ^ b.code) | static_cast<std::uint64_t>(a.size ^ b.size);
    for (std::size_t at = 0; at < kDigestMax; at += 8)
      different |= load_le<std::uint64_t>(a.digest.data() + at) ^ load_le<std::uint64_t>(b.digest.data() + at);
    return different == 0;
  }

  /// The test form: identity code, eight big-endian digest bytes.
  static PeerId from(std::uint64_t value);
  /// Errors: any varint error, `invalid_value` (size over 64 or left-over bytes), `truncated`.
  static Result<PeerId> from_bytes(Bytes bytes);
  /// The same in place, for lists; `out` is not to be used after an error.
  static Status read(Bytes bytes, PeerId& out);
  /// Base58 (Bitcoin alphabet), then `from_bytes`. Errors: `malformed_string` or those of `from_bytes`.
  static Result<PeerId> from_text(std::string_view text);

  /// Writes uvarint(code), uvarint(size), digest; returns the length, at most `kBytesMax`.
  std::size_t write(std::uint8_t* out) const;
  ByteBuffer to_bytes() const;
  std::string to_text() const;
  std::optional<std::uint64_t> as_identity_u64() const;
  Bytes digest_bytes() const { return {digest.data(), size}; }
  /// FNV-1a-64 of the digest: the site under which a peer's round-trip times are kept, and our hash-table key.
  std::uint64_t site_hash() const;
};

}  // namespace bb
