// layer: identity
// The public keys behind peer ids, in the encoding of libp2p: a protobuf of a key type and the key.
#pragma once

#include "bb/peer_id.h"

namespace bb {

/// Values are bits of the masks in a handshake's hello.
enum class SignatureAlgorithm : std::uint8_t { ed25519 = 1, p256 = 2 };

/// A view of a public key's parts; it lives as long as the bytes it was read from.
struct PublicKey {
  static constexpr std::size_t kBytesMax = 95;
  /// Ed25519 signatures, and the r and s of P-256 ones, one after the other.
  static constexpr std::size_t kSignatureBytes = 64;

  SignatureAlgorithm algorithm = SignatureAlgorithm::ed25519;
  Bytes encoded;  // the protobuf
  Bytes key;      // Ed25519: 32 bytes; P-256: its SubjectPublicKeyInfo in DER, 91 bytes with the point uncompressed

  /// Only the one shortest encoding is taken, so that a key has one id. Errors: truncated, trailing_bytes, invalid_value, with
  /// the position.
  static Result<PublicKey> from_bytes(Bytes encoded);
  /// The libp2p rule: encodings of up to 42 bytes are the id's digest themselves, longer ones are hashed by SHA-256.
  PeerId peer_id() const;
};

}  // namespace bb
