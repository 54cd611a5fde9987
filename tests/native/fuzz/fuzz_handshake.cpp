// One end of a handshake whose other end, and whose host, may say anything: it ends within the computations of one session, and
// never with a proof that no signature was checked for.
#include "bb/handshake.h"
#include "bb/hash.h"
#include "fuzz/support/feed.h"
#include "fuzz/support/fuzz_target.h"

namespace bb::fuzz {
namespace {

enum Event : std::uint8_t { kAnswer, kAnswerFitting, kDecline, kReceive, kSent, kTimeOut, kTake, kEvents };

constexpr std::size_t kSealTag = 16;

/// What an honest host's answer would be as long as.
std::size_t fitting(const CryptoRequest& request) {
  switch (request.kind) {
    case CryptoRequest::Kind::generate: return request.agreement == KeyAgreement::x25519 ? 32 : 65;
    case CryptoRequest::Kind::sign: return PublicKey::kSignatureBytes;
    case CryptoRequest::Kind::seal: return request.message.size() + kSealTag;
    case CryptoRequest::Kind::open: return request.message.size() - kSealTag;
    case CryptoRequest::Kind::agree:
    case CryptoRequest::Kind::verify: return 0;
  }
  return 0;
}

ByteBuffer bytes(Feed& feed, std::size_t size) {
  ByteBuffer out(size);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(feed.byte());
  return out;
}

ByteBuffer own_key(bool p256) {
  ByteBuffer key = p256 ? ByteBuffer{0x08, 0x03, 0x12, 0x5b, 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                     0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04}
                        : ByteBuffer{0x08, 0x01, 0x12, 0x20};
  key.resize(p256 ? 95 : 36, 0x11);
  return key;
}

}  // namespace

// An initiator and a responder, each led to its end by messages of the right form.
std::vector<ByteBuffer> seeds() {
  const auto hello = [](std::uint8_t role) {
    ByteBuffer message{'B', 'B', 'H', '1', role, 0, 3, 0, 3, 0};
    const auto network = sha256({});
    message.insert(message.end(), network.begin(), network.end());
    message.resize(10 + 64, 0x22);  // a nonce
    message.push_back(1);
    message.push_back(32);
    message.resize(message.size() + 32, 0x33);
    return message;
  };
  const auto identity = [] {
    ByteBuffer message{1, 36, 0, 0x08, 0x01, 0x12, 0x20};
    message.resize(3 + 36, 0x44);
    message.resize(message.size() + 18, 0);
    message.push_back(64);
    message.push_back(0);
    message.resize(message.size() + 64, 0x55);
    return message;
  };
  const auto append = [](ByteBuffer& seed, std::initializer_list<std::uint8_t> events) { seed.insert(seed.end(), events); };
  const auto receive = [](ByteBuffer& seed, const ByteBuffer& message) {
    seed.push_back(kReceive);
    seed.push_back(static_cast<std::uint8_t>(message.size() & 0xff));
    seed.push_back(static_cast<std::uint8_t>(message.size() >> 8));
    seed.insert(seed.end(), message.begin(), message.end());
  };
  ByteBuffer initiator{0, 3, 3, 0, 0};
  append(initiator, {kAnswerFitting});
  initiator.resize(initiator.size() + 32, 0x66);
  append(initiator, {kSent});
  ByteBuffer second = hello(2);
  second.resize(second.size() + identity().size() + kSealTag, 0x77);
  receive(initiator, second);
  append(initiator, {kAnswerFitting, kAnswerFitting});
  const ByteBuffer proof = identity();
  initiator.insert(initiator.end(), proof.begin(), proof.end());
  append(initiator, {kAnswerFitting, kAnswerFitting});
  initiator.resize(initiator.size() + 64, 0x88);
  append(initiator, {kAnswerFitting});
  initiator.resize(initiator.size() + 200, 0x99);
  append(initiator, {kSent, kTake});

  ByteBuffer responder{1, 3, 3, 0, 0};
  receive(responder, hello(1));
  append(responder, {kAnswerFitting});
  responder.resize(responder.size() + 32, 0x66);
  append(responder, {kAnswerFitting, kAnswerFitting});
  return {initiator, responder};
}

}  // namespace bb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bb;
  using namespace bb::fuzz;
  Feed feed({data, size});
  HandshakeOptions options;
  options.role = feed.below(2) == 0 ? HandshakeOptions::Role::initiator : HandshakeOptions::Role::responder;
  options.agreements = static_cast<std::uint8_t>(feed.byte());
  options.algorithms = static_cast<std::uint8_t>(feed.byte());
  const ByteBuffer key = own_key(feed.below(2) == 1);
  options.public_key = key;
  options.binding.kind = static_cast<ChannelBinding::Kind>(feed.below(3));
  auto begun = Handshake::begin(options);
  if (!begun) return 0;
  Handshake& handshake = *begun;
  std::uint32_t asked[6] = {};
  bool verified = false;
  bool taken = false;
  while (!feed.empty()) {
    const bool asks = handshake.state() == Handshake::State::asks;
    const std::uint32_t event = feed.below(kEvents);
    switch (event) {
      case kAnswer:
      case kAnswerFitting: {
        if (!asks) {
          handshake.answer(bytes(feed, feed.below(4)));
          break;
        }
        const CryptoRequest request = handshake.request();
        ++asked[static_cast<std::size_t>(request.kind)];
        verified |= request.kind == CryptoRequest::Kind::verify;
        require(request.message.size() <= Handshake::kMessageMax, "what is asked for is small");
        handshake.answer(bytes(feed, event == kAnswer ? feed.below(200) : fitting(request)));
        break;
      }
      case kDecline: handshake.decline(); break;
      case kReceive: {
        const std::size_t low = feed.byte();
        handshake.receive(bytes(feed, low + 256 * feed.below(18)));
        break;
      }
      case kSent: handshake.sent(); break;
      case kTimeOut: handshake.time_out(); break;
      default: {
        const auto proof = handshake.take();
        require(!proof || (verified && !taken), "a proof comes of a signature that was checked, and once");
        taken |= proof.has_value();
      }
    }
    require((handshake.state() == Handshake::State::refused) == (handshake.refusal() != HandshakeRefusal::none),
            "a refusal has a reason");
    require((handshake.peer() != nullptr) == (handshake.state() == Handshake::State::done), "a peer is known when it is proven");
    require(handshake.message().size() <= Handshake::kMessageMax, "messages are short");
  }
  require(asked[0] <= 2, "a session makes two ephemeral keys at most");
  for (std::size_t kind = 1; kind < 6; ++kind) require(asked[kind] <= 1, "a session costs one computation of each kind");
  return 0;
}
