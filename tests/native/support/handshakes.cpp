// Ends of handshakes with OpenSSL behind them.
#include "support/handshakes.h"

#include <catch2/catch_test_macros.hpp>

namespace bb::test {
namespace {

HandshakeOptions with_nonce(HandshakeOptions options) {
  const auto nonce = OpenSslHandshake::nonce();
  REQUIRE(nonce);
  options.nonce = *nonce;
  return options;
}

}  // namespace

HandshakeEnd::HandshakeEnd(const OpenSslIdentity& identity, HandshakeOptions options) : role_(options.role), host_(identity) {
  options.public_key = identity.public_key();
  auto begun = Handshake::begin(options);
  REQUIRE(begun);
  handshake_.emplace(std::move(*begun));
}

std::optional<ByteBuffer> HandshakeEnd::run() {
  host_.serve(*handshake_);
  if (handshake_->state() != Handshake::State::sends) return std::nullopt;
  const Bytes message = handshake_->message();
  ByteBuffer copy(message.begin(), message.end());
  handshake_->sent();
  return copy;
}

HandshakeOptions initiator_options() { return with_nonce({.role = HandshakeOptions::Role::initiator}); }
HandshakeOptions responder_options() { return with_nonce({.role = HandshakeOptions::Role::responder}); }

}  // namespace bb::test
