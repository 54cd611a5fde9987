// The handshake's states. Initiator: generate, [hello], agree, open, verify, sign, seal, [identity]. Responder, on a hello: generate,
// agree, sign, seal, [hello and identity]; on an identity: open, verify. So a stranger costs one of each at most.
#include "bb/handshake.h"

#include <algorithm>
#include <utility>

#include "bb/hash.h"

namespace bb {
namespace {

using Role = HandshakeOptions::Role;

constexpr std::string_view kMagic = "BBH1";
constexpr std::string_view kTranscriptLabel = "bb-hs-v1";
constexpr std::string_view kSignatureLabel = "bb-hs-v1 sig";

// A hello: magic, role, flags, two masks, network, nonce, key agreement, key length, key.
constexpr std::size_t kRoleAt = 4;
constexpr std::size_t kFlagsAt = 5;
constexpr std::size_t kAgreementsAt = 6;
constexpr std::size_t kAlgorithmsAt = 8;
constexpr std::size_t kNetworkAt = 10;
constexpr std::size_t kNonceAt = 42;
constexpr std::size_t kAgreementAt = 74;
constexpr std::size_t kKeyLengthAt = 75;
constexpr std::size_t kKeyAt = 76;

constexpr std::uint8_t kKnownMask = 3;

std::size_t key_bytes(std::uint8_t agreement) { return agreement == 0 ? 0 : agreement == 1 ? 32 : 65; }

ChannelKind channel_of(ChannelBinding::Kind kind) {
  switch (kind) {
    case ChannelBinding::Kind::none: return ChannelKind::encrypted;
    case ChannelBinding::Kind::dtls: return ChannelKind::dtls;
    case ChannelBinding::Kind::in_process: return ChannelKind::in_process;
  }
  return ChannelKind::none;
}

Role opposite(Role role) { return role == Role::initiator ? Role::responder : Role::initiator; }

}  // namespace

std::string_view handshake_refusal_name(HandshakeRefusal refusal) {
  switch (refusal) {
    case HandshakeRefusal::none: return "none";
    case HandshakeRefusal::too_long: return "too_long";
    case HandshakeRefusal::malformed: return "malformed";
    case HandshakeRefusal::unexpected: return "unexpected";
    case HandshakeRefusal::wrong_network: return "wrong_network";
    case HandshakeRefusal::reflection: return "reflection";
    case HandshakeRefusal::agreement: return "agreement";
    case HandshakeRefusal::signature_algorithm: return "signature_algorithm";
    case HandshakeRefusal::bad_agreement: return "bad_agreement";
    case HandshakeRefusal::tampered: return "tampered";
    case HandshakeRefusal::bad_signature: return "bad_signature";
    case HandshakeRefusal::wrong_peer: return "wrong_peer";
    case HandshakeRefusal::delegation: return "delegation";
    case HandshakeRefusal::late: return "late";
    case HandshakeRefusal::cryptography: return "cryptography";
  }
  return "none";
}

template <std::size_t max>
void Handshake::Buffer<max>::assign(Bytes bytes) {
  size = 0;
  append(bytes);
}
template <std::size_t max>
void Handshake::Buffer<max>::append(Bytes bytes) {
  BB_ASSERT(bytes.size() <= max - size);
  std::copy(bytes.begin(), bytes.end(), data.begin() + size);
  size += static_cast<std::uint32_t>(bytes.size());
}
template <std::size_t max>
template <class T>
void Handshake::Buffer<max>::append_le(T value) {
  std::array<std::uint8_t, sizeof(T)> bytes;
  store_le(bytes.data(), value);
  append(bytes);
}

Result<Handshake> Handshake::begin(const HandshakeOptions& options) {
  if ((options.agreements & kKnownMask) == 0 || (options.algorithms & kKnownMask) == 0) return fail(Code::bad_argument);
  BB_TRY(key, PublicKey::from_bytes(options.public_key));
  Handshake handshake(options);
  handshake.algorithm_ = key.algorithm;
  return handshake;
}

Handshake::Handshake(const HandshakeOptions& options) : options_(options) {
  options_.agreements &= kKnownMask;
  options_.algorithms &= kKnownMask;
  own_key_.assign(options.public_key);
  network_ = sha256(options.network);
  options_.public_key = options_.network = {};  // they are the caller's
  if (initiator()) {
    agreement_ = best_agreement(kKnownMask);
    ask(Step::generate);
  } else {
    state_ = State::waits;
    step_ = Step::first;
  }
}

void Handshake::refuse(HandshakeRefusal refusal, std::size_t at) {
  if (state_ == State::done || state_ == State::refused) return;
  state_ = State::refused;
  refusal_ = refusal;
  refused_at_ = static_cast<std::uint32_t>(at);
  peer_.reset();
}

void Handshake::ask(Step step) {
  state_ = State::asks;
  step_ = step;
}

void Handshake::send(Step next) {
  state_ = State::sends;
  step_ = next;
}

std::uint8_t Handshake::best_agreement(std::uint8_t theirs) const {
  const unsigned common = options_.agreements & theirs;
  return static_cast<std::uint8_t>(common & (~common + 1U));
}

CryptoRequest Handshake::request() const {
  CryptoRequest request;
  switch (step_) {
    case Step::generate:
      request.kind = CryptoRequest::Kind::generate;
      request.agreement = static_cast<KeyAgreement>(agreement_);
      break;
    case Step::agree:
      request.kind = CryptoRequest::Kind::agree;
      request.agreement = static_cast<KeyAgreement>(agreement_);
      request.key = Bytes(their_key_).first(their_key_size_);
      request.salt = transcript_;
      break;
    case Step::sign:
      request.kind = CryptoRequest::Kind::sign;
      request.algorithm = algorithm_;
      request.message = signed_.bytes();
      break;
    case Step::seal:
      request.kind = CryptoRequest::Kind::seal;
      request.sealed_by = static_cast<std::uint8_t>(options_.role);
      request.salt = transcript_;
      request.message = identity_.bytes();
      break;
    case Step::open:
      request.kind = CryptoRequest::Kind::open;
      request.sealed_by = static_cast<std::uint8_t>(opposite(options_.role));
      request.salt = transcript_;
      request.message = sealed_.bytes();
      break;
    case Step::verify: {
      request.kind = CryptoRequest::Kind::verify;
      const auto key = PublicKey::from_bytes(identity_.bytes().subspan(3, load_le<std::uint16_t>(identity_.data.data() + 1)));
      request.algorithm = key->algorithm;
      request.key = key->key;
      request.message = signed_.bytes();
      request.signature = identity_.bytes().subspan(signature_at_);
      break;
    }
    default: break;
  }
  return request;
}

void Handshake::decline() {
  if (state_ != State::asks) return;
  switch (step_) {
    case Step::agree: return refuse(HandshakeRefusal::bad_agreement, kKeyAt);
    case Step::open: return refuse(HandshakeRefusal::tampered);
    case Step::verify: return refuse(HandshakeRefusal::bad_signature);
    default: return refuse(HandshakeRefusal::cryptography);
  }
}

void Handshake::answer(Bytes result) {
  if (state_ != State::asks) return;
  switch (step_) {
    case Step::generate: {
      if (result.size() != key_bytes(agreement_)) return refuse(HandshakeRefusal::cryptography);
      if (initiator()) {
        first_ = own_hello(agreement_, result);
        out_.assign(first_.bytes());
        return send(Step::second);
      }
      if (std::ranges::equal(result, Bytes(their_key_).first(their_key_size_))) return refuse(HandshakeRefusal::reflection, kKeyAt);
      second_ = own_hello(agreement_, result);
      bind_transcript();
      return ask(Step::agree);
    }
    case Step::agree:
      if (initiator()) return ask(Step::open);
      write_identity();
      return ask(Step::sign);
    case Step::sign:
      if (result.size() != PublicKey::kSignatureBytes) return refuse(HandshakeRefusal::cryptography);
      identity_.append_le(static_cast<std::uint16_t>(result.size()));
      identity_.append(result);
      if (!initiator()) responder_identity_ = sha256(identity_.bytes());
      return ask(Step::seal);
    case Step::seal:
      if (result.size() != identity_.size + kTagBytes) return refuse(HandshakeRefusal::cryptography);
      if (initiator()) {
        out_.assign(result);
        return send(Step::finished);
      }
      out_.assign(second_.bytes());
      out_.append(result);
      return send(Step::third);
    case Step::open:
      if (result.size() + kTagBytes != sealed_.size) return refuse(HandshakeRefusal::cryptography);
      identity_.assign(result);
      return read_identity();
    case Step::verify:
      if (initiator()) {
        responder_identity_ = sha256(identity_.bytes());
        write_identity();
        return ask(Step::sign);
      }
      state_ = State::done;
      return;
    default: return;
  }
}

void Handshake::sent() {
  if (state_ != State::sends) return;
  state_ = step_ == Step::finished ? State::done : State::waits;
}

void Handshake::receive(Bytes message) {
  if (state_ == State::done || state_ == State::refused) return;
  if (message.size() > kMessageMax) return refuse(HandshakeRefusal::too_long, kMessageMax);
  if (state_ != State::waits) return refuse(HandshakeRefusal::unexpected);
  switch (step_) {
    case Step::first: return receive_first(message);
    case Step::second: return receive_second(message);
    default: return receive_third(message);
  }
}

Handshake::Buffer<Handshake::kHelloMax> Handshake::own_hello(std::uint8_t agreement, Bytes key) const {
  Buffer<kHelloMax> hello;
  hello.append(as_bytes(kMagic));
  hello.append_le(static_cast<std::uint8_t>(options_.role));
  hello.append_le(std::uint8_t{0});
  hello.append_le(std::uint16_t{options_.agreements});
  hello.append_le(std::uint16_t{options_.algorithms});
  hello.append(network_);
  hello.append(options_.nonce);
  hello.append_le(agreement);
  hello.append_le(static_cast<std::uint8_t>(key.size()));
  hello.append(key);
  return hello;
}

std::optional<Handshake::Hello> Handshake::read_hello(Bytes message) {
  const auto refused = [&](HandshakeRefusal refusal, std::size_t at) {
    refuse(refusal, at);
    return std::nullopt;
  };
  const std::size_t same = static_cast<std::size_t>(std::ranges::mismatch(message, as_bytes(kMagic)).in1 - message.begin());
  if (same < kMagic.size()) return refused(HandshakeRefusal::malformed, same);
  if (message.size() < kKeyAt) return refused(HandshakeRefusal::malformed, message.size());
  if (message[kRoleAt] == static_cast<std::uint8_t>(options_.role)) return refused(HandshakeRefusal::reflection, kRoleAt);
  if (message[kRoleAt] != static_cast<std::uint8_t>(opposite(options_.role))) return refused(HandshakeRefusal::malformed, kRoleAt);
  if (message[kFlagsAt] != 0) return refused(HandshakeRefusal::malformed, kFlagsAt);
  if (!std::ranges::equal(message.subspan(kNetworkAt, 32), network_)) return refused(HandshakeRefusal::wrong_network, kNetworkAt);
  Hello hello;
  hello.nonce = message.subspan(kNonceAt, 32);
  if (std::ranges::equal(hello.nonce, options_.nonce)) return refused(HandshakeRefusal::reflection, kNonceAt);
  hello.agreements = message[kAgreementsAt] & kKnownMask;  // what else there may be, a later version knows
  hello.algorithms = message[kAlgorithmsAt] & kKnownMask;
  hello.agreement = message[kAgreementAt];
  if (hello.agreement > static_cast<std::uint8_t>(KeyAgreement::p256)) return refused(HandshakeRefusal::agreement, kAgreementAt);
  if (message[kKeyLengthAt] != key_bytes(hello.agreement)) return refused(HandshakeRefusal::malformed, kKeyLengthAt);
  hello.size = kKeyAt + message[kKeyLengthAt];
  if (message.size() < hello.size) return refused(HandshakeRefusal::malformed, message.size());
  hello.key = message.subspan(kKeyAt, hello.size - kKeyAt);
  if ((hello.algorithms & static_cast<std::uint8_t>(algorithm_)) == 0)
    return refused(HandshakeRefusal::signature_algorithm, kAlgorithmsAt);
  if (best_agreement(hello.agreements) == 0) return refused(HandshakeRefusal::agreement, kAgreementsAt);
  return hello;
}

void Handshake::receive_first(Bytes message) {
  const auto hello = read_hello(message);
  if (!hello) return;
  if (message.size() != hello->size) return refuse(HandshakeRefusal::malformed, hello->size);
  const std::uint8_t best = best_agreement(hello->agreements);
  if (hello->agreement != best) {
    // The initiator could not know what we have. It is told once; a second guess, or one that was right, is no mistake.
    if (asked_again_ || hello->agreement == 0 || (options_.agreements & hello->agreement) != 0)
      return refuse(HandshakeRefusal::agreement, kAgreementAt);
    asked_again_ = true;
    out_.assign(own_hello(0, {}).bytes());
    return send(Step::first);
  }
  agreement_ = best;
  first_.assign(message);
  their_key_size_ = static_cast<std::uint8_t>(hello->key.size());
  std::ranges::copy(hello->key, their_key_.begin());
  ask(Step::generate);
}

void Handshake::receive_second(Bytes message) {
  const auto hello = read_hello(message);
  if (!hello) return;
  const std::uint8_t best = best_agreement(hello->agreements);
  if (hello->agreement == 0) {
    if (message.size() != hello->size) return refuse(HandshakeRefusal::malformed, hello->size);
    // Believed for now: a lie leads to a hello whose mask shows the other side that it is not the best.
    if (asked_again_ || best == agreement_) return refuse(HandshakeRefusal::agreement, kAgreementAt);
    asked_again_ = true;
    agreement_ = best;
    return ask(Step::generate);
  }
  if (hello->agreement != agreement_ || best != agreement_) return refuse(HandshakeRefusal::agreement, kAgreementAt);
  if (std::ranges::equal(hello->key, first_.bytes().subspan(kKeyAt))) return refuse(HandshakeRefusal::reflection, kKeyAt);
  const Bytes sealed = message.subspan(hello->size);
  if (sealed.size() <= kTagBytes || sealed.size() > sealed_.data.size()) return refuse(HandshakeRefusal::malformed, hello->size);
  their_key_size_ = static_cast<std::uint8_t>(hello->key.size());
  std::ranges::copy(hello->key, their_key_.begin());
  second_.assign(message.first(hello->size));
  sealed_.assign(sealed);
  bind_transcript();
  ask(Step::agree);
}

void Handshake::receive_third(Bytes message) {
  if (message.size() <= kTagBytes || message.size() > sealed_.data.size())
    return refuse(HandshakeRefusal::malformed, message.size());
  sealed_.assign(message);
  ask(Step::open);
}

void Handshake::bind_transcript() {
  const Bytes data = options_.binding.kind == ChannelBinding::Kind::dtls ? Bytes(options_.binding.fingerprints) : Bytes();
  Buffer<kTranscriptLabel.size() + 2 * kHelloMax + 1 + 64> transcript;
  transcript.append(as_bytes(kTranscriptLabel));
  transcript.append(first_.bytes());
  transcript.append(second_.bytes());
  transcript.append_le(static_cast<std::uint8_t>(options_.binding.kind));
  transcript.append(data);
  transcript_ = sha256(transcript.bytes());
}

void Handshake::write_signed(Role signer, Bytes identity_without_signature) {
  signed_.assign(as_bytes(kSignatureLabel));
  signed_.append_le(static_cast<std::uint8_t>(signer));
  signed_.append(transcript_);
  signed_.append(sha256(identity_without_signature));
  if (signer == Role::initiator) signed_.append(responder_identity_);
}

void Handshake::write_identity() {
  identity_.size = 0;
  identity_.append_le(static_cast<std::uint8_t>(algorithm_));
  identity_.append_le(static_cast<std::uint16_t>(own_key_.size));
  identity_.append(own_key_.bytes());
  identity_.append_le(options_.incarnation);
  identity_.append_le(options_.capabilities);
  identity_.append_le(options_.envelope_bytes_max);
  identity_.append_le(std::uint16_t{0});  // no delegation
  write_signed(options_.role, identity_.bytes());
}

// Sealed by whoever has the keys, so it may still be anything.
void Handshake::read_identity() {
  const Bytes all = identity_.bytes();
  if (all.size() < 3) return refuse(HandshakeRefusal::malformed, all.size());
  const std::size_t key_size = load_le<std::uint16_t>(all.data() + 1);
  if (all.size() < 3 + key_size + 18) return refuse(HandshakeRefusal::malformed, all.size());
  const auto key = PublicKey::from_bytes(all.subspan(3, key_size));
  if (!key) return refuse(HandshakeRefusal::malformed, 3 + key.error().at);
  if (all[0] != static_cast<std::uint8_t>(key->algorithm)) return refuse(HandshakeRefusal::malformed, 0);
  if ((options_.algorithms & all[0]) == 0) return refuse(HandshakeRefusal::signature_algorithm, 0);
  if (equal(key->encoded, own_key_.bytes())) return refuse(HandshakeRefusal::reflection, 3);
  std::size_t at = 3 + key_size;
  HandshakePeer peer{.id = key->peer_id(),
                     .incarnation = load_le<std::uint64_t>(all.data() + at),
                     .capabilities = load_le<std::uint32_t>(all.data() + at + 8),
                     .envelope_bytes_max = load_le<std::uint32_t>(all.data() + at + 12)};
  at += 16;
  if (load_le<std::uint16_t>(all.data() + at) != 0) return refuse(HandshakeRefusal::delegation, at);
  at += 2;
  const Bytes without_signature = all.first(at);
  if (all.size() != at + 2 + PublicKey::kSignatureBytes || load_le<std::uint16_t>(all.data() + at) != PublicKey::kSignatureBytes)
    return refuse(HandshakeRefusal::malformed, at);
  if (options_.expected && *options_.expected != peer.id) return refuse(HandshakeRefusal::wrong_peer, 3);
  signature_at_ = static_cast<std::uint32_t>(at) + 2;
  write_signed(opposite(options_.role), without_signature);
  peer_ = peer;
  ask(Step::verify);
}

std::optional<AuthenticatedPeer> Handshake::take() {
  if (state_ != State::done || std::exchange(taken_, true)) return std::nullopt;
  return AuthenticatedPeer(peer_->id, peer_->incarnation, channel_of(options_.binding.kind));
}

}  // namespace bb
