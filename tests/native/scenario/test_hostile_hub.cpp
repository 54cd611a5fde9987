// Whoever carries the messages of a handshake may change, swap, repeat and reorder them: no proof comes of it.
#include <algorithm>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "support/handshakes.h"

namespace {

using namespace bb;
using namespace bb::test;

struct Ends {
  HandshakeEnd initiator;
  HandshakeEnd responder;
  Ends(const OpenSslIdentity& left, const OpenSslIdentity& right) : Ends(left, right, {}, {}) {}
  Ends(const OpenSslIdentity& left, const OpenSslIdentity& right, const ChannelBinding& at_left, const ChannelBinding& at_right)
      : initiator(left, bound(initiator_options(), at_left)), responder(right, bound(responder_options(), at_right)) {}

 private:
  static HandshakeOptions bound(HandshakeOptions options, const ChannelBinding& binding) {
    options.binding = binding;
    return options;
  }
};

/// The three messages of an undisturbed handshake.
std::vector<ByteBuffer> messages_of(const OpenSslIdentity& left, const OpenSslIdentity& right) {
  Ends ends(left, right);
  std::vector<ByteBuffer> messages;
  converse(ends.initiator, ends.responder, [&](int, ByteBuffer& message) { messages.push_back(message); });
  REQUIRE(ends.responder.done());
  return messages;
}

// What a changed message leads to. The initiator's proof of the responder comes with the second message, so a third one that is
// changed finds the initiator done, and rightly; the responder, who would deliver to it, has no proof.
void require_refused(Ends& ends, int changed) {
  CHECK(!ends.responder.done());
  CHECK(!ends.responder.handshake().take());
  if (changed < 2) {
    CHECK(!ends.initiator.done());
    CHECK(!ends.initiator.handshake().take());
  } else {
    CHECK(ends.responder.refusal() != HandshakeRefusal::none);
  }
}

TEST_CASE("hostile hub: every byte of a handshake, changed in every bit, is refused") {
  for (const auto algorithm : {SignatureAlgorithm::ed25519, SignatureAlgorithm::p256}) {
    const auto left = *OpenSslIdentity::generate(algorithm);
    const auto right = *OpenSslIdentity::generate(algorithm);
    const auto lengths = messages_of(left, right);
    REQUIRE(lengths.size() == 3);
    for (int changed = 0; changed < 3; ++changed)
      for (std::size_t at = 0; at < lengths[changed].size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
          Ends ends(left, right);
          converse(ends.initiator, ends.responder, [&](int number, ByteBuffer& message) {
            if (number == changed) message[at] ^= static_cast<std::uint8_t>(1 << bit);
          });
          INFO("message " << changed << " byte " << at << " bit " << bit);
          require_refused(ends, changed);
        }
  }
}

TEST_CASE("hostile hub: a message cut short or made longer is refused") {
  const auto left = *OpenSslIdentity::generate();
  const auto right = *OpenSslIdentity::generate();
  const auto lengths = messages_of(left, right);
  for (int changed = 0; changed < 3; ++changed)
    for (std::size_t size = 0; size <= lengths[changed].size() + 2; ++size) {
      if (size == lengths[changed].size()) continue;
      Ends ends(left, right);
      converse(ends.initiator, ends.responder, [&](int number, ByteBuffer& message) {
        if (number == changed) message.resize(size);
      });
      INFO("message " << changed << " of " << size << " bytes");
      require_refused(ends, changed);
    }
}

TEST_CASE("hostile hub: messages of another session of the same two peers are refused") {
  const auto left = *OpenSslIdentity::generate();
  const auto right = *OpenSslIdentity::generate();
  const auto recorded = messages_of(left, right);
  for (int changed = 0; changed < 3; ++changed) {
    Ends ends(left, right);
    converse(ends.initiator, ends.responder, [&](int number, ByteBuffer& message) {
      if (number == changed) message = recorded[changed];
    });
    require_refused(ends, changed);
  }
}

TEST_CASE("hostile hub: messages swapped between two sessions that run at once are refused") {
  const auto left = *OpenSslIdentity::generate();
  const auto right = *OpenSslIdentity::generate();
  const auto third = *OpenSslIdentity::generate();
  for (const bool same_peers : {true, false})
    for (int swapped = 0; swapped < 3; ++swapped) {
      Ends one(left, right);
      Ends two(left, same_peers ? right : third);
      for (int number = 0; number < 3; ++number) {
        auto of_one = (number % 2 == 0 ? one.initiator : one.responder).run();
        auto of_two = (number % 2 == 0 ? two.initiator : two.responder).run();
        if (number == swapped) std::swap(of_one, of_two);
        if (of_one) (number % 2 == 0 ? one.responder : one.initiator).handshake().receive(*of_one);
        if (of_two) (number % 2 == 0 ? two.responder : two.initiator).handshake().receive(*of_two);
      }
      for (Ends* ends : {&one, &two}) {
        (void)ends->initiator.run();
        (void)ends->responder.run();
        INFO(same_peers << " " << swapped);
        require_refused(*ends, swapped);
      }
    }
}

TEST_CASE("hostile hub: a handshake that is played again leads nowhere") {
  const auto left = *OpenSslIdentity::generate();
  const auto right = *OpenSslIdentity::generate();
  const auto recorded = messages_of(left, right);
  HandshakeEnd responder(right, responder_options());
  responder.handshake().receive(recorded[0]);
  REQUIRE(responder.run());  // a first message is everybody's to send
  responder.handshake().receive(recorded[2]);
  (void)responder.run();
  CHECK(responder.refusal() == HandshakeRefusal::tampered);
  HandshakeEnd initiator(left, initiator_options());
  REQUIRE(initiator.run());
  initiator.handshake().receive(recorded[1]);
  (void)initiator.run();
  CHECK(!initiator.done());
}

TEST_CASE("hostile hub: messages out of order are refused") {
  const auto left = *OpenSslIdentity::generate();
  const auto right = *OpenSslIdentity::generate();
  const auto recorded = messages_of(left, right);
  for (const int first : {1, 2}) {
    HandshakeEnd responder(right, responder_options());
    responder.handshake().receive(recorded[first]);
    (void)responder.run();
    CHECK(responder.refusal() != HandshakeRefusal::none);
  }
  for (const int second : {0, 2}) {
    HandshakeEnd initiator(left, initiator_options());
    REQUIRE(initiator.run());
    initiator.handshake().receive(recorded[second]);
    (void)initiator.run();
    CHECK(initiator.refusal() != HandshakeRefusal::none);
  }
  Ends ends(left, right);
  const auto hello = ends.initiator.run();
  ends.responder.handshake().receive(*hello);
  REQUIRE(ends.responder.run());
  ends.responder.handshake().receive(*hello);  // the first once more, where the third belongs
  (void)ends.responder.run();
  CHECK(!ends.responder.done());
}

TEST_CASE("hostile hub: another DTLS fingerprint at one end, or none, is refused by both") {
  const auto left = *OpenSslIdentity::generate();
  const auto right = *OpenSslIdentity::generate();
  ChannelBinding seen{.kind = ChannelBinding::Kind::dtls, .fingerprints = {}};
  for (std::size_t at = 0; at < seen.fingerprints.size(); ++at) seen.fingerprints[at] = static_cast<std::uint8_t>(at);
  {
    Ends ends(left, right, seen, seen);
    converse(ends.initiator, ends.responder);
    CHECK(ends.responder.done());
  }
  for (std::size_t at = 0; at < seen.fingerprints.size(); ++at) {
    ChannelBinding other = seen;
    other.fingerprints[at] ^= 1;
    Ends ends(left, right, seen, other);
    converse(ends.initiator, ends.responder);
    INFO("fingerprint byte " << at);
    require_refused(ends, 0);
    CHECK(ends.initiator.refusal() == HandshakeRefusal::tampered);
  }
  // Two middle connections, their fingerprints swapped or equal, are no better.
  ChannelBinding turned = seen;
  std::rotate(turned.fingerprints.begin(), turned.fingerprints.begin() + 32, turned.fingerprints.end());
  for (const ChannelBinding& other :
       {turned, ChannelBinding{}, ChannelBinding{.kind = ChannelBinding::Kind::in_process, .fingerprints = {}}}) {
    Ends ends(left, right, seen, other);
    converse(ends.initiator, ends.responder);
    require_refused(ends, 0);
  }
}

TEST_CASE("hostile hub: a middle that proves its own key is who it is, not who was called") {
  const auto left = *OpenSslIdentity::generate();
  const auto right = *OpenSslIdentity::generate();
  const auto middle = *OpenSslIdentity::generate();
  HandshakeOptions call = initiator_options();
  call.expected = right.id();
  HandshakeEnd caller(left, call);
  HandshakeEnd answerer(middle, responder_options());
  converse(caller, answerer);
  CHECK(caller.refusal() == HandshakeRefusal::wrong_peer);
  CHECK(!answerer.done());
}

}  // namespace
