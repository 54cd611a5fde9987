// layer: wire
// Proof that a peer is who it says. Only a finished handshake yields one, and a node admits nothing else.
#pragma once

#include "bb/peer_id.h"

namespace bb {

/// How the bytes of a peer are kept from others. `itself`: a node's own envelopes, which go nowhere.
enum class ChannelKind : std::uint8_t { none, encrypted, dtls, in_process, itself };
/// The stable lower-case name; empty for `none`.
std::string_view channel_name(ChannelKind channel);

/// Used up by `Node::admit`: one handshake, one admission.
class AuthenticatedPeer {
 public:
  AuthenticatedPeer(AuthenticatedPeer&&) = default;
  AuthenticatedPeer& operator=(AuthenticatedPeer&&) = default;
  AuthenticatedPeer(const AuthenticatedPeer&) = delete;
  AuthenticatedPeer& operator=(const AuthenticatedPeer&) = delete;
  ~AuthenticatedPeer() = default;

  const PeerId& id() const { return id_; }
  /// Grows with every life of the peer, so that numbers of an earlier one cannot be used again.
  std::uint64_t incarnation() const { return incarnation_; }
  ChannelKind channel() const { return channel_; }

 private:
  friend class Handshake;
  friend class PeerAttestation;  // of the tests, which meet peers by number; the library has no such class
  AuthenticatedPeer(const PeerId& id, std::uint64_t incarnation, ChannelKind channel)
      : id_(id), incarnation_(incarnation), channel_(channel) {}
  PeerId id_;
  std::uint64_t incarnation_ = 0;
  ChannelKind channel_ = ChannelKind::none;
};

}  // namespace bb
