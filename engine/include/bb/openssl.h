// layer: openssl
// The cryptography of a native host, by OpenSSL 3: an identity's key, the answers to a handshake, the records after it.
// Link bb_openssl; the engine itself does not need it.
#pragma once

#include <memory>

#include "bb/handshake.h"

using EVP_PKEY = struct evp_pkey_st;

namespace bb {

struct OpenSslKeyDeleter {
  void operator()(EVP_PKEY* key) const;
};
using OpenSslKey = std::unique_ptr<EVP_PKEY, OpenSslKeyDeleter>;

/// A key pair that is a peer.
class OpenSslIdentity {
 public:
  /// Errors: no_memory where OpenSSL fails.
  static Result<OpenSslIdentity> generate(SignatureAlgorithm algorithm = SignatureAlgorithm::ed25519);
  /// Ed25519 by its seed of 32 bytes. Errors: bad_argument.
  static Result<OpenSslIdentity> from_seed(Bytes seed);
  /// For files: keep them to their owner. Errors: malformed.
  static Result<OpenSslIdentity> from_pkcs8(Bytes der);
  Result<ByteBuffer> to_pkcs8() const;

  const PeerId& id() const { return id_; }
  Bytes public_key() const { return public_key_; }
  SignatureAlgorithm algorithm() const { return algorithm_; }
  Result<std::array<std::uint8_t, PublicKey::kSignatureBytes>> sign(Bytes message) const;

 private:
  static Result<OpenSslIdentity> of(OpenSslKey key);
  OpenSslKey key_;
  SignatureAlgorithm algorithm_ = SignatureAlgorithm::ed25519;
  ByteBuffer public_key_;
  PeerId id_;
};

/// Messages of one direction, encrypted: a counter in the clear, then AES-256-GCM under a nonce of that counter.
class OpenSslRecords {
 public:
  static constexpr std::size_t kOverhead = 8 + 16;
  /// What is in front of and behind a record's message. Errors: over_cap after 2^64 - 1 records, no_memory.
  Result<ByteBuffer> seal(Bytes message);
  /// Errors: malformed for a record that is lost, repeated, out of order or changed; the channel is then to be given up.
  Result<ByteBuffer> open(Bytes record);

 private:
  friend class OpenSslHandshake;
  std::array<std::uint8_t, 32> key_{};
  std::uint64_t next_ = 0;
};

/// Answers one handshake. It holds the secrets of it; both must live until its end.
class OpenSslHandshake {
 public:
  explicit OpenSslHandshake(const OpenSslIdentity& identity) : identity_(identity) {}
  /// Unpredictable bytes, for `HandshakeOptions::nonce`. Errors: closed where there are none.
  static Result<std::array<std::uint8_t, 32>> nonce();
  /// Answers whatever is asked for, until something is to be sent or waited for.
  void serve(Handshake& handshake) {
    while (handshake.state() == Handshake::State::asks) answer(handshake);
  }
  /// Answers one request.
  void answer(Handshake& handshake);
  /// After `done`, for channels without protection of their own.
  OpenSslRecords outgoing(HandshakeOptions::Role own) const;
  OpenSslRecords incoming(HandshakeOptions::Role own) const;

 private:
  bool generate(const CryptoRequest& request, ByteBuffer& out);
  bool agree(const CryptoRequest& request);

  const OpenSslIdentity& identity_;
  OpenSslKey ephemeral_;
  std::array<std::array<std::uint8_t, 32>, 4> keys_{};  // handshake and traffic keys, the initiator's first
};

}  // namespace bb
