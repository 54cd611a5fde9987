// layer: identity
// Who is at the other end of a channel: three messages by which each side proves its key and both agree on keys of their own
// (SIGMA, docs/handshake.md). Sans-IO: it says what to send and what to compute, the host does both, and no secret passes through it.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "bb/peer.h"
#include "bb/public_key.h"

namespace bb {

/// Values are bits of the masks in a hello; the lowest bit that both sides have is the one used.
enum class KeyAgreement : std::uint8_t { x25519 = 1, p256 = 2 };

/// What ties a handshake to the channel under it, so that it cannot be moved to another one.
struct ChannelBinding {
  enum class Kind : std::uint8_t {
    none,       // the channel is whoever's; records are to be encrypted
    dtls,       // `fingerprints` holds the SHA-256 of both certificates, the initiator's first
    in_process  // nobody else can reach the channel
  };
  Kind kind = Kind::none;
  std::array<std::uint8_t, 64> fingerprints{};
};

enum class HandshakeRefusal : std::uint8_t {
  none,
  too_long,
  malformed,
  unexpected,  // a message when none is due
  wrong_network,
  reflection,  // our own words come back
  agreement,   // no key agreement in common, or not the best one
  signature_algorithm,
  bad_agreement,  // a key that no key agreement takes
  tampered,       // a sealed part does not open: other keys, other messages, or another channel at the other end
  bad_signature,
  wrong_peer,  // proven, but not the peer that was called
  delegation,  // on behalf of another key, which this version does not take
  late,
  cryptography,  // the host could not compute what it was asked for
};
/// The stable lower-case name, as in `BBError.detail` of TypeScript.
std::string_view handshake_refusal_name(HandshakeRefusal refusal);

/// A computation the host is asked for. Views live until the answer.
struct CryptoRequest {
  enum class Kind : std::uint8_t {
    generate,  // a key pair for `agreement`: keep it, answer the public key (X25519: 32 bytes; P-256: 65, uncompressed)
    agree,  // with the key pair and `key` of the other side; then HKDF-SHA-256 with salt `salt` into the keys of `HandshakeKey`; no answer bytes
    sign,   // `message` with the identity's key: 64 bytes
    verify,  // `signature` of `message` by `key` of `algorithm`; no answer bytes
    seal,    // AES-256-GCM of `message` with the key `sealed_by`, nonce zero and `salt` as additional data: ciphertext and tag
    open,    // the opposite
  };
  Kind kind = Kind::generate;
  KeyAgreement agreement = KeyAgreement::x25519;
  SignatureAlgorithm algorithm = SignatureAlgorithm::ed25519;
  std::uint8_t sealed_by = 0;  // 1 the initiator, 2 the responder
  Bytes key;
  Bytes salt;
  Bytes message;
  Bytes signature;
};

/// What a key is for; its label is the HKDF info it is derived by.
struct HandshakeKey {
  static constexpr std::string_view kResponderHandshake = "bb-hs r";
  static constexpr std::string_view kInitiatorHandshake = "bb-hs i";
  static constexpr std::string_view kInitiatorToResponder = "bb i2r";
  static constexpr std::string_view kResponderToInitiator = "bb r2i";
};

struct HandshakeOptions {
  enum class Role : std::uint8_t { initiator = 1, responder = 2 };
  Role role = Role::initiator;
  Bytes network;  // its name: peers of different networks do not meet
  /// Unpredictable, and new for each handshake.
  std::array<std::uint8_t, 32> nonce{};
  std::uint8_t agreements = 3;  // masks of what the host can do
  std::uint8_t algorithms = 3;
  Bytes public_key;  // the own one, encoded
  std::uint64_t incarnation = 0;
  std::uint32_t capabilities = 0;        // free for the host
  std::uint32_t envelope_bytes_max = 0;  // longest envelope taken
  ChannelBinding binding;
  std::optional<PeerId> expected;  // who was called
};

/// What the other side said of itself, proven with its key.
struct HandshakePeer {
  PeerId id;
  std::uint64_t incarnation = 0;
  std::uint32_t capabilities = 0;
  std::uint32_t envelope_bytes_max = 0;
};

/// One handshake; about 2 KiB, whatever comes. Anything out of order ends it for good.
class Handshake {
 public:
  static constexpr std::size_t kMessageMax = 4096;
  static constexpr std::uint64_t kTimeNs = 10'000'000'000;
  /// Half-open handshakes a host should have at most.
  static constexpr std::uint32_t kHalfOpenMax = 64;

  enum class State : std::uint8_t {
    asks,   // `request` is to be answered
    sends,  // `message` is to be sent
    waits,  // for a message
    done,   // `take` the proof
    refused
  };

  /// Errors: bad_argument for an own public key or masks that are none.
  static Result<Handshake> begin(const HandshakeOptions& options);

  State state() const { return state_; }
  HandshakeRefusal refusal() const { return refusal_; }
  /// The byte of the message that was refused, as far as there is one.
  std::uint32_t refused_at() const { return refused_at_; }

  /// In `asks`.
  CryptoRequest request() const;
  /// What the host computed. Of a `verify` or `agree` that came out well: no bytes.
  void answer(Bytes result);
  /// The host computed that it is wrong (a signature, a seal, a key), or could not compute.
  void decline();

  /// In `sends`: the message, which lives until `sent`.
  Bytes message() const { return out_.bytes(); }
  void sent();

  /// A message came.
  void receive(Bytes message);
  /// The time is over: `kTimeNs` after the beginning.
  void time_out() { refuse(HandshakeRefusal::late); }

  /// In `done`; nullptr before.
  const HandshakePeer* peer() const { return state_ == State::done ? &*peer_ : nullptr; }
  /// In `done`, once.
  std::optional<AuthenticatedPeer> take();

 private:
  // What is being asked for, or what a message that comes is.
  enum class Step : std::uint8_t { generate, agree, sign, seal, open, verify, first, second, third, finished };
  template <std::size_t max>
  struct Buffer {
    std::array<std::uint8_t, max> data{};
    std::uint32_t size = 0;
    Bytes bytes() const { return Bytes(data).first(size); }
    void assign(Bytes bytes);
    void append(Bytes bytes);
    template <class T>
    void append_le(T value);
  };
  static constexpr std::size_t kAgreementKeyMax = 65;
  static constexpr std::size_t kHelloMax = 76 + kAgreementKeyMax;
  static constexpr std::size_t kIdentityMax = 1 + 2 + PublicKey::kBytesMax + 8 + 4 + 4 + 2 + 2 + PublicKey::kSignatureBytes;
  static constexpr std::size_t kTagBytes = 16;
  struct Hello {
    std::uint8_t agreements = 0;
    std::uint8_t algorithms = 0;
    std::uint8_t agreement = 0;  // 0 in an answer that asks for another one
    Bytes nonce;
    Bytes key;
    std::size_t size = 0;
  };

  explicit Handshake(const HandshakeOptions& options);
  bool initiator() const { return options_.role == HandshakeOptions::Role::initiator; }
  void refuse(HandshakeRefusal refusal, std::size_t at = 0);
  void ask(Step step);
  void send(Step next);
  std::uint8_t best_agreement(std::uint8_t theirs) const;
  Buffer<kHelloMax> own_hello(std::uint8_t agreement, Bytes key) const;
  /// nullopt when the handshake is refused over it.
  std::optional<Hello> read_hello(Bytes message);
  void receive_first(Bytes message);
  void receive_second(Bytes message);
  void receive_third(Bytes message);
  void bind_transcript();
  void write_identity();
  void read_identity();
  void write_signed(HandshakeOptions::Role signer, Bytes identity_without_signature);

  HandshakeOptions options_;
  std::array<std::uint8_t, 32> network_{};  // SHA-256 of the name
  State state_ = State::asks;
  Step step_ = Step::generate;
  HandshakeRefusal refusal_ = HandshakeRefusal::none;
  std::uint32_t refused_at_ = 0;
  std::uint8_t agreement_ = 0;
  SignatureAlgorithm algorithm_ = SignatureAlgorithm::ed25519;  // the own one
  bool asked_again_ = false;                                    // for another key agreement, by either side
  Buffer<PublicKey::kBytesMax> own_key_;
  Buffer<kHelloMax> first_;   // hellos as they were sent: the initiator's
  Buffer<kHelloMax> second_;  // and the responder's
  std::array<std::uint8_t, kAgreementKeyMax> their_key_{};
  std::uint8_t their_key_size_ = 0;
  std::array<std::uint8_t, 32> transcript_{};
  std::array<std::uint8_t, 32> responder_identity_{};  // the hash of it
  Buffer<kIdentityMax> identity_;                      // the one being sealed or checked
  std::uint32_t signature_at_ = 0;                     // its signature there
  Buffer<kIdentityMax + kTagBytes> sealed_;
  Buffer<12 + 1 + 32 + 32 + 32> signed_;
  Buffer<kHelloMax + kIdentityMax + kTagBytes> out_;
  std::optional<HandshakePeer> peer_;  // what it says of itself, proven in `done`
  bool taken_ = false;
};

}  // namespace bb
