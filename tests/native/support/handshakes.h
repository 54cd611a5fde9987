// Two ends of a handshake and what passes between them, for tests that change it on the way.
#pragma once

#include <optional>

#include "bb/openssl.h"

namespace bb::test {

/// One end. It must not move: the handshake's answers come from what it holds.
class HandshakeEnd {
 public:
  HandshakeEnd(const OpenSslIdentity& identity, HandshakeOptions options);
  HandshakeEnd(const HandshakeEnd&) = delete;
  HandshakeEnd& operator=(const HandshakeEnd&) = delete;

  Handshake& handshake() { return *handshake_; }
  OpenSslHandshake& host() { return host_; }
  HandshakeOptions::Role role() const { return role_; }
  /// Computes, and gives the message that is to be sent, if any.
  std::optional<ByteBuffer> run();
  bool done() const { return handshake_->state() == Handshake::State::done; }
  HandshakeRefusal refusal() const { return handshake_->refusal(); }

 private:
  HandshakeOptions::Role role_;
  OpenSslHandshake host_;
  std::optional<Handshake> handshake_;
};

/// Options with a fresh nonce.
HandshakeOptions initiator_options();
HandshakeOptions responder_options();

/// Carries messages until nobody has one, each as `change` gives it on: `change(number, message)`, numbered from 0.
template <class Change>
void converse(HandshakeEnd& initiator, HandshakeEnd& responder, Change change) {
  HandshakeEnd* speaks = &initiator;
  HandshakeEnd* listens = &responder;
  for (int number = 0; number < 8; ++number) {
    std::optional<ByteBuffer> message = speaks->run();
    if (!message) break;
    change(number, *message);
    listens->handshake().receive(*message);
    std::swap(speaks, listens);
  }
  (void)initiator.run();
  (void)responder.run();
}
inline void converse(HandshakeEnd& initiator, HandshakeEnd& responder) {
  converse(initiator, responder, [](int, ByteBuffer&) {});
}

}  // namespace bb::test
