// The handshake between honest ends, and every way in which one end may be wrong about the other.
#include <type_traits>

#include <catch2/catch_test_macros.hpp>

#include "support/handshakes.h"

namespace {

using namespace bb;
using namespace bb::test;

// No other expression yields a proof.
static_assert(!std::is_default_constructible_v<AuthenticatedPeer>);
static_assert(!std::is_copy_constructible_v<AuthenticatedPeer>);
static_assert(!std::is_constructible_v<AuthenticatedPeer, PeerId, std::uint64_t, ChannelKind>);
static_assert(!std::is_aggregate_v<AuthenticatedPeer>);

struct Pair {
  OpenSslIdentity left = *OpenSslIdentity::generate();
  OpenSslIdentity right = *OpenSslIdentity::generate();
  HandshakeOptions to_right = initiator_options();
  HandshakeOptions to_left = responder_options();
};

TEST_CASE("handshake: both ends know the other, once, and have keys that nobody else has") {
  for (const auto algorithm : {SignatureAlgorithm::ed25519, SignatureAlgorithm::p256})
    for (const auto agreement : {KeyAgreement::x25519, KeyAgreement::p256}) {
      Pair pair;
      pair.right = *OpenSslIdentity::generate(algorithm);
      pair.to_right.agreements = static_cast<std::uint8_t>(agreement);
      pair.to_left.agreements = static_cast<std::uint8_t>(agreement);
      pair.to_right.incarnation = 7;
      pair.to_right.capabilities = 5;
      pair.to_right.envelope_bytes_max = 1 << 20;
      pair.to_left.incarnation = 9;
      pair.to_right.expected = pair.right.id();
      HandshakeEnd left(pair.left, pair.to_right);
      HandshakeEnd right(pair.right, pair.to_left);
      CHECK(left.handshake().peer() == nullptr);
      converse(left, right);
      REQUIRE(left.done());
      REQUIRE(right.done());
      CHECK(right.handshake().peer()->capabilities == 5);
      CHECK(right.handshake().peer()->envelope_bytes_max == 1 << 20);
      const auto of_right = left.handshake().take();
      const auto of_left = right.handshake().take();
      REQUIRE(of_right);
      REQUIRE(of_left);
      CHECK(of_right->id() == pair.right.id());
      CHECK(of_right->incarnation() == 9);
      CHECK(of_right->channel() == ChannelKind::encrypted);
      CHECK(of_left->id() == pair.left.id());
      CHECK(of_left->incarnation() == 7);
      CHECK(!left.handshake().take());

      OpenSslRecords out = left.host().outgoing(left.role());
      OpenSslRecords in = right.host().incoming(right.role());
      OpenSslRecords wrong_way = left.host().incoming(left.role());
      for (int i = 0; i < 3; ++i) {
        const auto record = out.seal(as_bytes("learn"));
        REQUIRE(record);
        CHECK(record->size() == 5 + OpenSslRecords::kOverhead);
        CHECK(!wrong_way.open(*record));
        const auto message = in.open(*record);
        REQUIRE(message);
        CHECK(as_text(*message) == "learn");
        CHECK(!in.open(*record));  // a record once more
      }
      const auto lost = out.seal(as_bytes("lost"));
      CHECK(!in.open(*out.seal(as_bytes("next"))));
      ByteBuffer changed = *lost;
      for (std::size_t at = 0; at < changed.size(); ++at) {
        changed[at] ^= 1;
        CHECK(!in.open(changed));
        changed[at] ^= 1;
      }
      CHECK(!in.open(Bytes(*lost).first(lost->size() - 1)));
      CHECK(in.open(*lost));
      CHECK(in.open(*out.seal({})).error().code == Code::malformed);  // two are missing by now
    }
}

TEST_CASE("handshake: the channel tells how it is protected") {
  for (const auto kind : {ChannelBinding::Kind::dtls, ChannelBinding::Kind::in_process}) {
    Pair pair;
    pair.to_right.binding.kind = pair.to_left.binding.kind = kind;
    pair.to_right.binding.fingerprints.fill(3);
    pair.to_left.binding.fingerprints.fill(3);
    HandshakeEnd left(pair.left, pair.to_right);
    HandshakeEnd right(pair.right, pair.to_left);
    converse(left, right);
    CHECK(left.handshake().take()->channel() == (kind == ChannelBinding::Kind::dtls ? ChannelKind::dtls : ChannelKind::in_process));
  }
}

TEST_CASE("handshake: who has only one key agreement is asked for it, once") {
  Pair pair;
  pair.to_left.agreements = static_cast<std::uint8_t>(KeyAgreement::p256);
  HandshakeEnd left(pair.left, pair.to_right);
  HandshakeEnd right(pair.right, pair.to_left);
  int messages = 0;
  converse(left, right, [&](int, ByteBuffer&) { ++messages; });
  CHECK(messages == 5);
  CHECK(left.done());
  CHECK(right.done());
}

TEST_CASE("handshake: nobody talks two ends into a lesser key agreement") {
  Pair pair;
  HandshakeEnd left(pair.left, pair.to_right);
  HandshakeEnd right(pair.right, pair.to_left);
  // The middle answers the first hello itself: "I have P-256 only".
  auto first = left.run();
  HandshakeOptions lesser = responder_options();
  lesser.agreements = static_cast<std::uint8_t>(KeyAgreement::p256);
  HandshakeEnd middle(pair.right, lesser);
  middle.handshake().receive(*first);
  left.handshake().receive(*middle.run());
  right.handshake().receive(*left.run());
  (void)right.run();
  CHECK(right.refusal() == HandshakeRefusal::agreement);

  // And a second wish is refused by whoever asked once.
  HandshakeEnd asked(pair.left, initiator_options());
  middle.handshake().receive(*asked.run());
  CHECK(middle.refusal() == HandshakeRefusal::agreement);
}

TEST_CASE("handshake: nothing in common is said at the first hello") {
  Pair pair;
  SECTION("key agreements") {
    pair.to_right.agreements = 1;
    pair.to_left.agreements = 2;
    HandshakeEnd left(pair.left, pair.to_right);
    HandshakeEnd right(pair.right, pair.to_left);
    converse(left, right);
    CHECK(right.refusal() == HandshakeRefusal::agreement);
  }
  SECTION("the signatures of the responder's key") {
    pair.right = *OpenSslIdentity::generate(SignatureAlgorithm::p256);
    pair.to_right.algorithms = 1;
    HandshakeEnd left(pair.left, pair.to_right);
    HandshakeEnd right(pair.right, pair.to_left);
    converse(left, right);
    CHECK(right.refusal() == HandshakeRefusal::signature_algorithm);
  }
  SECTION("the signatures of the initiator's key") {
    pair.to_left.algorithms = 2;
    HandshakeEnd left(pair.left, pair.to_right);
    HandshakeEnd right(pair.right, pair.to_left);
    converse(left, right);
    CHECK(left.refusal() == HandshakeRefusal::signature_algorithm);
    CHECK(!right.done());
  }
  SECTION("networks") {
    pair.to_right.network = as_bytes("another");
    HandshakeEnd left(pair.left, pair.to_right);
    HandshakeEnd right(pair.right, pair.to_left);
    converse(left, right);
    CHECK(right.refusal() == HandshakeRefusal::wrong_network);
  }
}

TEST_CASE("handshake: another peer than the one that was called is refused, though its proof is good") {
  Pair pair;
  pair.to_right.expected = PeerId::from(3);
  HandshakeEnd left(pair.left, pair.to_right);
  HandshakeEnd right(pair.right, pair.to_left);
  converse(left, right);
  CHECK(left.refusal() == HandshakeRefusal::wrong_peer);
  CHECK(!right.done());
}

TEST_CASE("handshake: a key that proves itself to itself is a reflection") {
  Pair pair;
  HandshakeEnd left(pair.left, pair.to_right);
  HandshakeEnd right(pair.left, pair.to_left);
  converse(left, right);
  CHECK(left.refusal() == HandshakeRefusal::reflection);
  CHECK(!right.done());
}

TEST_CASE("handshake: options that cannot work are refused at the beginning") {
  const auto identity = *OpenSslIdentity::generate();
  HandshakeOptions options = initiator_options();
  CHECK(Handshake::begin(options).error().code == Code::truncated);
  options.public_key = identity.public_key();
  options.agreements = 4;
  CHECK(Handshake::begin(options).error().code == Code::bad_argument);
  options.agreements = 3;
  options.algorithms = 0;
  CHECK(Handshake::begin(options).error().code == Code::bad_argument);
}

TEST_CASE("handshake: time, silence of the host and words out of turn end it") {
  Pair pair;
  SECTION("time") {
    HandshakeEnd right(pair.right, pair.to_left);
    right.handshake().time_out();
    CHECK(right.refusal() == HandshakeRefusal::late);
    right.handshake().receive({});
    CHECK(right.refusal() == HandshakeRefusal::late);
  }
  SECTION("a message too many") {
    HandshakeEnd left(pair.left, pair.to_right);
    left.handshake().receive({});
    CHECK(left.refusal() == HandshakeRefusal::unexpected);
  }
  SECTION("a message too long") {
    HandshakeEnd right(pair.right, pair.to_left);
    right.handshake().receive(ByteBuffer(Handshake::kMessageMax + 1));
    CHECK(right.refusal() == HandshakeRefusal::too_long);
    CHECK(right.handshake().refused_at() == Handshake::kMessageMax);
  }
  SECTION("a host that cannot compute") {
    HandshakeEnd left(pair.left, pair.to_right);
    left.handshake().decline();
    CHECK(left.refusal() == HandshakeRefusal::cryptography);
  }
  SECTION("a host whose answers have other lengths") {
    HandshakeEnd left(pair.left, pair.to_right);
    left.handshake().answer(ByteBuffer(31));
    CHECK(left.refusal() == HandshakeRefusal::cryptography);
  }
  SECTION("after the end nothing changes it") {
    HandshakeEnd left(pair.left, pair.to_right);
    HandshakeEnd right(pair.right, pair.to_left);
    converse(left, right);
    left.handshake().receive({});
    left.handshake().time_out();
    left.handshake().decline();
    left.handshake().answer({});
    left.handshake().sent();
    CHECK(left.done());
    CHECK(left.handshake().take());
  }
}

TEST_CASE("handshake: a host may refuse each computation, and each refusal has its name") {
  const Pair pair;
  using Refusal = HandshakeRefusal;
  // What is asked for, in order, and what it means that it does not come out.
  constexpr Refusal kOfInitiator[] = {Refusal::cryptography,  Refusal::bad_agreement, Refusal::tampered,
                                      Refusal::bad_signature, Refusal::cryptography,  Refusal::cryptography};
  constexpr Refusal kOfResponder[] = {Refusal::cryptography, Refusal::bad_agreement, Refusal::cryptography,
                                      Refusal::cryptography, Refusal::tampered,      Refusal::bad_signature};
  for (const bool at_initiator : {true, false})
    for (std::size_t refused = 0; refused < 6; ++refused) {
      HandshakeEnd left(pair.left, initiator_options());
      HandshakeEnd right(pair.right, responder_options());
      HandshakeEnd& end = at_initiator ? left : right;
      HandshakeEnd& other = at_initiator ? right : left;
      std::size_t asked = 0;
      for (int turn = 0; turn < 6; ++turn) {
        while (end.handshake().state() == Handshake::State::asks && asked <= refused)
          asked++ == refused ? end.handshake().decline() : end.host().answer(end.handshake());
        if (const auto message = end.run()) other.handshake().receive(*message);
        if (const auto message = other.run()) end.handshake().receive(*message);
      }
      INFO(at_initiator << " " << refused);
      CHECK(end.refusal() == (at_initiator ? kOfInitiator : kOfResponder)[refused]);
    }
}

TEST_CASE("handshake: every refusal has a name of its own") {
  std::string names;
  for (int refusal = 0; refusal <= static_cast<int>(HandshakeRefusal::cryptography); ++refusal) {
    const std::string name = " " + std::string(handshake_refusal_name(static_cast<HandshakeRefusal>(refusal))) + " ";
    CHECK(names.find(name) == std::string::npos);
    names += name;
  }
}

}  // namespace
